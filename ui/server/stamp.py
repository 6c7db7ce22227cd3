"""The stamp of a study: a short text that an open page asks for, to learn whether there is news."""

import hashlib
import time
from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from optim.errors import InputError
from optim.studies.store import changes
from optim.studies.study import open_study
from ui.state import queue

_URL = "/news"
_TICK_SECONDS = 5  # while something runs, the time left is news


def news_url(study: str) -> str:
    """Where the stamp of a study is asked for."""
    return f"{_URL}/{study}"


def stamp_of(study: str) -> str:
    """A text that changes with everything that the Explore page shows of trials and the queue.

    Made anew only where the store or the queue has changed, however many pages ask for it. Raises
    InputError if there is no such study.
    """
    tick = int(time.time() / _TICK_SECONDS) if queue().busy else 0
    return _stamp(study, changes().version(), queue().changes, tick)


@lru_cache(maxsize=256)
def _stamp(study: str, _store: object, _queue: int, tick: int) -> str:
    pending = [(item.study, item.number, item.phase) for item in queue().pending()]
    seen = [
        (t.number, t.state, t.phase, t.slices, t.quality and t.quality.n, t.pinned, t.note)
        for t in open_study(study).trials()
    ]
    return hashlib.sha256(repr((seen, pending, tick)).encode()).hexdigest()


async def answer(request: Request) -> Response:
    """The route: the study's present stamp."""
    try:
        stamp = await run_in_threadpool(stamp_of, request.path_params["study"])
    except InputError as error:
        return PlainTextResponse(f"{error.what}\n", status_code=404)
    return PlainTextResponse(stamp, headers={"Cache-Control": "no-store"})
