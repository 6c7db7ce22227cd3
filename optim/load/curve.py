"""The load curve: one serving at rising rates; its knee, and the largest rate within a limit."""

from dataclasses import dataclass
from math import inf, isinf
from typing import Any

from optim.findings import Interval
from optim.load.loaded import Loaded
from optim.showing import text


@dataclass(frozen=True)
class Peak:
    """The largest rate within a limit.

    `held` is the largest rate at which the percentile's whole interval is within it (0: none was),
    `failed` the smallest one above at which it is not; infinite where none failed. `known`: whether
    there were samples enough to tell the percentile at any rate.
    """

    limit_ms: float
    held: float
    failed: float
    known: bool = True

    @property
    def sentence(self) -> str:
        """For people."""
        limit = text.milliseconds(self.limit_ms)
        if not self.known:
            return "No rate that was tried gave samples enough for a p99: load for longer."
        if not self.held:
            least = (
                "" if isinf(self.failed) else f"; at {self.failed:,.0f} a second that is not sure"
            )
            return f"At no rate that was tried is p99 surely within {limit}{least}."
        if isinf(self.failed):
            return f"p99 is within {limit} at every rate tried, up to {self.held:,.0f} a second."
        return (
            f"It takes {self.held:,.0f} requests a second with p99 within {limit}; "
            f"at {self.failed:,.0f} that is no longer sure."
        )

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
        others = f", alike at {len(said) - 1} of the others" if len(said) > 1 else ""
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

    @property
    def tells_p99(self) -> bool:
        """Whether any rate gave samples enough for it."""
        return any(one.latency("p99") for one in self.points)

    def peak(self, limit_ms: float) -> Peak:
        """The largest rate with p99 within the limit, below the first one at which it is not.

        Lower rates that gave too few samples for a p99 say nothing against a higher one that holds.
        """
        p99 = {one.rate: one.latency("p99") for one in self.points}
        over = min(
            (r for r, found in p99.items() if found and not holds(found, limit_ms)), default=inf
        )
        held = max(
            (r for r, found in p99.items() if holds(found, limit_ms) and r < over), default=0.0
        )
        failed = min((rate for rate in p99 if rate > held), default=inf)
        return Peak(limit_ms, held, failed, self.tells_p99)

    def record(self, raw: bool = True) -> dict[str, Any]:
        """As JSON values."""
        knee = self.knee
        return {
            "serving": self.serving,
            "knee": knee.rate if knee else None,
            "loads": [one.record(raw) for one in self.points],
        }


def holds(p99: Interval | None, limit_ms: float) -> bool:
    """Whether a percentile is surely within a limit: without enough samples it is not."""
    return p99 is not None and p99.high <= limit_ms


def _power(one: Loaded) -> float:
    mean = sum(one.where.values())
    return one.achieved * (1 - one.refused) / mean if mean else 0.0
