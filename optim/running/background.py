"""Work that is no trial and wants the machine to itself: each piece in a thread, until stopped."""

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from optim.errors import Cancelled, OptimError
from optim.running.placement import sentence
from optim.running.queue import Queue

_logger = logging.getLogger(__name__)
WAITING = "waiting for the machine"
"""What a piece of work does first."""


@dataclass(frozen=True)
class Ended:
    """How a piece of work ended: well, by being stopped, or with an error (a sentence)."""

    stopped: bool = False
    error: str = ""


class Background:
    """Starts and stops pieces of work, each known by a key. Thread-safe.

    `lock` is held where one begins and where one has ended: whoever keeps what came of them changes
    that under it.

    Args:
        queue: gives the queue that the machine is taken from meanwhile.
    """

    def __init__(self, queue: Callable[[], Queue]) -> None:
        self._queue = queue
        self._stops: dict[Hashable, threading.Event] = {}
        self.lock = threading.RLock()

    def under_way(self, key: Hashable) -> bool:
        """Whether the work of this key has begun and not ended."""
        return key in self._stops

    def start(
        self,
        key: Hashable,
        name: str,
        work: Callable[[Callable[[], bool]], None],
        ended: Callable[[Ended], None],
    ) -> None:
        """Begin; nothing of this key may be under way.

        Args:
            name: of the thread, and in the log where it fails as nobody expected.
            work: gets what tells whether it was asked to stop, and raises Cancelled then.
            ended: called once it is over, under the lock.
        """
        with self.lock:
            stop = self._stops[key] = threading.Event()
        threading.Thread(
            target=self._run, args=(key, name, work, ended, stop), name=name, daemon=True
        ).start()

    def stop(self, key: Hashable) -> None:
        """Ask the work of this key to end, if it is under way."""
        with self.lock:
            if stop := self._stops.get(key):
                stop.set()

    def close(self) -> None:
        """Ask all of it to end."""
        for stop in list(self._stops.values()):
            stop.set()

    def _run(
        self,
        key: Hashable,
        name: str,
        work: Callable[[Callable[[], bool]], None],
        ended: Callable[[Ended], None],
        stop: threading.Event,
    ) -> None:
        how = Ended()
        try:
            with self._queue().hold(stop.is_set):
                work(stop.is_set)
        except Cancelled:
            how = Ended(stopped=True)
        except Exception as error:
            if not isinstance(error, OptimError):
                _logger.exception("%s failed", name)
            how = Ended(error=sentence(error))
        with self.lock:
            del self._stops[key]
            ended(how)
