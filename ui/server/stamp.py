"""Stamps: short texts that an open page asks for, to learn whether there is news to draw.

A study has one of its trials and the queue, all searches together another, a class one of its
guesses and its experiment.
"""

import hashlib
import time
from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from optim.errors import InputError
from optim.studies.store import changes
from optim.studies.study import open_study
from ui.state import classes, experiments, queue, searches

_URL, _SEARCH_URL, _CLASS_URL = "/news", "/news-of-searches", "/news-of-class"
NO_CLASS = "-"
_TICK_SECONDS = 5  # while something runs, the time left is news


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
    """A text that changes with everything that the Explore page shows of trials and the queue.

    Made anew only where the store or the queue has changed, however many pages ask for it. Raises
    InputError if there is no such study.
    """
    tick = int(time.time() / _TICK_SECONDS) if queue().busy else 0
    searching = tuple((name, run.state) for name, run in searches().under_way())
    return _stamp(study, changes().version(), queue().changes, tick, searching)


@lru_cache(maxsize=256)
def _stamp(study: str, _store: object, _queue: int, tick: int, searching: object) -> str:
    pending = [(item.study, item.number, item.phase) for item in queue().pending()]
    seen = [
        (t.number, t.state, t.phase, t.slices, t.quality and t.quality.n, t.pinned, t.note)
        for t in open_study(study).trials()
    ]
    return hashlib.sha256(repr((seen, pending, tick, searching)).encode()).hexdigest()


async def answer(request: Request) -> Response:
    """The route: the study's present stamp."""
    try:
        stamp = await run_in_threadpool(stamp_of, request.path_params["study"])
    except InputError as error:
        return PlainTextResponse(f"{error.what}\n", status_code=404)
    return PlainTextResponse(stamp, headers={"Cache-Control": "no-store"})


async def answer_of_searches(request: Request) -> Response:
    """The route: the searches' present stamp."""
    return PlainTextResponse(search_stamp(), headers={"Cache-Control": "no-store"})


async def answer_of_class(request: Request) -> Response:
    """The route: the class's present stamp."""
    stamp = class_stamp(request.path_params["code"])
    return PlainTextResponse(stamp, headers={"Cache-Control": "no-store"})
