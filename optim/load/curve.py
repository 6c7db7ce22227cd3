"""The load curve: one serving at rising rates; its knee, and the largest rate within a limit."""

from dataclasses import dataclass
from math import inf, isinf
from typing import Any

import numpy as np

from optim.load.loaded import PERCENTILES, Loaded
from optim.load.percentiles import Numbers, within
from optim.showing import text

_P99 = PERCENTILES["p99"]


@dataclass(frozen=True)
class Peak:
    """The largest rate within a limit.

    `held` is the largest rate at which the percentile is surely within it (0: none was), `failed`
    the smallest one above at which it is not; infinite where none failed. `known`: whether there
    were samples enough to tell at any rate. `likely`: the largest at which it is within the limit
    by best estimate, as a search needs it where a machine that stands still now and then leaves
    every rate open.
    """

    limit_ms: float
    held: float
    failed: float
    known: bool = True
    likely: float = 0.0

    @property
    def sentence(self) -> str:
        """For people."""
        limit = text.milliseconds(self.limit_ms)
        if not self.known:
            return "No rate that was tried gave samples enough for a p99: load for longer."
        if not self.held:
            return f"At no rate that was tried is p99 surely within {limit}{self._instead}."
        if isinf(self.failed):
            return f"p99 is within {limit} at every rate tried, up to {self.held:,.0f} a second."
        return (
            f"It takes {self.held:,.0f} requests a second with p99 within {limit}; "
            f"at {self.failed:,.0f} that is no longer sure."
        )

    @property
    def _instead(self) -> str:
        if self.likely:
            return f"; by best estimate it is at {self.likely:,.0f} a second"
        return "" if isinf(self.failed) else f"; at {self.failed:,.0f} a second that is not sure"

    def record(self) -> dict[str, float | None]:
        """As JSON values; null: none failed."""
        return {**vars(self), "failed": None if isinf(self.failed) else self.failed}


@dataclass(frozen=True)
class Curve:
    """Loads of one serving by rising rate."""

    serving: str
    points: tuple[Loaded, ...] = ()

    def with_point(self, one: Loaded) -> "Curve":
        """And this one."""
        return Curve(self.serving, tuple(sorted((*self.points, one), key=lambda p: p.rate)))

    @property
    def cautions(self) -> list[str]:
        """What limits the worth of its figures: one sentence of a kind, of the highest rate."""
        said: dict[str, list[tuple[float, str]]] = {}
        for one in self.points:
            for caution in one.cautions:
                said.setdefault(caution.code, []).append((one.rate, caution.text))
        return [self._at(of_a_kind) for of_a_kind in said.values()]

    def _at(self, said: list[tuple[float, str]]) -> str:
        rate, sentence = said[-1]
        if len({each for _, each in said}) == 1 and len(said) == len(self.points):
            return sentence
        more = len(said) - 1
        others = f", and under {more} other load{'s' * (more > 1)}" if more else ""
        return f"At {rate:,.0f} a second{others}: {sentence}"

    @property
    def knee(self) -> Loaded | None:
        """Where rate by mean latency is greatest: beyond it, waiting grows faster than the rate.

        Kleinrock 1979, "Power and deterministic rules of thumb for probabilistic problems in
        computer communications". None with fewer than three loads.
        """
        if len(self.points) < 3:
            return None
        return max(self.points, key=_power)

    def within(self, rate: float, limit_ms: float) -> bool | None:
        """Whether p99 is within the limit, by all loads at this rate; None: that stays open."""
        return within(self._waited(rate), limit_ms, _P99)

    def likely(self, rate: float, limit_ms: float) -> bool:
        """Whether it is by best estimate."""
        return bool((self._waited(rate) <= limit_ms).mean() >= _P99)

    def _waited(self, rate: float) -> Numbers:
        return np.concatenate([one.requests.waited_ms for one in self.points if one.rate == rate])

    def peak(self, limit_ms: float) -> Peak:
        """The largest rate with p99 within the limit, below the first one at which it is not.

        Lower rates at which it stays open say nothing against a higher one that holds.
        """
        rates = dict.fromkeys(one.rate for one in self.points)  # one may have been loaded again
        sure = {rate: self.within(rate, limit_ms) for rate in rates}
        over = min((rate for rate, holds in sure.items() if holds is False), default=inf)
        held = max((rate for rate, holds in sure.items() if holds and rate < over), default=0.0)
        failed = min((rate for rate in sure if rate > held), default=inf)
        known = any(holds is not None for holds in sure.values())
        likely = [rate for rate in sure if rate < over and self.likely(rate, limit_ms)]
        return Peak(limit_ms, held, failed, known, max(likely, default=0.0))

    def record(self, raw: bool = True) -> dict[str, Any]:
        """As JSON values."""
        knee = self.knee
        return {
            "serving": self.serving,
            "knee": knee.rate if knee else None,
            "loads": [one.record(raw) for one in self.points],
        }


def _power(one: Loaded) -> float:
    mean = sum(one.where.values())
    return one.achieved * (1 - one.refused) / mean if mean else 0.0
