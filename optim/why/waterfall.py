"""Where the time went, before and after, by kind of operator: bars that add up to the difference.

An engine's profiler gives shares, of a few runs in one process; the measured medians give the
scale. Nodes that add up to more than the run were slowed down by the profiler and are scaled; what
is missing from the run is outside all nodes. A bar's interval comes from several profiles, each in
a process of its own, and from the interval of the run.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import special  # scipy.stats takes a second or two to import

from optim.explaining.executed import Executed, Side, executed
from optim.findings import Interval
from optim.graph.align import kind_of

OUTSIDE = "outside the nodes"
_LEVEL = 0.95


class Bar(BaseModel):
    """One kind of operator: ms per run before and after, and the change with its interval."""

    model_config = ConfigDict(frozen=True)

    op: str
    before_ms: float
    after_ms: float
    change_ms: Interval


class Waterfall(BaseModel):
    """`bars` sum to `after_ms - before_ms`; the largest change first."""

    model_config = ConfigDict(frozen=True)

    before_ms: float
    after_ms: float
    bars: tuple[Bar, ...]

    @property
    def parts(self) -> tuple[Bar, ...]:
        """What the run after is made of, the longest first."""
        ordered = sorted(self.bars, key=lambda bar: -bar.after_ms)
        return tuple(bar for bar in ordered if bar.after_ms > 0)

    @property
    def change_ms(self) -> float:
        """Below 0 for a gain."""
        return self.after_ms - self.before_ms


def waterfall(
    before: Sequence[Side], after: Sequence[Side], before_ms: float, after_ms: float
) -> Waterfall:
    """Bars from profiles of both sides, each taken in several processes, in ms.

    Args:
        before_ms, after_ms: measured medians of a run.
    """
    ops = {row.name: row.op for row in before[0].analysis.nodes}
    old, new = _scaled(before, before_ms, ops), _scaled(after, after_ms, ops)
    names = {name for times in (*old, *new) for name in times}
    bars = [_bar(name, _of(name, old), _of(name, new)) for name in names]
    ordered = tuple(sorted(bars, key=lambda bar: -abs(bar.change_ms.value)))
    return Waterfall(before_ms=before_ms, after_ms=after_ms, bars=ordered)


def _scaled(
    sides: Sequence[Side], run_ms: float, ops: Mapping[str, str]
) -> list[Mapping[str, float]]:
    """ms of a run per operator, one mapping for each profile; each sums to the run."""
    found: list[Mapping[str, float]] = []
    for side in sides:
        times = _by_operator(side.model_copy(update={"p50_us": 1e3 * run_ms}), ops)
        found.append({**times, OUTSIDE: max(0.0, run_ms - sum(times.values()))})
    return found


def _by_operator(side: Side, ops: Mapping[str, str]) -> dict[str, float]:
    """ms per operator, as the original names it where a node stands for one of the original's."""
    times: dict[str, float] = {}
    for work in executed(side):
        op = _operator(side, work, ops)
        times[op] = times.get(op, 0.0) + work.microseconds / 1e3
    return times


def _operator(side: Side, work: Executed, ops: Mapping[str, str]) -> str:
    """The original's, but for what a pass fused of several: that is an operator of its own."""
    op = ops.get(side.origin(work.name), work.op)
    fused = len(side.origins.get(work.name, ())) > 1
    return work.op if fused and kind_of(op) != kind_of(work.op) else op


def _of(name: str, profiles: Sequence[Mapping[str, float]]) -> np.ndarray:
    return np.array([times.get(name, 0.0) for times in profiles])


def _bar(name: str, before: np.ndarray, after: np.ndarray) -> Bar:
    return Bar(
        op=name,
        before_ms=float(before.mean()),
        after_ms=float(after.mean()),
        change_ms=change(before, after),
    )


def change(before: np.ndarray, after: np.ndarray) -> Interval:
    """How much longer something takes after than before, with the interval of few profiles (t).

    Args:
        before, after: times of it, one for each profile; of one profile the interval is a point.
    """
    value = float(after.mean() - before.mean())
    error = float(np.hypot(_error(before), _error(after)))
    freedom = max(1, len(before) + len(after) - 2)
    reach = float(special.stdtrit(freedom, (1 + _LEVEL) / 2)) * error
    return Interval(value=value, low=value - reach, high=value + reach)


def _error(values: np.ndarray) -> float:
    """Standard error of a mean."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
