"""What of Linux's isolation Python does not offer, by its C library. Errors are OSError.

Sources: namespaces(7), user_namespaces(7), mount_setattr(2), capabilities(7),
prctl(2), landlock(7).
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

NEW_MOUNTS, NEW_HOST, NEW_IPC = 0x0002_0000, 0x0400_0000, 0x0800_0000
NEW_USERS, NEW_PROCESSES, NEW_NETWORK = 0x1000_0000, 0x2000_0000, 0x4000_0000

_READ_ONLY, _NO_SET_UID, _NO_DEVICES, _NO_PROGRAMS = 1, 2, 4, 8
_REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 32, 4096, 16384, 1 << 18
_MOUNT_SETATTR = 442  # the same on every architecture, as all calls since Linux 5.1
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PDEATHSIG, _SUBREAPER, _NO_NEW_PRIVILEGES = 1, 36, 38
_CAPABILITY_VERSION = 0x2008_0522

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def die_with_parent(signal: int) -> None:
    """Get this signal when the parent ends."""
    _checked(_libc.prctl(_PDEATHSIG, signal), "prctl")


def adopt_orphans() -> None:
    """Be the parent of descendants whose own parents have ended."""
    _checked(_libc.prctl(_SUBREAPER, 1), "prctl")


def no_new_privileges() -> None:
    """Nothing run from here on gains privileges, such as by a set-user-ID bit."""
    _checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")


def no_capabilities() -> None:
    """Give up what a user namespace, or being root, allows."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def own_namespaces(flags: int) -> None:
    """Leave namespaces behind, for new ones in which this user and group are the only ones."""
    user, group = os.geteuid(), os.getegid()
    _checked(_libc.unshare(flags | NEW_USERS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def mount_processes() -> None:
    """Show this process namespace alone under /proc; what concerns the system is read-only."""
    flags = _NO_SET_UID | _NO_DEVICES | _NO_PROGRAMS
    _checked(_libc.mount(b"proc", b"/proc", b"proc", flags, None), "mount /proc")
    for name in ("bus", "fs", "irq", "sys", "sysrq-trigger"):
        if (path := Path("/proc", name)).exists():
            _bind(path)
            _set_read_only(path, True)


def mount_read_only(writable: Iterable[Path]) -> None:
    """All files read-only, but for these folders and what lies in them."""
    _checked(_libc.mount(None, b"/", None, _RECURSIVE | _PRIVATE, None), "mount /")
    _set_read_only(Path("/"), True)
    for folder in writable:
        _bind(folder)
        _set_read_only(folder, False)


def _bind(path: Path) -> None:
    text = os.fsencode(path)
    _checked(_libc.mount(text, text, None, _BIND, None), f"mount {path}")


def _set_read_only(path: Path, wanted: bool) -> None:
    """Set or clear the attribute of a mount and of those below it."""
    attributes = (ctypes.c_uint64 * 4)(wanted, not wanted, 0, 0)
    size = ctypes.sizeof(attributes)
    place = (_AT_FDCWD, os.fsencode(path), _AT_RECURSIVE if wanted else 0)
    _checked(_libc.syscall(_MOUNT_SETATTR, *place, attributes, size), f"mount_setattr {path}")


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def landlock_version() -> int:
    """The version of Landlock that the kernel has. Raises OSError where it has none."""
    return _checked(_libc.syscall(_LANDLOCK_CREATE, None, 0, 1), "landlock")


def landlock(handled: tuple[int, int], rules: Iterable[tuple[Path, int]]) -> None:
    """Allow of the handled accesses only those that the rules give, below their paths.

    Args:
        handled: accesses to files, and to the network.
        rules: path -> the accesses allowed below it; what does not exist is passed over.
    """
    ruleset = _ruleset(*handled[: 2 if handled[1] else 1])
    for path, allowed in rules:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        rule = _PathRule(allowed, place)
        added = _libc.syscall(_LANDLOCK_ADD, ruleset, 1, ctypes.byref(rule), 0)
        _checked(added, f"landlock {path}")
        os.close(place)
    _restrict(ruleset)


def landlock_scope() -> None:
    """Signal, and reach by abstract Unix sockets, only what stands behind the same walls."""
    _restrict(_ruleset(0, 0, _ABSTRACT_SOCKETS | _SIGNALS))


def _ruleset(*handled: int) -> int:
    attributes = (ctypes.c_uint64 * len(handled))(*handled)
    size = ctypes.sizeof(attributes)
    return _checked(_libc.syscall(_LANDLOCK_CREATE, attributes, size, 0), "landlock")


def _restrict(ruleset: int) -> None:
    _checked(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0), "landlock")
    os.close(ruleset)
