"""Which channels go: families of a network with what each member is worth, how fast each of them is
thinned out, and three ways to say how much of the network."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Feeds
from optim.errors import InputError
from optim.findings import percent
from optim.passes.support.channels import Axis, Channels, Ids
from optim.passes.support.families import (
    Family,
    Scores,
    chosen,
    flops,
    in_streams,
    least_important,
)
from optim.passes.support.narrowing import narrowed
from optim.passes.support.running import answers
from optim.passes.support.tools import listed

if TYPE_CHECKING:
    import onnx

_STREAM = 0.1  # how fast a residual stream is thinned out where blocks are at a speed of 1
_LEAST, _MOST = 0.25, 2.0  # how much slower or faster a family is thinned out than the median


@dataclass(frozen=True)
class Thinning:
    """A network whose channels can go.

    `scores` tell which members of a family go first, `speeds` how fast each family is thinned out
    relative to the others; of each a multiple of `multiple` channels is left.
    """

    channels: Channels
    labels: Mapping[Axis, Ids]
    families: Sequence[Family]
    scores: Scores
    speeds: Sequence[float]
    multiple: int

    def of(self, share: float, work: Channels | None = None) -> list[int]:
        """The labels to remove so that this share of the work is gone, as few as can be.

        Args:
            work: channels whose products count the work; default: FLOPs.
        """
        counted = work or self.channels
        goal = (1 - share) * flops(counted, self.labels)
        paired = list(zip(self.families, self.speeds, strict=True))
        return chosen(
            paired,
            self.scores,
            self.multiple,
            lambda some: flops(counted, self.labels, some) <= goal,
        )

    def leaving(self, counts: Sequence[str]) -> list[int]:
        """The labels to remove so that the families keep so many, as `kept` says it.

        Raises InputError where these are not the numbers of this network.
        """
        if len(counts) != len(self.families) or not all(one.isdecimal() for one in counts):
            raise InputError(
                f"left has {len(counts)} numbers of channels, and {len(self.families)} layers of "
                "this model can be narrowed.",
                "Leave it out: it is what an earlier build decided for the model that it had.",
            )
        pairs = zip(self.families, map(int, counts), strict=True)
        return [
            label
            for family, kept in pairs
            for label in least_important(family, self.scores, len(family.members) - max(1, kept))
        ]

    def kept(self, gone: Collection[int]) -> tuple[str, ...]:
        """How many each family keeps without these, for `leaving`."""
        taken = {*gone}
        return tuple(str(len({*one.members} - taken)) for one in self.families)

    def without(self, gone: Sequence[int]) -> "onnx.ModelProto":
        """The network without these channels."""
        return narrowed(self.channels, self.labels, gone)

    def share(self, gone: Collection[int]) -> float:
        """That of the FLOPs which goes with these."""
        return 1 - flops(self.channels, self.labels, gone) / flops(self.channels, self.labels)

    def notes(self, gone: Collection[int]) -> tuple[str, ...]:
        """What went, for people."""
        sizes = [len(one.members) for one in self.families]
        left = [int(count) for count in self.kept(gone)]
        rows = zip(self.families, sizes, left, strict=True)
        said = [f"{one.nodes[0]} {size} to {rest}" for one, size, rest in rows if rest < size]
        return (
            f"{percent(self.share(gone))} of the FLOPs of products went with {len(gone):,} of "
            f"{sum(sizes):,} channels and heads.",
            f"Narrower: {listed(said, 8)}.",
        )


def by_place(
    channels: Channels, labels: Mapping[Axis, Ids], found: Sequence[Family]
) -> list[float]:
    """How fast each family is thinned out: streams last, where all else does not suffice."""
    return [_STREAM if one else 1.0 for one in in_streams(channels, labels, found)]


def by_sensitivity(
    channels: Channels,
    labels: Mapping[Axis, Ids],
    found: Sequence[Family],
    scores: Scores,
    feeds: Sequence[Feeds],
) -> list[float]:
    """How fast each family is thinned out: as the root of how little half of it matters."""
    expected = answers(channels.model, feeds)
    errors = []
    for family in found:
        gone = least_important(family, scores, len(family.members) // 2)
        got = answers(narrowed(channels, labels, gone), feeds)
        errors.append(float(np.square(got - expected).mean()))
    middle = float(np.median(errors)) or 1.0
    return [float(np.clip((middle / max(e, 1e-12)) ** 0.5, _LEAST, _MOST)) for e in errors]
