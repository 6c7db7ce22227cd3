"""A child that was started before anybody asks for it: it has imported what every child needs.

It is no fork: a timing wants a process that began with nothing, and a memory layout of its own.
"""

import os
import subprocess
import sys
from pathlib import Path


class Waiting:
    """One child that waits for its request; it ends with its parent."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._made_by, self._environment = os.getpid(), environment
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "optim.sandbox.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env=environment,
        )

    def serves(self, environment: dict[str, str]) -> bool:
        """Whether it lives, is this process's, and would start in this environment."""
        ours = self._made_by == os.getpid() and self._environment == environment
        return ours and self._process.poll() is None

    def begin(self, folder: Path) -> "subprocess.Popen[bytes] | None":
        """The child, at work on the folder's request; None where it has ended meanwhile."""
        assert self._process.stdin
        try:
            with self._process.stdin as told:
                told.write(f"{folder}\n".encode())
        except OSError:
            return None
        return self._process

    def close(self) -> None:
        """End it: without a request it does nothing."""
        with self._process:
            self._process.kill()
