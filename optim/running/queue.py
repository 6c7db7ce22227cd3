"""The queue: which trial's step runs where and when.

Placement is Dask distributed: one worker embedded in this process, or the workers of a scheduler
elsewhere. A step is one Dask task that takes the worker's only `machine` resource, so that one
step at a time runs per machine; what is heavy in it is a child process of the worker. When a step
ends, its news are stored and the trial's next step is sent.
"""

import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import zip_longest
from typing import Any, Self

from distributed import Future

from optim.errors import Cancelled, InputError, StoreLost, of_the_disk
from optim.running.at_once import told_at_once
from optim.running.items import WAITING, Item, Pace, QueueItem
from optim.running.placement import connect, keep, outcome, sentence, work
from optim.running.steps import Job, next_step
from optim.settings import settings
from optim.studies.study import Study
from optim.studies.trial import Trial

_POLL_SECONDS = 0.5  # for news of trials that another process runs
_LONGEST_WAIT = 5.0
_AGAIN_SECONDS = 5.0
_NEXT = 1e3  # above every trial's priority
_STOPPED = "The program was stopped."
_GAVE_WAY = "waiting: others' first points go first, then it is built anew"
_logger = logging.getLogger(__name__)


class Queue:
    """Runs trials, one step per machine at a time. Thread-safe; one per process is enough."""

    def __init__(self) -> None:
        self._cluster, self._client = connect(settings().scheduler)
        self._topic = f"optim-phase-{self._client.id}"
        self._client.subscribe_topic(self._topic, self._hear)
        self._items: dict[tuple[str, int], Item] = {}
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._holds: dict[str, threading.Event] = {}
        self._order = itertools.count()
        self.changes = 0
        """How often what `pending` says has changed, but for the seconds left."""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="optim-queue")
        self._pace = Pace()

    @classmethod
    def open(cls) -> Self:
        """A queue as the settings say. Raises InputError if the scheduler cannot be reached."""
        return cls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, study: Study, *numbers: int) -> None:
        """Run trials, but for those that are finished or that another process has.

        Estimates of what was built and judged before are not work: they are there at once.
        """
        turns = itertools.count(sum(name == study.name for name, _ in list(self._items)))
        for trial in study.claim(numbers):
            if told_at_once(study, trial):
                continue
            with self._lock:  # one by one, so that nobody waits for a thousand
                if (study.name, trial.number) not in self._items:
                    item = Item(study, trial, next(self._order), next(turns))
                    self._items[item.key] = item
                    if item.progress.has_point:
                        study.begin(trial.number)
                    self._send(item)
                    if not item.slow:
                        self._make_way()

    def cancel(self, study: Study, number: int) -> None:
        """Cancel a trial; if it runs, its child process is killed and the machine is free."""
        study.cancel(number)
        item = self._items.get((study.name, number))
        if item:
            self._drop(item)

    def retry(self, study: Study, number: int) -> int:
        """Run a new trial in place of one that failed, was cancelled or interrupted."""
        new = study.retry(number)
        self.submit(study, new)
        return new

    def delete(self, study: Study, number: int) -> None:
        """Leave a trial out of its study; if it runs, the machine is free."""
        self.cancel(study, number)
        study.delete(number)

    @property
    def elsewhere(self) -> str:
        """Why this machine cannot be held: its trials run elsewhere. Empty where they do not."""
        if self._cluster:
            return ""
        return f"Trials run on the workers of {settings().scheduler}, not on this machine."

    @contextmanager
    def hold(self, cancelled: Callable[[], bool]) -> Iterator[None]:
        """This machine for oneself as soon as the step that runs has ended; trials wait meanwhile.

        Raises InputError where trials run elsewhere; Cancelled where that comes first.
        """
        if self.elsewhere:
            raise InputError(self.elsewhere, "Unset OPTIM_SCHEDULER to use this one.", "queue")
        name, has_it = uuid.uuid4().hex, threading.Event()
        self._holds[name] = has_it
        self._make_way()
        future = self._client.submit(
            keep, self._topic, name, resources={"machine": 1}, priority=_NEXT, pure=False
        )
        try:
            while not has_it.wait(_POLL_SECONDS / 5):
                if cancelled():
                    raise Cancelled("Cancelled.", "Start it again when you like.")
            yield
        finally:
            del self._holds[name]
            future.cancel()

    def finish(self, study: Study, number: int) -> None:
        """End a trial with what is known of it, if it has a point; else leave it as it is."""
        item = self._items.get((study.name, number))
        if item and item.progress.has_point:
            self._drop(item)
            study.finish(number)

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._items)

    def pending(self) -> list[QueueItem]:
        """The trials under way, the running one first, then in the order they will run."""
        with self._lock:
            items = sorted(self._items.values(), key=lambda i: (not i.phase, -i.priority, i.order))
            left = self._pace.seconds_left(items)
            return [
                QueueItem(
                    study=item.study.name,
                    number=item.trial.number,
                    recipe=item.trial.recipe.spelling,
                    position=position,
                    phase=item.phase or WAITING,
                    seconds_left=left[position],
                )
                for position, item in enumerate(items)
            ]

    def run_all(
        self,
        study: Study,
        numbers: Iterable[int],
        on_change: Callable[[Trial], None] = lambda trial: None,
        seconds: float | None = None,
    ) -> list[Trial]:
        """Run trials and wait for them.

        Args:
            on_change: called here with a trial whenever it has news.
            seconds: stop then, or as soon as all have a point: they are done as they stand.
        """
        numbers = list(numbers)
        self.submit(study, *numbers)
        deadline = float("inf") if seconds is None else time.monotonic() + seconds
        try:
            seen = self._watch(study, numbers, on_change, deadline)
        finally:
            self._stop(study, numbers)
        trials = study.trials_of(numbers)
        _tell(trials, seen, on_change)
        return trials

    def close(self) -> None:
        """Stop; what is under way is marked as interrupted."""
        for item in list(self._items.values()):
            self._drop(item)
            item.study.interrupt(item.trial.number, _STOPPED)
        self._writer.shutdown()
        self._client.close()
        if self._cluster:
            self._cluster.close()

    def _watch(
        self,
        study: Study,
        numbers: list[int],
        on_change: Callable[[Trial], None],
        deadline: float,
    ) -> list[Trial]:
        seen: list[Trial] = []
        while True:
            trials = study.trials_of(numbers)
            _tell(trials, seen, on_change)
            seen = trials
            left = deadline - time.monotonic()
            if all(
                trial.finished or (left <= 0 and trial.state == "tightening") for trial in trials
            ):
                return seen
            with self._changed:
                ours = all(
                    (study.name, trial.number) in self._items or trial.finished for trial in trials
                )
                longest = _LONGEST_WAIT if ours else _POLL_SECONDS
                self._changed.wait(min(left, longest) if left > 0 else longest)

    def _stop(self, study: Study, numbers: list[int]) -> None:
        for number in numbers:
            self.finish(study, number)
            if (study.name, number) in self._items:
                self.cancel(study, number)

    def _send(self, item: Item) -> None:
        job = Job(
            kind=item.kind,
            model=item.study.model.digest,
            evalset=item.study.evalset.digest,
            recipe=item.trial.recipe.spelling,
            target=item.trial.target,
            progress=item.progress,
        )
        item.phase = ""
        self.changes += 1
        item.future = self._client.submit(
            work,
            job.model_dump(mode="json"),
            self._topic,
            (*item.key, item.tries),
            workers=[item.machine] if item.machine else None,
            resources={"machine": 1},
            priority=item.priority,
            fifo_timeout="0s",
            pure=False,
        )
        item.future.add_done_callback(lambda future: self._later(item, self._advance, future))

    def _make_way(self) -> None:
        """Take this machine from a slow build, which begins anew when others have had theirs."""
        with self._lock:
            slow = next((item for item in self._items.values() if item.gives_way), None)
            if slow is None or not self._cluster:
                return
            given_up, slow.tries = slow.future, slow.tries + 1
            self._send(slow)
            if given_up:
                given_up.cancel()
            self._later(slow, self._wait_anew)

    def _wait_anew(self, item: Item) -> None:
        """What its step did is over, whatever of that was still to be told."""
        item.phase = ""
        waits = item.progress.model_copy(update={"phase": _GAVE_WAY})
        item.study.save(item.trial.number, waits)

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        news = event[1]
        if "hold" in news:
            if hold := self._holds.get(news["hold"]):
                hold.set()
            return
        item = self._items.get((news["study"], news["number"]))
        if item and item.tries == news["tries"]:
            self._later(item, self._enter, news["phase"], news["machine"])

    def _later(self, item: Item, change: Callable[..., None], *news: object) -> None:
        """Do what writes to the store in one thread, in order."""
        with suppress(RuntimeError):  # the queue has been closed
            self._writer.submit(self._safely, item, change, *news)

    def _safely(self, item: Item, change: Callable[..., None], *news: object) -> None:
        if self._items.get(item.key) is not item:
            return
        try:
            change(item, *news)
        except Exception as error:
            if why := _kept_from(error):
                self._wait(item, change, news, why)
                return
            _logger.exception("trial %d of %s", item.trial.number, item.study.name)
            self._drop(item)
            self._fail(item, sentence(error))
        with self._changed:
            self._changed.notify_all()

    def _wait(
        self, item: Item, change: Callable[..., None], news: tuple[object, ...], why: str
    ) -> None:
        """Store what a step brought later, when the disk and the store are there again."""
        if change == self._enter:  # only what the trial does just now; the page knows
            return
        item.phase = f"waiting: {why}"
        self.changes += 1
        again = threading.Timer(_AGAIN_SECONDS, self._later, (item, change, *news))
        again.daemon = True
        again.start()

    def _fail(self, item: Item, why: str) -> None:
        try:
            item.study.fail(item.trial.number, why)
        except Exception:
            _logger.exception("trial %d of %s", item.trial.number, item.study.name)

    def _enter(self, item: Item, phase: str, machine: str) -> None:
        """A phase of the step has begun on a machine, where the trial's later steps go too."""
        if not item.phase:
            item.step_started = time.monotonic()
        item.phase, item.machine = phase, machine
        self.changes += 1
        if not item.progress.has_point:
            item.study.begin(item.trial.number)
            progress = item.progress.model_copy(update={"phase": phase})
            item.study.save(item.trial.number, progress)

    def _advance(self, item: Item, future: Future) -> None:
        """A step has ended: store its news and send the next one."""
        if future is not item.future:  # given up for another
            return
        done, number = outcome(future, item.progress), item.trial.number
        if not item.slow:
            self._pace.took(item.kind, done.seconds)
        item.progress = done.progress
        unfinished = item.study.save(number, item.progress)
        kind = None if done.error else next_step(item.progress)
        if unfinished and kind:
            item.kind = kind
            with self._lock:
                if self._items.get(item.key) is item:
                    self._send(item)
            return
        if done.error:
            item.study.fail(number, done.error)
        else:
            item.study.finish(number)
        self._drop(item)

    def _drop(self, item: Item) -> None:
        with self._changed:
            if self._items.get(item.key) is item:
                del self._items[item.key]
                self.changes += 1
            if item.future:
                item.future.cancel()
            self._changed.notify_all()


def _kept_from(error: Exception) -> str:
    """Why nothing can be stored for the moment; empty where an error has another reason."""
    told = error if isinstance(error, StoreLost) else of_the_disk(error)
    return told.what.rstrip(".") if told else ""


def _tell(
    trials: Sequence[Trial], seen: Sequence[Trial], on_change: Callable[[Trial], None]
) -> None:
    """Call with each of these trials that is not as it was seen before, in the same order."""
    for trial, before in zip_longest(trials, seen):
        if trial != before:
            on_change(trial)
