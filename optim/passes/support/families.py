"""Families of channels that may go, what each of them is worth, and which go for a share of FLOPs.

A family is a set of channels that lie on the same axes: the channels of one layer, or of all layers
that a residual stream ties together; the heads of one attention. Each of its members is a label of
`Channels.labels`.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optim.arrays import Array, Feeds
from optim.passes.support.channels import Axis, Channels, Ids, Product
from optim.passes.support.running import observed

Scores = dict[int, float]
"""The importance of a channel by its label."""
_MOST = 0.9  # of a family; what is narrower still is better left out as a layer
_STEPS = 40
_SUMS = frozenset({"Add", "Sum"})


@dataclass(frozen=True)
class Family:
    """Channels that may be removed one by one.

    `members` are their labels, `width` how many indices of a weight each of them takes, `nodes`
    the names of the nodes whose output channels they are.
    """

    members: tuple[int, ...]
    width: int
    nodes: tuple[str, ...]

    def removable(self, ratio: float, multiple: int) -> int:
        """How many go at most for a ratio, where a multiple of channels is to be left."""
        unit = max(1, multiple // self.width) if self.width < multiple else 1
        count = len(self.members)
        wanted = max(unit, math.ceil(count * (1 - ratio) / unit) * unit)
        return max(0, count - wanted)


def families(channels: Channels, labels: Mapping[Axis, Ids]) -> list[Family]:
    """The families that some product with a constant weight makes, in the graph's order."""
    axes: dict[int, set[Axis]] = defaultdict(set)
    for axis, found in labels.items():
        for label in np.unique(found[found > 0]):
            axes[int(label)].add(axis)
    makers = {(p.weight, p.out): p.node for p in channels.products if p.weight}
    grouped: dict[frozenset[Axis], list[int]] = defaultdict(list)
    for label, where in axes.items():
        if makers.keys() & where:
            grouped[frozenset(where)].append(label)
    order = list(makers)
    ordered = []
    for common, members in grouped.items():
        made = sorted(makers.keys() & common, key=order.index)
        width = int((labels[made[0]] == members[0]).sum())
        nodes = tuple(makers[axis] for axis in made)
        ordered.append((order.index(made[0]), Family(tuple(members), width, nodes)))
    return [family for _, family in sorted(ordered, key=lambda one: one[0])]


def in_streams(
    channels: Channels, labels: Mapping[Axis, Ids], found: Sequence[Family]
) -> list[bool]:
    """Of each family whether results of layers are added up on its channels, as on the residual
    stream of a network: every layer that reads the sum misses a channel that goes."""
    lies: dict[str, set[int]] = defaultdict(set)
    for (name, _), ids in labels.items():
        lies[name].update(ids[ids > 0].tolist())
    sums: set[int] = set()
    for node in channels.model.graph.node:
        added = [name for name in node.input if name not in channels.weights]
        if node.op_type in _SUMS and len(added) > 1:
            sums |= set.intersection(*(lies[name] for name in added))
    return [not sums.isdisjoint(family.members) for family in found]


def flops(channels: Channels, labels: Mapping[Axis, Ids], removed: Collection[int] = ()) -> float:
    """FLOPs of all products without these channels; a batch of a symbolic size counts once."""
    gone = np.fromiter(removed, np.int64, len(removed))
    left = {
        axis: int((~np.isin(labels[axis], gone)).sum())
        for product in channels.products
        for axis in product.axes
        if axis in labels
    }
    return sum(
        product.factor * math.prod(left.get(axis, 1) for axis in product.axes)
        for product in channels.products
    )


def by_weight(channels: Channels, labels: Mapping[Axis, Ids]) -> Scores:
    """Squares of all weights that make or read a channel, each weight's relative to its mean."""
    scores: Scores = defaultdict(float)
    for product in channels.products:
        weight = channels.weights.get(product.weight)
        for axis in (product.out, product.summed) if weight is not None else ():
            assert weight is not None
            _add(scores, labels[product.weight, axis], _norms(weight, axis))
    return scores


def by_activation(channels: Channels, labels: Mapping[Axis, Ids], feeds: Sequence[Feeds]) -> Scores:
    """The mean square that a channel adds to what reads it: of its values on calibration inputs,
    times the squares of the weights that read it.

    Source: Sun et al., "A Simple and Effective Pruning Approach for Large Language Models", 2023,
    for whole channels.
    """
    readers = [p for p in channels.products if p.weight and p.input[0] not in channels.weights]
    seen = _squares(channels, feeds, {p.input for p in readers})
    scores: Scores = defaultdict(float)
    for product in readers:
        norms, values = (
            _norms(channels.weights[product.weight], product.summed),
            seen[product.input],
        )
        if len(norms) != len(values):  # groups: each weight reads the channels of one place
            values = values.reshape(-1, len(norms)).mean(0)
        found = labels[product.weight, product.summed]
        if is_depthwise(product, labels):
            found, norms = labels[product.input], np.ones(len(labels[product.input]))
            values = seen[product.input]
        _add(scores, found, norms * values)
    return scores


def is_depthwise(product: Product, labels: Mapping[Axis, Ids]) -> bool:
    """Whether each filter reads one channel, which its input tells and no axis of its weight."""
    along = labels[product.weight, product.summed]
    return not along.any() and bool(labels[product.input].any())


def _squares(
    channels: Channels, feeds: Sequence[Feeds], axes: set[Axis]
) -> dict[Axis, NDArray[np.float64]]:
    """The mean square along each of these axes."""
    sums: dict[Axis, NDArray[np.float64]] = {}
    for values in observed(channels.model, feeds, sorted({name for name, _ in axes})):
        for name, axis in axes:
            square = np.square(values[name].astype(np.float64))
            others = tuple(at for at in range(square.ndim) if at != axis)
            sums[name, axis] = sums.get((name, axis), 0.0) + square.mean(axis=others)
    return sums


def _norms(weight: Array, axis: int) -> NDArray[np.float64]:
    others = tuple(at for at in range(weight.ndim) if at != axis)
    sums: NDArray[np.float64] = np.square(weight.astype(np.float64)).sum(axis=others)
    return sums


def _add(scores: Scores, labels: Ids, values: NDArray[np.float64]) -> None:
    total = values.sum() or 1.0
    for label, value in zip(labels, values / total * len(values), strict=True):
        scores[int(label)] += float(value)


def least_important(family: Family, scores: Mapping[int, float], count: int) -> list[int]:
    """The members that go first."""
    return sorted(family.members, key=lambda one: (scores.get(one, 0.0), one))[:count]


def chosen(
    found: Sequence[tuple[Family, float]],
    scores: Mapping[int, float],
    multiple: int,
    fits: Callable[[list[int]], bool],
) -> list[int]:
    """The labels to remove: as few as fit, or as many as can go where nothing fits.

    Args:
        found: families, each with how fast it is thinned out relative to the others.
        fits: whether enough is gone without these labels.
    """

    def counts(ratio: float) -> list[int]:
        return [f.removable(min(ratio * speed, _MOST), multiple) for f, speed in found]

    def removed(numbers: Sequence[int]) -> list[int]:
        pairs = zip(found, numbers, strict=True)
        return [one for (f, _), count in pairs for one in least_important(f, scores, count)]

    low, high = 0.0, _MOST / min((speed for _, speed in found), default=1.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(removed(counts(middle))) else (middle, high)
    taken = counts(high)
    for at, fewer in enumerate(counts(low)):  # many layers may have lost a step at once
        back = [*taken[:at], fewer, *taken[at + 1 :]]
        taken = back if fits(removed(back)) else taken
    return removed(taken)
