"""Each node's time in two recipes, before and after: what kernels, threads and layouts change."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.explaining.executed import Pair, Side, pairs, times_by_origin
from optim.findings import Interval
from optim.why.waterfall import change


class NodeChange(BaseModel):
    """A node of the original and what it takes on both sides, in microseconds of a run; None where
    a side has no such node, since it was fused into another, split or added."""

    model_config = ConfigDict(frozen=True)

    name: str
    op: str
    before_us: float | None
    after_us: float | None
    change_us: Interval
    before_precision: str
    after_precision: str
    runs_as: str
    """What the engine ran for it after."""


def node_changes(befores: Sequence[Side], afters: Sequence[Side]) -> tuple[NodeChange, ...]:
    """Every node of both sides, the largest change first.

    Args:
        befores, afters: profiles of each side, each of a process of its own.
    """
    old, new = ([times_by_origin(one) for one in sides] for sides in (befores, afters))
    found = [_changed(pair, old, new) for pair in pairs(befores[0], afters[0])]
    return tuple(sorted(found, key=lambda one: -abs(one.change_us.value)))


def _changed(
    pair: Pair, old: Sequence[dict[str, float]], new: Sequence[dict[str, float]]
) -> NodeChange:
    before, after = (np.array([one.get(pair.name, 0.0) for one in times]) for times in (old, new))
    return NodeChange(
        name=pair.name,
        op=pair.op,
        before_us=None if pair.before_us is None else float(before.mean()),
        after_us=None if pair.after_us is None else float(after.mean()),
        change_us=change(before, after),
        before_precision=pair.before_precision,
        after_precision=pair.after_precision,
        runs_as=pair.after_op,
    )
