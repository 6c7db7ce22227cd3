"""Structured pruning: whole channels, heads and hidden units are removed from the graph itself.

Li et al., "Pruning Filters for Efficient ConvNets", 2017; for heads Michel et al., "Are Sixteen
Heads Really Better than One?", 2019. What hangs together is found by `support.channels`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.arrays import Feeds
from optim.errors import InputError
from optim.findings import percent
from optim.part import Circumstances, Hazard, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.channel_rules import RULES
from optim.passes.support.channels import Axis, Channels, Ids, tied
from optim.passes.support.families import (
    Family,
    Scores,
    by_activation,
    by_weight,
    chosen,
    families,
    flops,
    least_important,
)
from optim.passes.support.narrowing import narrowed, spelled_out
from optim.passes.support.running import answers
from optim.passes.support.tools import (
    listed,
    name_nodes,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx

_SAMPLES = 64
_HARMLESS = 0.1  # share of the FLOPs that most networks can spare
_TRIED_SAMPLES = 16
_LEAST, _MOST = 0.25, 2.0  # how much slower or faster a family is thinned out than the median


class Importance(StrEnum):
    """What tells how much a channel matters."""

    ACTIVATION = "activation"
    GRADIENT = "gradient"
    WEIGHT = "weight"


class Spread(StrEnum):
    """How the removal is spread over the layers."""

    UNIFORM = "uniform"
    SENSITIVITY = "sensitivity"


class StructuredPrune(Pass):
    """Remove the channels that matter least, everywhere they occur."""

    name: ClassVar[str] = "structured_prune"
    title: ClassVar[str] = "Remove channels and heads (structured pruning)"
    summary: ClassVar[str] = (
        "Removes whole channels of convolutions, hidden units of multilayer perceptrons, and heads "
        "of attention, those that matter least first, with all that depends on them: the network "
        "becomes a narrower one."
    )
    helps: ClassVar[str] = (
        "Every engine is faster with a narrower network, since it has less to compute: half the "
        "FLOPs often mean 1.5 times the speed or more. It goes together with 8 bits."
    )
    hurts: ClassVar[str] = (
        "Answers get worse, and at half of the FLOPs most networks are useless until they have "
        "been trained again: add recover. Very small networks gain little, since starting their "
        "operators takes most of the time."
    )
    stage: ClassVar[Stage] = Stage.PRUNE
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.5
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "pruned and not recovered",
            "Without training afterwards, removing this many channels costs most networks much of "
            "their quality. Add recover behind it.",
            lambda part, here: (
                max(part.flops, part.time) > _HARMLESS
                and all(one.name != "recover" for one in here.recipe)
            ),
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (
        Searched("flops", (0.3, 0.5)),
        Searched("spread", (Spread.SENSITIVITY,)),
        Searched("multiple", (16,)),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start("structured_prune + onnxruntime", 105, lambda here: here.has_conv),
    )

    flops: float = Field(
        default=0.2, ge=0.0, le=0.9, description="Share of the FLOPs of products to remove."
    )
    time: float = Field(
        default=0.0,
        ge=0.0,
        le=0.9,
        description="Share of a run's measured time to remove instead: of ONNX Runtime on one "
        "thread of the machine that builds, where layers that take long for their FLOPs lose "
        "more. 0: `flops` counts.",
    )
    importance: Importance = Field(
        default=Importance.ACTIVATION,
        description="What tells how much a channel matters: activation, what it adds to the layers "
        "that read it on calibration inputs; gradient, how far the answers would move without it, "
        "to first order: for a small share; weight, the size of its weights alone.",
    )
    spread: Spread = Field(
        default=Spread.UNIFORM,
        description="uniform: the same share of every layer; sensitivity: less of the layers whose "
        "thinning moves the outputs most on calibration inputs.",
    )
    multiple: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Channels left are a multiple of this: kernels are fastest with 8 or 16.",
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Names of nodes that keep all of their output channels."
    )
    left: tuple[str, ...] = Field(
        default=(),
        description="How many channels or heads each layer keeps, in the graph's order: what "
        "measuring decided, for the same model again. Empty: decided while building.",
    )

    def takes(self, here: Circumstances) -> bool:
        """Only convolutions and products have channels."""
        return super().takes(here) and here.has_products

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Remove the least important channels until the share of the FLOPs is gone."""
        refuse_quantized(model)
        plain = spelled_out(model)
        name_nodes(plain)
        refuse_unknown_nodes(self.exclude, model, plain)
        channels = tied(plain, RULES)
        labels = channels.labels()
        found = [f for f in families(channels, labels) if not {*f.nodes} & {*self.exclude}]
        if not found or not (self.flops or self.time or self.left):
            return Outcome(model, False, (_why_nothing(found),))
        feeds = [*context.calibration][:_SAMPLES]
        scores = self._scores(channels, labels, feeds)
        speeds = self._speeds(channels, labels, found, scores, feeds)
        said: tuple[str, ...] = ()
        if self.left:
            gone = self._as_before(found, scores)
        elif self.time:
            from optim.passes.support.channel_times import by_time

            def choose(
                work: Channels, dear: Sequence[float], share: float, coarser: int
            ) -> list[int]:
                both = [a * b for a, b in zip(speeds, dear, strict=True)]
                return self._chosen(work, labels, found, scores, both, share, coarser)

            gone, saved = by_time(channels, labels, found, feeds, self.time, choose)
            said = (f"{percent(saved)} of a run's time went, as measured while building.",)
        else:
            gone = self._chosen(channels, labels, found, scores, speeds, self.flops)
        if not gone:
            return Outcome(model, False, (_why_nothing(found),))
        result = narrowed(channels, labels, gone)
        kept = tuple(str(len({*one.members} - {*gone})) for one in found)
        ran = self.model_copy(update={"left": kept}) if self.time else None
        return Outcome(result, True, (*said, *self._notes(channels, labels, found, gone)), ran)

    def _chosen(
        self,
        work: Channels,
        labels: Mapping[Axis, Ids],
        found: Sequence[Family],
        scores: Scores,
        speeds: Sequence[float],
        share: float,
        coarser: int = 1,
    ) -> list[int]:
        """The labels to remove so that the share of the work is gone, as its products count it."""
        goal = (1 - share) * flops(work, labels)
        paired = list(zip(found, speeds, strict=True))
        return chosen(
            paired, scores, coarser * self.multiple, lambda some: flops(work, labels, some) <= goal
        )

    def _as_before(self, found: Sequence[Family], scores: Scores) -> list[int]:
        """The labels to remove so that each family keeps as many as `left` says."""
        if len(self.left) != len(found) or not all(one.isdecimal() for one in self.left):
            raise InputError(
                f"left has {len(self.left)} numbers of channels, and {len(found)} layers of this "
                "model can be narrowed.",
                "Leave it out: it is what an earlier build decided for the model that it had.",
            )
        pairs = zip(found, map(int, self.left), strict=True)
        return [
            label
            for family, kept in pairs
            for label in least_important(family, scores, len(family.members) - max(1, kept))
        ]

    def _scores(
        self, channels: Channels, labels: Mapping[Axis, Ids], feeds: Sequence[Feeds]
    ) -> Scores:
        if self.importance is Importance.WEIGHT or not feeds:
            return by_weight(channels, labels)
        if self.importance is Importance.GRADIENT:
            from optim.passes.support.gradients import by_gradient  # it takes PyTorch

            return by_gradient(channels, labels, feeds)
        return by_activation(channels, labels, feeds)

    def _speeds(
        self,
        channels: Channels,
        labels: Mapping[Axis, Ids],
        found: Sequence[Family],
        scores: Scores,
        feeds: Sequence[Feeds],
    ) -> list[float]:
        """How fast each family is thinned out: as the root of how little half of it matters."""
        if self.spread is Spread.UNIFORM or not feeds:
            return [1.0] * len(found)
        some = feeds[:_TRIED_SAMPLES]
        expected = answers(channels.model, some)
        errors = []
        for family in found:
            gone = least_important(family, scores, len(family.members) // 2)
            got = answers(narrowed(channels, labels, gone), some)
            errors.append(float(np.square(got - expected).mean()))
        middle = float(np.median(errors)) or 1.0
        return [float(np.clip((middle / max(e, 1e-12)) ** 0.5, _LEAST, _MOST)) for e in errors]

    def _notes(
        self,
        channels: Channels,
        labels: Mapping[Axis, Ids],
        found: Sequence[Family],
        gone: Sequence[int],
    ) -> tuple[str, ...]:
        share = 1 - flops(channels, labels, gone) / flops(channels, labels)
        taken = {*gone}
        counts = [(f, len(taken & {*f.members})) for f in found]
        said = [f"{f.nodes[0]} {len(f.members)} to {len(f.members) - n}" for f, n in counts if n]
        notes = [
            f"{percent(share)} of the FLOPs of products went with {len(gone):,} of "
            f"{sum(len(f.members) for f in found):,} channels and heads.",
            f"Narrower: {listed(said, 8)}.",
        ]
        if not (self.time or self.left) and share < self.flops - 0.01:
            notes.append(f"No more can go: {percent(self.flops)} were asked for.")
        if max(self.flops, self.time) > _HARMLESS:
            notes.append("Such a network needs training: add recover behind this pass.")
        return tuple(notes)


def _why_nothing(found: Sequence[Family]) -> str:
    if not found:
        return (
            "Nothing was removed: no layer's channels can go, since each is an output, is "
            "normalized over, or meets an operator that is not known here."
        )
    return "Nothing was removed: the share, in multiples of channels, rounds to none."
