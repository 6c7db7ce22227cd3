"""The loads of a web server: one at a time, in a thread, with the machine to itself.

Where each stands is in memory, for every session to see; what was found stays until the next of the
same trial, or until the server ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optim.bundles.bundle import export
from optim.home.scratch import scratch
from optim.load.curve import Curve
from optim.load.loaded import Loaded
from optim.load.measuring import bench, curve
from optim.running.background import WAITING, Background, Ended
from optim.running.queue import Queue
from optim.serving.settings import Serving
from optim.studies.study import Study

_MOST_REMEMBERED = 50
_STOPPED = "It was stopped; what was found by then is below."
Key = tuple[str, int]
"""A study's name and a trial's number."""


@dataclass(frozen=True)
class Under:
    """What became of one trial's servings under load, or becomes of them now."""

    curves: tuple[Curve, ...] = ()
    under_way: bool = False
    doing: str = ""
    share: float = 0.0
    error: str = ""


class Loads:
    """Starts, stops and shows loads. Thread-safe; one per server.

    Args:
        queue: gives the queue that the machine is taken from meanwhile.
    """

    def __init__(self, queue: Callable[[], Queue]) -> None:
        self._work = Background(queue)
        self._known: dict[Key, Under] = {}

    def of(self, study: Study, trial: int) -> Under:
        """Where this trial's load stands."""
        return self._known.get((study.name, trial), Under())

    def start(
        self, study: Study, trial: int, servings: Sequence[Serving], seconds: float = 3.0
    ) -> None:
        """Load a trial's bundle under each of these settings, unless that is under way."""
        key = study.name, trial
        settings = list(dict.fromkeys(servings))

        def work(stopped: Callable[[], bool]) -> None:
            with scratch("load") as folder:
                bundle = export(study, study.trial(trial), folder / "bundle")
                for place, serving in enumerate(settings):
                    self._one(key, bundle, serving, (place, len(settings)), seconds, stopped)

        def ended(how: Ended) -> None:
            self._change(
                key, under_way=False, doing="", error=_STOPPED if how.stopped else how.error
            )

        with self._work.lock:
            if self._work.under_way(key):
                return
            while len(self._known) >= _MOST_REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = Under(under_way=True, doing=WAITING)
            self._work.start(key, f"load of trial {trial} of {study.name}", work, ended)

    def stop(self, study: Study, trial: int) -> None:
        """End it; the loads that are done stay."""
        self._work.stop((study.name, trial))

    def close(self) -> None:
        """End all of them."""
        self._work.close()

    def _one(
        self,
        key: Key,
        bundle: Path,
        serving: Serving,
        place: tuple[int, int],
        seconds: float,
        stopped: Callable[[], bool],
    ) -> None:
        """Load one setting, the first number of `place` among the second."""

        def tell(doing: str, share: float) -> None:
            whole = (place[0] + share) / place[1]
            self._change(key, doing=f"{serving.words}: {doing}", share=whole)

        tell("starting the server", 0.0)
        with bench(bundle, serving, stopped) as on:
            self._add(key, Curve(str(serving)))
            curve(on, seconds=seconds, tell=tell, hear=lambda one: self._hear(key, one))

    def _add(self, key: Key, found: Curve) -> None:
        self._change(key, curves=(*self._known[key].curves, found))

    def _hear(self, key: Key, one: Loaded) -> None:
        *before, last = self._known[key].curves
        self._change(key, curves=(*before, last.with_point(one)))

    def _change(self, key: Key, **news: object) -> None:
        with self._work.lock:
            self._known[key] = replace(self._known[key], **news)  # type: ignore[arg-type]
