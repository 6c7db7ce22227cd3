"""Structured pruning: whole channels, heads and hidden units are removed from the graph itself.

Li et al., "Pruning Filters for Efficient ConvNets", 2017; for heads Michel et al., "Are Sixteen
Heads Really Better than One?", 2019. What hangs together is found by `support.channels`.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field

from optim.arrays import Feeds
from optim.findings import percent
from optim.machine.environment import cpu_flags
from optim.part import Circumstances, Hazard, Product, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.channel_rules import RULES
from optim.passes.support.channels import Axis, Channels, Ids, tied
from optim.passes.support.families import Scores, by_activation, by_weight, families
from optim.passes.support.narrowing import spelled_out
from optim.passes.support.thinning import Thinning, by_place, by_sensitivity
from optim.passes.support.tools import name_nodes, refuse_quantized, refuse_unknown_nodes

if TYPE_CHECKING:
    import onnx

_SAMPLES = 64
_HARMLESS = 0.1  # share of the FLOPs that most networks can spare
_TRIED_SAMPLES = 16


class Importance(StrEnum):
    """What tells how much a channel matters."""

    ACTIVATION = "activation"
    GRADIENT = "gradient"
    WEIGHT = "weight"


class Spread(StrEnum):
    """How the removal is spread over the layers."""

    BLOCKS = "blocks"
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
    overlooks: ClassVar[tuple[str, ...]] = ("Conv", "Gemm", "MatMul")
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
        Searched("multiple", (16,), lambda here: not _wide(here.flags)),
        Searched("multiple", (8,), lambda here: _wide(here.flags)),
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
        default=Spread.BLOCKS,
        description="blocks: the same share of every layer inside the blocks of a network, and of "
        "what lies on the sums between them (residual streams) only where that does not suffice; "
        "uniform: the same share of every layer; sensitivity: less of the layers whose thinning "
        "moves the outputs most on calibration inputs.",
    )
    multiple: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Channels left are a multiple of this. 0: as many as the kernels of the "
        "machine that builds compute at once, 16 with AVX-512 and 8 without: what is over is "
        "filled up with zeros and takes as long.",
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

    def settled(self, overflowing: Collection[Product]) -> tuple[Self, str]:
        """With the multiple that this machine's kernels like."""
        if self.multiple:
            return self, ""
        liked = _liked(cpu_flags())
        said = f"Channels are left in multiples of {liked}, as kernels of this machine like it."
        return self.model_copy(update={"multiple": liked}), said

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Remove the least important channels until the share of the FLOPs is gone."""
        feeds = [*context.calibration][:_SAMPLES]
        network = self._network(model, feeds)
        gone, said = self._gone(network, feeds) if network.families else ([], [])
        if not gone:
            return Outcome(model, False, (_why_nothing(network),))
        ran = self.model_copy(update={"left": network.kept(gone)}) if self.time else None
        notes = (*said, *network.notes(gone), *self._advice(network.share(gone), context))
        return Outcome(network.without(gone), True, notes, ran)

    def _network(self, model: "onnx.ModelProto", feeds: Sequence[Feeds]) -> Thinning:
        refuse_quantized(model)
        plain = spelled_out(model)
        name_nodes(plain)
        refuse_unknown_nodes(self.exclude, model, plain)
        channels = tied(plain, RULES)
        labels = channels.labels()
        found = [f for f in families(channels, labels) if not {*f.nodes} & {*self.exclude}]
        asked = bool(self.flops or self.time or self.left)
        scores = self._scores(channels, labels, feeds) if found and asked else {}
        speeds = [1.0] * len(found)
        if self.spread is Spread.BLOCKS:
            speeds = by_place(channels, labels, found)
        elif self.spread is Spread.SENSITIVITY and feeds and scores:
            speeds = by_sensitivity(channels, labels, found, scores, feeds[:_TRIED_SAMPLES])
        multiple = self.multiple or _liked(cpu_flags())
        return Thinning(channels, labels, found, scores, speeds, multiple)

    def _gone(self, network: Thinning, feeds: Sequence[Feeds]) -> tuple[list[int], list[str]]:
        """The labels to remove, and what there is to say of how they were found."""
        if self.left:
            return network.leaving(self.left), []
        if not self.time:
            return network.of(self.flops) if self.flops else [], []
        from optim.passes.support.channel_times import by_time  # it takes an engine

        gone, saved = by_time(network, feeds, self.time)
        return gone, [f"{percent(saved)} of a run's time went, as measured while building."]

    def _scores(
        self, channels: Channels, labels: Mapping[Axis, Ids], feeds: Sequence[Feeds]
    ) -> Scores:
        if self.importance is Importance.WEIGHT or not feeds:
            return by_weight(channels, labels)
        if self.importance is Importance.GRADIENT:
            from optim.passes.support.gradients import by_gradient  # it takes PyTorch

            return by_gradient(channels, labels, feeds)
        return by_activation(channels, labels, feeds)

    def _advice(self, share: float, context: Context) -> list[str]:
        said = []
        if not (self.time or self.left) and share < self.flops - 0.01:
            said.append(f"No more can go: {percent(self.flops)} were asked for.")
        if max(self.flops, self.time) > _HARMLESS:
            said += context.wish_for_training
        return said


def _wide(flags: Collection[str]) -> bool:
    """Whether engines lay channels out in blocks of 16: ONNX Runtime (MLAS's NCHWc, whose block is
    as wide as a vector) and oneDNN do with AVX-512."""
    return "avx512f" in flags


def _liked(flags: Collection[str]) -> int:
    return 16 if _wide(flags) else 8


def _why_nothing(network: Thinning) -> str:
    if not network.families:
        return (
            "Nothing was removed: no layer's channels can go, since each is an output, is "
            "normalized over, or meets an operator that is not known here."
        )
    return (
        f"Nothing was removed: the share, in multiples of {network.multiple} channels, rounds to "
        "none. Ask for more, or for a smaller multiple."
    )
