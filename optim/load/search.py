"""Which serving settings: the largest rate within a p99 limit, or the cheapest for a given rate.

A setting's peak takes many loads to find. One load with some requests always under way takes a
second and ranks settings: what is answered in a second, lessened where what a request takes once
its turn has come is over the limit. So settings are walked through with that, one dimension at a
time (coordinate ascent), and once more from where that led, since dimensions act on each other.
Where requests are always under way one session looks better than it is when they come now and
then, so the best of each number of sessions is among the few that are loaded at rising rates, and
the best two of those are a second time: the peak of one look scatters by a sixth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from math import prod
from pathlib import Path
from statistics import fmean
from time import monotonic
from typing import Any

import numpy as np

from optim.load.curve import Curve
from optim.load.measuring import Bench, bench, find_peak, never, until_sure
from optim.machine.environment import usable_cores
from optim.serving.settings import PROTOCOLS, Serving

Space = Mapping[str, Sequence[Any]]
Rank = Callable[[Serving], float]
Peak = Callable[[Serving], float]
_ROUNDS, _FINALISTS, _AGAIN = 2, 4, 2


@dataclass
class Found:
    """What a search chose. `rate`: requests a second that it takes within the limit, by best
    estimate; 0: none."""

    serving: Serving | None
    rate: float
    seconds: float
    ranked: dict[str, float] = field(default_factory=dict)
    """Every setting tried, and what the quick load gave."""
    peaks: dict[str, float] = field(default_factory=dict)
    """The finalists, and the rates that they held in the mean."""

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "serving": str(self.serving) if self.serving else None}


def space(limit_ms: float, cores: int | None = None) -> Space:
    """What is searched: protocol, sessions and threads of each that the cores carry, whether each
    session keeps to cores of its own, batches that wait at most half the limit.

    How many wait in the queue and how tensors are written is not: the one sheds load and carries
    none, and binary is the faster of the two at any rate.
    """
    powers = [2**k for k in range((cores or usable_cores()).bit_length())]
    waits = [wait for wait in (0.0, 1.0, 5.0) if wait <= limit_ms / 2]
    return {
        "protocol": list(PROTOCOLS),
        "workers": [(n, each) for n, each in product(powers, powers) if n * each <= powers[-1]],
        "pinned": [False, True],
        "most": [1, 4, 16],
        "wait_ms": waits,
    }


def settings_of(of: Space) -> list[Serving]:
    """Every setting of a space; those that batch nothing do not wait either."""
    made = (_made(dict(zip(of, values, strict=True))) for values in product(*of.values()))
    return list(dict.fromkeys(made))


def _made(values: Mapping[str, Any]) -> Serving:
    fields = {name: value for name, value in values.items() if name != "protocol"}
    sessions, threads = fields.pop("workers")
    if fields.get("most") == 1:
        fields.pop("wait_ms", None)
    return PROTOCOLS[values["protocol"]](sessions=sessions, threads=threads, **fields)


def largest(of: Space, rank: Rank, peak: Peak, looks: int = 2) -> Found:
    """The setting that takes most, by ascent in `rank`, then by `peak` of the best.

    Args:
        looks: how often the best two of those are asked for their peak; its mean counts.
    """
    began, ranked = monotonic(), {}

    def score(values: Mapping[str, Any]) -> float:
        serving = _made(values)
        if serving not in ranked:
            ranked[serving] = rank(serving)
        return ranked[serving]

    best = {name: values[0] for name, values in of.items()}
    for name, values in [*of.items()] * _ROUNDS:
        best = max(({**best, name: value} for value in values), key=score)
    looked = {one: [peak(one)] for one in _finalists(ranked)}
    for one in sorted(looked, key=lambda one: -looked[one][0])[:_AGAIN]:
        looked[one] += [peak(one) for _ in range(looks - 1)]
    peaks = {one: fmean(found) for one, found in looked.items()}
    chosen = max(peaks, key=lambda one: peaks[one])
    return Found(
        chosen if peaks[chosen] else None,
        peaks[chosen],
        monotonic() - began,
        {str(one): value for one, value in ranked.items()},
        {str(one): value for one, value in peaks.items()},
    )


def _finalists(ranked: Mapping[Serving, float]) -> list[Serving]:
    """The best of each number of sessions, and the best of all."""
    best = sorted(ranked, key=lambda one: -ranked[one])
    of_each = {one.sessions: one for one in reversed(best)}
    return list(dict.fromkeys((*of_each.values(), *best)))[: max(_FINALISTS, len(of_each))]


def cheapest(of: Space, rate: float, rank: Rank, sustains: Callable[[Serving], bool]) -> Found:
    """The setting with fewest cores that takes a rate: by rising number of cores, of each number
    the best by ascent; the first that holds."""
    began, ranked = monotonic(), dict[str, float]()
    for cores in sorted({prod(workers) for workers in of["workers"]}):
        workers = [those for those in of["workers"] if prod(those) == cores]
        found = largest({**of, "workers": workers}, rank, lambda one: float(sustains(one)), looks=1)
        ranked |= found.ranked
        if found.serving:
            return Found(found.serving, rate, monotonic() - began, ranked, found.peaks)
    return Found(None, 0.0, monotonic() - began, ranked)


def search(
    bundle: Path,
    limit_ms: float,
    rate: float | None = None,
    among: Space | None = None,
    tell: Callable[[str, float], None] = lambda _doing, _share: None,
    cancelled: Callable[[], bool] = never,
) -> Found:
    """The largest rate within a limit; with a `rate`, the cheapest setting for it.

    Raises OptimError, Cancelled.
    """

    def on(act: Callable[[Bench], Any], doing: str, serving: Serving) -> Any:
        tell(f"{serving}: {doing}", 0.0)
        with bench(bundle, serving, cancelled) as server:
            return act(server)

    of = among or space(limit_ms)
    rank = partial(on, partial(quick, limit_ms=limit_ms), "a quick load")
    if rate:
        return cheapest(of, rate, rank, partial(on, partial(takes, rate, limit_ms), "at the rate"))
    return largest(of, rank, partial(on, partial(peak_of, limit_ms), "at rising rates"))


def quick(on: Bench, limit_ms: float) -> float:
    """Answers a second where some requests always wait; fewer, if p99 is over the limit even
    without the wait for a session, which this load makes as long as it is."""
    found = on.most_loaded().requests.only_answered()
    if not found.count:
        return 0.0
    p99 = float(np.quantile(found.server_ms - found.queue_ms, 0.99))
    return found.count / found.seconds * min(1.0, limit_ms / max(p99, 1e-9))


def peak_of(limit_ms: float, on: Bench) -> float:
    """The rate that it holds by best estimate."""
    return find_peak(on, limit_ms)[0].likely


def takes(rate: float, limit_ms: float, on: Bench) -> bool:
    """Whether p99 is surely within the limit at this rate."""
    found = Curve(str(on.server.serving))
    return bool(until_sure(on, found, rate, limit_ms, 3.0, lambda _one: None)[1])
