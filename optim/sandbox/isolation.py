"""Isolation of a child: a hole in a parser shall be no hole in the machine.

Each protection stands alone, since kernels and containers refuse some; `working` says which this
system grants, and a child gets all of these or does not run. None needs a privilege: a user
namespace gives what the others ask for (user_namespaces(7)), Landlock and seccomp are for anyone.
"""

import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from optim.sandbox import kernel
from optim.sandbox.importable import elsewhere, importable, installed, opened

_EXECUTE, _WRITE, _READ, _LIST, _TRUNCATE = 1, 2, 4, 8, 1 << 14
_OF_A_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE
_ALL_FILE_ACCESSES = {1: 13, 2: 14, 3: 15}  # by Landlock's version: how many it handles
_CONNECT_AND_BIND = 3
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_READABLE = (
    *("/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc", "/sys"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
)
_FORBIDDEN_CALLS = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "userfaultfd"),
    *("mount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick"),
    *("mount_setattr", "pivot_root", "chroot", "unshare", "setns", "open_by_handle_at"),
    *("bpf", "perf_event_open", "add_key", "request_key", "keyctl", "io_uring_setup"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot"),
    *("swapon", "swapoff", "settimeofday", "clock_settime", "adjtimex", "acct", "quotactl"),
)
_STARTING = ("execve", "execveat")
_UNCOUNTED = (
    *("memfd_create", "memfd_secret"),
    *("shmget", "shmat", "msgget", "semget", "mq_open"),
)
"""Ways to hold memory that no process is seen to have, or that outlive all: answered as by a kernel
that is older than they are, so that libraries take another way."""
_LOCAL_SOCKETS = 1  # AF_UNIX
_ROUNDS = 100


@dataclass(frozen=True)
class Files:
    """The folders that a child may write in, and what it may read besides the system's own.

    `hidden`: what it may not read wherever that lies, unless it is named in one of those.
    `site`: a folder of packages that it finds before the program's own (`optim.environments`).
    `programs`: whether it may start programs, of those that it may read: a compiler that calls the
    system's. They stand behind the same walls.
    """

    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    site: Path | None = None
    programs: bool = False
    hidden: tuple[Path, ...] = ()


NO_FILES = Files()


@dataclass(frozen=True)
class Protection:
    """One wall: its name, what it keeps out in plain words, and how it is put up.

    `flag` is a namespace that it needs.
    """

    name: str
    keeps: str
    apply: Callable[[Files], None] = lambda files: None
    flag: int = 0


def _only_needed_files(files: Files) -> None:
    version = kernel.landlock_version()
    everything = (1 << _ALL_FILE_ACCESSES.get(version, max(_ALL_FILE_ACCESSES.values()))) - 1
    read = _EXECUTE | _READ | _LIST
    whole = [*map(Path, _READABLE), *installed()]
    whole += [path for folder in elsewhere(files.site) for path in importable(folder)]
    given = [*files.readable, *([files.site] if files.site else [])]
    rules = [(path, read) for path in (*opened(whole, files.hidden), *given)]
    rules += [(Path(entry), _LIST) for entry in sys.path if Path(entry).is_dir()]
    rules += [(Path("/dev/null"), read | _WRITE)]
    if os.statvfs("/proc/sys").f_flag & os.ST_RDONLY:  # else even the system's knobs are in there
        rules += [(Path("/proc"), read | _WRITE | (_TRUNCATE & everything))]
    rules += [(folder, everything) for folder in files.writable]
    rules = [
        (path, allowed if path.is_dir() else allowed & _OF_A_FILE & everything)
        for path, allowed in rules
    ]
    kernel.landlock((everything, _CONNECT_AND_BIND if version >= _NETWORK_SINCE else 0), rules)


def _no_signals(files: Files) -> None:
    if kernel.landlock_version() < _SCOPES_SINCE:
        raise OSError(errno.ENOSYS, "landlock: this kernel cannot keep signals in (Linux 6.12 can)")
    kernel.landlock_scope()


def _fewer_system_calls(files: Files) -> None:
    import pyseccomp

    refused = pyseccomp.ERRNO(1)  # EPERM
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.set_attr(pyseccomp.Attr.CTL_SSB, 1)  # or every instruction of the model gets slower
    for name in (*_FORBIDDEN_CALLS, *(() if files.programs else _STARTING)):
        rules.add_rule(refused, name)
    driver = any(folder.is_relative_to("/dev") for folder in files.writable)
    for name in () if driver else _UNCOUNTED:  # a driver may know no other way
        rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), name)
    rules.add_rule(refused, "socket", pyseccomp.Arg(0, pyseccomp.NE, _LOCAL_SOCKETS))
    rules.load()


