"""Stamps: short texts that an open page asks for, to learn whether there is news to draw.

A study has one of its trials and the queue, all searches together another, a class one of its
guesses and its experiment.
"""

import hashlib
import time
from collections.abc import Sequence
from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from optim.errors import InputError, StoreLost
from optim.running.items import WAITING, QueueItem
from optim.showing.text import seconds
from optim.studies.store import changes
from optim.studies.study import open_study
from optim.studies.trial import Trial
from ui.state import classes, experiments, queue, searches

_URL, _SEARCH_URL, _CLASS_URL = "/news", "/news-of-searches", "/news-of-class"
NO_CLASS = "-"
_NOTHING = "Nothing runs. One trial at a time is measured per machine, so that timings are true."
_TICK_SECONDS = 5  # while something runs, the time left is told anew


def news_url(study: str) -> str:
    """Where the stamp of a study is asked for."""
    return f"{_URL}/{study}"


def search_url() -> str:
    """Where the stamp of the searches is asked for."""
    return _SEARCH_URL


def search_stamp() -> str:
    """A text that changes with everything that is shown of searches."""
    return str(searches().changes)


def class_url(code: str) -> str:
    """Where the stamp of a class is asked for; of no class (a dash): that of all experiments."""
    return f"{_CLASS_URL}/{code}"


def class_stamp(code: str) -> str:
    """A text that changes with everything that is shown of a class and of experiments."""
    try:
        seen = f"{classes().seen(code).changes}" if code != NO_CLASS else ""
    except InputError:
        seen = "over"
    return f"{seen} {experiments().changes}"


def stamp_of(study: str) -> str:
    """A text that changes with everything that is drawn of a study's trials and the queue.

    What a step does at the moment is no such thing: `now` says that, and a page shows it without
    being drawn anew, which would take the time of the very machine that measures.

    Made anew only where the store or the queue has changed, however many pages ask for it. Raises
    InputError if there is no such study.
    """
    return _told(study)[0]


def now(study: str) -> str:
    """What is done at the moment, in one line. Raises InputError if there is no such study."""
    return _told(study)[1]


def _told(study: str) -> tuple[str, str]:
    tick = int(time.time() / _TICK_SECONDS) if queue().busy else 0
    searching = tuple((name, run.state) for name, run in searches().under_way())
    return _made(study, changes().version(), queue().changes, tick, searching)


@lru_cache(maxsize=256)
def _made(
    study: str, _store: object, _queue: int, _tick: int, searching: object
) -> tuple[str, str]:
    pending, trials = queue().pending(), open_study(study).trials()
    order = [(item.study, item.number) for item in pending]
    begun = any(one.has_point for one in trials)
    seen = [_drawn(trial, begun) for trial in trials]
    stamp = hashlib.sha256(repr((seen, order, searching)).encode()).hexdigest()
    return stamp, _now(study, pending, trials)


def _drawn(trial: Trial, begun: bool) -> tuple[object, ...]:
    """What is drawn of a trial; before there is any point, whether one has begun says nothing."""
    quality = trial.quality and trial.quality.n
    state = trial.state if begun or trial.finished else ""
    return trial.number, state, trial.held_up, trial.slices, quality, trial.pinned, trial.note


def _now(study: str, pending: Sequence[QueueItem], trials: Sequence[Trial]) -> str:
    """The step that runs, of whichever study, else one of this study that another process runs."""
    for item in pending[:1]:
        if item.phase != WAITING:
            whose = f"#{item.number}" if item.study == study else "another study's trial"
            return f"Now: {whose} {item.recipe}: {item.phase}{_left(item)}"
    for trial in trials:
        if trial.phase and not trial.finished:
            return f"Now: #{trial.number} {trial.recipe.spelling}: {trial.phase}"
    return "" if pending else _NOTHING


def _left(item: QueueItem) -> str:
    return f", {seconds(item.seconds_left)} left" if item.seconds_left else ""


async def answer(request: Request) -> Response:
    """The route: the study's present stamp, and below it what is done at the moment."""
    try:
        told = await run_in_threadpool(_told, request.path_params["study"])
    except InputError as error:
        gone = isinstance(error, StoreLost)
        return PlainTextResponse(f"{error.what}\n", status_code=410 if gone else 404)
    return PlainTextResponse("\n".join(told), headers={"Cache-Control": "no-store"})


async def answer_of_searches(request: Request) -> Response:
    """The route: the searches' present stamp."""
    return PlainTextResponse(search_stamp(), headers={"Cache-Control": "no-store"})


async def answer_of_class(request: Request) -> Response:
    """The route: the class's present stamp."""
    stamp = class_stamp(request.path_params["code"])
    return PlainTextResponse(stamp, headers={"Cache-Control": "no-store"})
