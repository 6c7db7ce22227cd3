"""Children forked from a process that has imported what they need: they start a second sooner.

The server is a process of its own, `python -m optim.sandbox.forkserver MODULE ...`, that
imports the modules once, parses nothing, and forks a child for every folder it is told of. It ends
with its parent, and its children with it.
"""

import contextlib
import gc
import importlib
import os
import select
import sys
import traceback
from pathlib import Path

from optim.sandbox.forking import POLL_SECONDS, READY, REQUEST, RESULT, STATUS
from optim.sandbox.leavings import put


def main(modules: list[str]) -> None:
    """Serve until the parent closes the pipe or ends."""
    for name in modules:
        importlib.import_module(name)
    gc.freeze()
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    folders: dict[int, Path] = {}
    while True:
        if select.select([sys.stdin], [], [], POLL_SECONDS if folders else None)[0]:
            line = sys.stdin.buffer.readline()
            if not line:
                return
            folder = Path(line.decode().removesuffix("\n"))
            pid = _fork(folder)
            folders[pid] = folder
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
        _reap(folders)


def _reap(folders: dict[int, Path]) -> None:
    """Write down how children have ended."""
    for pid, folder in list(folders.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            del folders[pid]
            with contextlib.suppress(OSError):  # nobody waits for it any more
                put(folder / STATUS, str(os.waitstatus_to_exitcode(status)))


def _fork(folder: Path) -> int:
    """The child's process id, once it has a session of its own and so can be killed as a group."""
    server = os.getpid()
    begun, begin = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _become_child(folder)
            os.close(begin)
            child = importlib.import_module("optim.sandbox.child")
            child.main(str(folder / REQUEST), str(folder / RESULT), str(server))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(begin)
    os.read(begun, 1)
    os.close(begun)
    return pid


def _become_child(folder: Path) -> None:
    """A session, a folder, a log and random numbers of its own."""
    os.setsid()
    importlib.import_module("optim.sandbox.child").settle(folder)
    importlib.import_module("random").seed()
    if "numpy" in sys.modules:  # else its threads, once imported, would forbid new namespaces
        sys.modules["numpy"].random.seed()


if __name__ == "__main__":
    main(sys.argv[1:])