PROTECTIONS = (
    Protection(
        "read-only files",
        "it writes nothing outside of its own folder",
        lambda files: kernel.mount_read_only(files.writable),
        kernel.NEW_MOUNTS,
    ),
    Protection("no network", "it reaches no other machine, nor this one", flag=kernel.NEW_NETWORK),
    Protection(
        "own processes",
        "it sees no other process and leaves none behind",
        lambda files: kernel.mount_processes(),
        kernel.NEW_PROCESSES | kernel.NEW_MOUNTS,
    ),
    Protection(
        "own memory segments", "it shares none with others", flag=kernel.NEW_IPC | kernel.NEW_HOST
    ),
    Protection(
        "needed files",
        "it reads only the program, the libraries and what the step is about",
        _only_needed_files,
    ),
    Protection(
        "no signals",
        "it ends and stops no other process, and joins no other's local socket",
        _no_signals,
    ),
    Protection(
        "no capabilities",
        "being root, or whatever else the server is, allows it nothing",
        lambda files: kernel.no_capabilities(),
    ),
    Protection(
        "fewer system calls",
        "it starts no programs, watches no process, mounts nothing",
        _fewer_system_calls,
    ),
)
"""In the order in which they are put up: each takes away what a later one would forbid."""


def isolate(names: Collection[str], files: Files) -> None:
    """Put up the walls of these names around this process. Raises OSError where one fails.

    It goes on in a child of this process, which only waits for it: the first process of a process
    namespace must be a new one, and where there is none, somebody must find what it left behind.
    """
    chosen = [one for one in PROTECTIONS if one.name in names]
    parent = os.getppid()
    kernel.no_new_privileges()
    flags = 0
    for one in chosen:
        flags |= one.flag
    if flags:
        kernel.own_namespaces(flags)
        kernel.die_with_parent(signal.SIGKILL)  # new credentials have reset it
        if os.getppid() != parent:
            os._exit(1)
    _go_on_in_child()
    for one in chosen:
        one.apply(files)


def _go_on_in_child() -> None:
    """Fork; the parent waits, ends what its child has left running, and ends as it did."""
    kernel.adopt_orphans()
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(reading)
        status = os.waitpid(pid, 0)[1]
        end_descendants(os.getpid())
        _end_as(os.waitstatus_to_exitcode(status))
    os.close(writing)
    kernel.die_with_parent(signal.SIGKILL)
    if _is_closed(reading):
        os._exit(1)
    os.close(reading)


def _is_closed(reading: int) -> bool:
    """Whether nobody holds the other end of a pipe that nothing is written to."""
    os.set_blocking(reading, False)
    try:
        return os.read(reading, 1) == b""
    except BlockingIOError:
        return False


def _end_as(code: int) -> NoReturn:
    """End with this exit code, or by the signal that a negative one stands for."""
    if code < 0:
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def descendants(pid: int) -> list[int]:
    """All processes that descend from this one, parents before their children (Linux: proc(5))."""
    found = [pid]
    for one in found:
        found += _children(one)
    return found[1:]


def _children(pid: int) -> list[int]:
    try:
        threads = [*Path(f"/proc/{pid}/task").iterdir()]
        texts = [(one / "children").read_text() for one in threads]
    except OSError:  # it has just ended, or one of its threads has
        return []
    return [int(number) for text in texts for number in text.split()]


def end_descendants(pid: int) -> None:
    """Kill all that descend from this process, which adopts orphans, whatever they start."""
    for _ in range(_ROUNDS):
        if not (left := descendants(pid)):
            return
        for one in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.getpid() == pid and os.waitpid(-1, os.WNOHANG)[0]:
                pass


def working(files: Files) -> dict[str, str]:
    """Every protection's name, and why it does not work here; empty where it does.

    Each is tried in a process of its own, and those that work are tried together.
    """
    found = {one.name: _tried([one.name], files) for one in PROTECTIONS}
    together = [name for name, why in found.items() if not why]
    if why := _tried(together, files):
        found |= dict.fromkeys(together, f"not together with the others: {why}")
    return found


def _tried(names: Iterable[str], files: Files) -> str:
    """Why these fail; empty where they do not. For a process without other threads."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        os.close(reading)
        try:
            isolate([*names], files)
            os.write(writing, b"+")
        except Exception as error:
            os.write(writing, str(error).encode()[:200] or b"?")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as source:
        said = source.read().decode(errors="replace")
    os.waitpid(pid, 0)
    return "" if said == "+" else said or "it ended without a word"


if __name__ == "__main__":
    json.dump(working(Files(writable=(Path.cwd(),))), sys.stdout)
