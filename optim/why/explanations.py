"""The explanations of a server: made in threads, one after the other, and kept in the home folder.

Where each stands is in memory, for every session to see.
"""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.home import kept, kept_already
from optim.running.background import WAITING, Background, Ended
from optim.running.queue import Queue
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.why.explanation import Why, why
from optim.why.telling import Tell, nobody

_FOLDER = "whys"
_REVISION = 2
"""Another one where explanations say other things, so that what was kept is made anew."""


class Explaining(BaseModel):
    """One explanation: under way (what is being done), there, or failed (a sentence)."""

    model_config = ConfigDict(frozen=True)

    state: Literal["under way", "there", "failed"]
    doing: str = ""
    share: float = 0.0
    """How much of it is done, 0 to 1."""
    why: Why | None = None
    error: str = ""


def explained(study: Study, trial: Trial) -> Why | None:
    """The explanation of a trial that was made before, also by another process; else None."""
    return kept_already(Why, _FOLDER, _key(study, trial))


def explain(
    study: Study, trial: Trial, tell: Tell = nobody, stopped: Callable[[], bool] = lambda: False
) -> Why:
    """Explain a trial afresh, as `why`, and keep it for every page and process."""
    key = _key(study, trial)
    return kept(Why, _FOLDER, key, lambda: why(study, trial, tell, stopped), afresh=True)


class Explanations:
    """Starts, stops and shows explanations of trials. Thread-safe; one per server.

    Args:
        queue: gives the queue that the machine is taken from meanwhile.
    """

    def __init__(self, queue: Callable[[], Queue]) -> None:
        self._work = Background(queue)
        self._known: dict[str, Explaining] = {}
        self.changes = 0
        """How often anything that it shows has changed."""

    def of(self, study: Study, trial: Trial) -> Explaining | None:
        """The explanation of a trial; None where nobody asked for one."""
        key = _key(study, trial)
        with self._work.lock:
            if key not in self._known and (found := explained(study, trial)):
                self._known[key] = Explaining(state="there", why=found)
            return self._known.get(key)

    def start(self, study: Study, trial: Trial) -> None:
        """Explain a trial, again where it was explained before."""
        key = _key(study, trial)
        found: list[Explaining] = []

        def tell(text: str, share: float) -> None:
            self._change(key, Explaining(state="under way", doing=text, share=share))

        def work(stopped: Callable[[], bool]) -> None:
            found.append(Explaining(state="there", why=explain(study, trial, tell, stopped)))

        def ended(how: Ended) -> None:
            if how.error:
                found.append(Explaining(state="failed", error=how.error))
            self._change(key, found[-1] if found and not how.stopped else None)

        with self._work.lock:
            if self._work.under_way(key):
                return
            self._change(key, Explaining(state="under way", doing=WAITING))
            self._work.start(key, f"why {trial.number}", work, ended)

    def stop(self, study: Study, trial: Trial) -> None:
        """End it; what was known before stays unknown."""
        self._work.stop(_key(study, trial))

    def _change(self, key: str, found: Explaining | None) -> None:
        with self._work.lock:
            if found is None:
                self._known.pop(key, None)
            else:
                self._known[key] = found
            self.changes += 1


def _key(study: Study, trial: Trial) -> str:
    return f"{_REVISION} {study.name} {study.info.created} {trial.number} {trial.model_digest}"
