"""A session for each size of batch: engines run a model that is bound to so many rows."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from optim.arrays import Feeds
from optim.model.rebinding import rebound
from optim.serving.alike import check_rows
from optim.serving.batching import Batching, Outputs

if TYPE_CHECKING:
    from optim.serving.served import Opened


class Engine(Protocol):
    """An opened model, such as a Session."""

    def run(self, feeds: Feeds) -> Outputs: ...
    def close(self) -> None: ...


class Sized:
    """One session for each size of batch; a batch in between is filled up to the next."""

    def __init__(self, sessions: Mapping[int, Engine]) -> None:
        self.sessions = dict(sorted(sessions.items()))
        self._lock = threading.Lock()

    @classmethod
    def of(cls, opened: "Opened", batching: Batching) -> "Sized":
        sessions = {1: opened.open(opened.model, batching.threads)}
        for size in set(batching.sizes) - {1}:
            with rebound(opened.model, size) as other:
                sessions[size] = opened.open(other, batching.threads)
        found = cls(sessions)
        check_rows(sessions, found, opened.examples(1)[0])
        return found

    def __call__(self, feeds: Feeds) -> Outputs:
        rows = next(iter(feeds.values())).shape[0] if len(self.sessions) > 1 else 1
        size = next(size for size in self.sessions if size >= rows)
        with self._lock:
            outputs = self.sessions[size].run(_filled(feeds, size - rows))
        return {name: value[:rows] for name, value in outputs.items()} if size > 1 else outputs


def _filled(feeds: Feeds, more: int) -> Feeds:
    """With the last row again, so many times."""
    if not more:
        return feeds
    return {n: np.concatenate([v, np.repeat(v[-1:], more, axis=0)]) for n, v in feeds.items()}
