"""The roofline of a target with a model's operators on it, as the estimate sees them.

After Williams, Waterman, Patterson, "Roofline: an insightful visual performance model", 2009. The
roof is of the datasheet; what the operators reach is estimated, with what starting them takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from optim.graph.values import Analysis, NodeRow
from optim.recipe import Recipe
from optim.targets import Dtype, Target
from optim.targets.estimate import Bound, Device, asked_of, groups_of, refusal_of, runs_as


@dataclass(frozen=True)
class Work:
    """Operators that run as one: floating point operations, bytes across their border, seconds."""

    rows: tuple[NodeRow, ...]
    dtype: Dtype | None
    """What its matrix products run in; None where it has none."""
    flops: int
    bytes: int
    spent: Mapping[Bound, float]

    @property
    def seconds(self) -> float:
        """Estimated, with its start."""
        return sum(self.spent.values())

    @property
    def bound(self) -> Bound:
        """What takes most of it."""
        return max(self.spent, key=lambda bound: self.spent[bound])


@dataclass(frozen=True)
class Roofline:
    """A target's roof as one recipe uses it, and the operators under it.

    `peaks`: operations/s by dtype, of as many cores as the recipe has threads for, of the dtypes
    that operators run in. `bandwidth`: bytes/s of its memory, by the datasheet. `reachable`:
    bytes/s that the estimate counts on, above it where all fits into on-chip memory. `run_us`:
    what each run costs by itself.
    """

    peaks: Mapping[Dtype, float]
    bandwidth: float
    reachable: float
    works: tuple[Work, ...]
    run_us: float


def roofline(analysis: Analysis, target: Target, recipe: Recipe) -> Roofline | None:
    """See `Roofline`; None where the target is not modelled or refuses the recipe.

    Args:
        analysis: of the optimized graph.
    """
    hint = recipe.runtime.lowers_to or None
    if target.assumptions is None or refusal_of(analysis, target, hint):
        return None
    device = Device.of(target, target.assumptions, analysis, recipe.runtime.threads, hint)
    works = []
    for group in groups_of(analysis, target):
        dtypes = [runs_as(target, asked_of(row, hint)) for row in group.rows if row.gemm]
        works.append(
            Work(
                rows=tuple(group.rows),
                dtype=dtypes[0] if dtypes else None,
                flops=sum(row.flops for row in group.rows),
                bytes=group.moved,
                spent=device.seconds(group),
            )
        )
    used = [work.dtype for work in works if work.dtype] or [next(iter(target.peaks))]
    return Roofline(
        peaks={d: target.peaks[d].value * device.share for d in dict.fromkeys(used)},
        bandwidth=target.memory_bandwidth.value if target.memory_bandwidth else 0.0,
        reachable=1 / device.seconds_per_byte,
        works=tuple(works),
        run_us=target.assumptions.run_us.value,
    )
