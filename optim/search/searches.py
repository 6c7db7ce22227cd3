"""The searches of a server: one at a time per study, each in a thread, with the machine to itself.

Where each stands is in memory, for every session to see; its answer is kept in the home folder.
"""

import atexit
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.errors import Cancelled, InputError, OptimError
from optim.home import kept, kept_already
from optim.running.items import AUTOMATIC
from optim.running.placement import sentence
from optim.running.queue import Queue
from optim.search.answer import Answer
from optim.search.explore import find_best
from optim.search.news import News
from optim.studies.goal import Goal
from optim.studies.study import Study

State = Literal["waiting", "running", "stopping", "ended"]
_FOLDER = "searches"
_LEAST_SHARE = 0.5
"""Of the budget, which counts from when it was asked for: what a search has for itself, however
long it waited for the machine."""
_CLOSING_SECONDS = 10
_logger = logging.getLogger(__name__)


class SearchRun(BaseModel):
    """One search of a study: what was asked for, where it stands, what it has found.

    `began` and `asked` are seconds since the epoch; `began` is None until it has the machine.
    `error`: a sentence, where it ended without an answer.
    """

    model_config = ConfigDict(frozen=True)

    goal: Goal
    budget: float
    asked: float
    state: State = "waiting"
    began: float | None = None
    news: News | None = None
    answer: Answer | None = None
    stopped: bool = False
    error: str = ""

    @property
    def under_way(self) -> bool:
        """Whether it has not ended."""
        return self.state != "ended"

    @property
    def elapsed(self) -> float:
        """Seconds since it has the machine, or that it took."""
        if self.answer:
            return self.answer.seconds
        return time.time() - self.began if self.began else 0.0

    @property
    def when(self) -> str:
        """When it was asked for, in UTC."""
        return f"{datetime.fromtimestamp(self.asked, UTC):%Y-%m-%d %H:%M} UTC"


@dataclass
class _Running:
    study: Study
    run: SearchRun
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Searches:
    """Starts, stops and shows searches. Thread-safe; one per server.

    Args:
        queue: gives the queue that the machine is taken from while a search runs.
    """

    def __init__(self, queue: Callable[[], Queue]) -> None:
        self._queue = queue
        self._running: dict[str, _Running] = {}
        self._ended: dict[str, SearchRun | None] = {}
        self._lock = threading.RLock()
        self.changes = 0
        """How often anything that it shows has changed."""
        atexit.register(self.close)

    def refused(self) -> str:
        """Why nothing can be searched here; empty where it can."""
        elsewhere = self._queue().elsewhere
        return f"A search measures on this machine only. {elsewhere}" if elsewhere else ""

    def start(self, study: Study, goal: Goal, budget: float) -> None:
        """Search a study for so many seconds; what was measured in it before counts.

        Raises InputError where one is under way already, or none can be.
        """
        if refused := self.refused():
            raise InputError(refused, "Unset OPTIM_SCHEDULER to search on this one.", "search")
        with self._lock:
            if study.name in self._running:
                raise InputError("A search of this study is under way.", "Stop it first.", "search")
            one = _Running(study, SearchRun(goal=goal, budget=budget, asked=time.time()))
            self._running[study.name] = one
            self.changes += 1
            one.thread = threading.Thread(
                target=self._run, args=(one,), name=f"search {study.name}", daemon=True
            )
            one.thread.start()

    def stop(self, study: str) -> None:
        """End a study's search now, with the best so far."""
        with self._lock:
            if one := self._running.get(study):
                one.stop.set()
                self._change(one, state="stopping", stopped=True)

    def of(self, study: Study) -> SearchRun | None:
        """The study's search: the one under way, else the last that answered or failed."""
        with self._lock:
            if one := self._running.get(study.name):
                return one.run
            if study.name not in self._ended:
                self._ended[study.name] = kept_already(SearchRun, _FOLDER, _key(study))
            return self._ended[study.name]

    def under_way(self) -> list[tuple[str, SearchRun]]:
        """Names of studies with the searches that have not ended, in the order they were asked."""
        with self._lock:
            return [(name, one.run) for name, one in self._running.items()]

    def close(self) -> None:
        """End all with what they have; their trials are finished."""
        atexit.unregister(self.close)
        running = list(self._running.values())
        for one in running:
            one.stop.set()
        for one in running:
            if one.thread:
                one.thread.join(_CLOSING_SECONDS)

    def _run(self, one: _Running) -> None:
        found: dict[str, object] = {}
        try:
            with self._queue().hold(one.stop.is_set):
                found = {"answer": self._search(one), "news": None}
        except Cancelled:  # before it had the machine: what was found before still holds
            pass
        except OptimError as error:
            found = {"error": str(error)}
        except Exception as error:
            _logger.exception("search of %s", one.study.name)
            found = {"error": sentence(error)}
        self._end(one, found)

    def _search(self, one: _Running) -> Answer:
        run, study = one.run, one.study
        self._change(one, state="running", began=time.time())
        self._take_over(study)
        left = max(_LEAST_SHARE * run.budget, run.budget - (time.time() - run.asked))
        try:
            return find_best(
                study,
                run.goal,
                left,
                on_news=lambda news: self._change(one, news=news),
                cancelled=one.stop.is_set,
            )
        finally:
            self._leave_out_what_it_did(study)

    def _take_over(self, study: Study) -> None:
        """End what nobody asked for one by one and has a point, so that it counts here."""
        for number in self._unasked(study):
            self._queue().finish(study, number)

    def _leave_out_what_it_did(self, study: Study) -> None:
        """What still waits is not measured again."""
        trials = study.trials()
        done = {(t.recipe_digest, t.target) for t in trials if t.state == "done"}
        waiting = self._unasked(study)
        for trial in trials:
            again = trial.number in waiting and (trial.recipe_digest, trial.target) in done
            if again and not (trial.pinned or trial.note):
                self._queue().delete(study, trial.number)

    def _unasked(self, study: Study) -> set[int]:
        pending = {item.number for item in self._queue().pending() if item.study == study.name}
        return {t.number for t in study.trials() if t.number in pending and t.origin in AUTOMATIC}

    def _change(self, one: _Running, **news: object) -> None:
        with self._lock:
            one.run = one.run.model_copy(update=news)
            self.changes += 1

    def _end(self, one: _Running, found: dict[str, object]) -> None:
        with self._lock:
            self._change(one, state="ended", **found)
            del self._running[one.study.name]
            if found:
                self._ended[one.study.name] = one.run
        if one.run.answer:
            try:
                kept(SearchRun, _FOLDER, _key(one.study), lambda: one.run, afresh=True)
            except OptimError:
                _logger.exception("the answer of the search of %s is not kept", one.study.name)


def _key(study: Study) -> str:
    return f"{study.name} {study.info.created}"
