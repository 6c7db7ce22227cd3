"""The explanations of a server: made in threads, one after the other, and kept in the home folder.

Where each stands is in memory, for every session to see.
"""

import logging
import threading
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.errors import Cancelled, OptimError
from optim.home import kept, kept_already
from optim.running.placement import sentence
from optim.running.queue import Queue
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.why.explanation import Why, why

_FOLDER = "whys"
_REVISION = 1
"""Another one where explanations say other things, so that what was kept is made anew."""
_STEPS = 8  # each takes an eighth of what is left: how many there will be is not known
_logger = logging.getLogger(__name__)


class Explaining(BaseModel):
    """One explanation: under way (what is being done), there, or failed (a sentence)."""

    model_config = ConfigDict(frozen=True)

    state: Literal["under way", "there", "failed"]
    doing: str = ""
    share: float = 0.0
    """How much is done, 0 to 1, by the steps so far."""
    why: Why | None = None
    error: str = ""


def explained(study: Study, trial: Trial) -> Why | None:
    """The explanation of a trial that was made before, also by another process; else None."""
    return kept_already(Why, _FOLDER, _key(study, trial))


class Explanations:
    """Starts, stops and shows explanations of trials. Thread-safe; one per server.

    Args:
        queue: gives the queue that the machine is taken from meanwhile.
    """

    def __init__(self, queue: Callable[[], Queue]) -> None:
        self._queue = queue
        self._known: dict[str, Explaining] = {}
        self._stops: dict[str, threading.Event] = {}
        self._lock = threading.RLock()
        self.changes = 0
        """How often anything that it shows has changed."""

    def of(self, study: Study, trial: Trial) -> Explaining | None:
        """The explanation of a trial; None where nobody asked for one."""
        key = _key(study, trial)
        with self._lock:
            if key not in self._known and (found := explained(study, trial)):
                self._known[key] = Explaining(state="there", why=found)
            return self._known.get(key)

    def start(self, study: Study, trial: Trial) -> None:
        """Explain a trial, again where it was explained before."""
        key = _key(study, trial)
        with self._lock:
            if key in self._stops:
                return
            self._stops[key] = threading.Event()
            self._change(key, Explaining(state="under way", doing="waiting for the machine"))
        threading.Thread(
            target=self._run, args=(study, trial), name=f"why {trial.number}", daemon=True
        ).start()

    def stop(self, study: Study, trial: Trial) -> None:
        """End it; what was known before stays unknown."""
        with self._lock:
            if stop := self._stops.get(_key(study, trial)):
                stop.set()

    def _run(self, study: Study, trial: Trial) -> None:
        key = _key(study, trial)
        stop = self._stops[key]

        def tell(text: str) -> None:
            before = self._known[key].share
            share = before + (1 - before) / _STEPS
            self._change(key, Explaining(state="under way", doing=text, share=share))

        found: Explaining | None = None
        try:
            with self._queue().hold(stop.is_set):
                made = kept(
                    Why, _FOLDER, key, lambda: why(study, trial, tell, stop.is_set), afresh=True
                )
            found = Explaining(state="there", why=made)
        except Cancelled:
            pass
        except OptimError as error:
            found = Explaining(state="failed", error=str(error))
        except Exception as error:
            _logger.exception("explaining trial %d of %s", trial.number, study.name)
            found = Explaining(state="failed", error=sentence(error))
        with self._lock:
            del self._stops[key]
            self._change(key, found)

    def _change(self, key: str, found: Explaining | None) -> None:
        with self._lock:
            if found is None:
                self._known.pop(key, None)
            else:
                self._known[key] = found
            self.changes += 1


def _key(study: Study, trial: Trial) -> str:
    return f"{_REVISION} {study.name} {study.info.created} {trial.number} {trial.model_digest}"
