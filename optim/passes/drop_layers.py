"""Depth pruning: whole residual blocks are left out, those first that matter least.

What a residual block computes is added to what it reads, so the network still works without it:
Veit et al., "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", 2016; for
transformers Sajjad et al., "On the Effect of Dropping Layers of Pre-trained Transformer Models",
2020. What is left starts from the original's weights; `recover` then distils the original into it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.arrays import Array, Feeds
from optim.model.proto import copy_of
from optim.part import Circumstances, Hazard, Searched
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.blocks import Block, residual_blocks
from optim.passes.support.rewiring import bypass
from optim.passes.support.running import answers
from optim.passes.support.tools import (
    listed,
    name_nodes,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx

_SAMPLES = 16


class DropLayers(Pass):
    """Leave out the residual blocks that matter least."""

    name: ClassVar[str] = "drop_layers"
    title: ClassVar[str] = "Leave out layers (depth pruning)"
    summary: ClassVar[str] = (
        "Leaves out residual blocks: attention and feed-forward layers of transformers, blocks of "
        "residual networks, those first without which the outputs move least on calibration "
        "inputs. The rest keeps the original's weights."
    )
    helps: ClassVar[str] = (
        "Every engine gains in proportion to what is left out, small networks and GPUs too, where "
        "narrower layers gain nothing. Together with recover it makes a smaller student of the "
        "network, as distillation does."
    )
    hurts: ClassVar[str] = (
        "Answers get worse with every block, more than by removing as much arithmetic from all "
        "layers. Add recover behind it. Networks without residual sums have nothing to leave out."
    )
    stage: ClassVar[Stage] = Stage.PRUNE
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.5
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "layers left out and not recovered",
            "Without training afterwards, leaving out layers costs most networks quality. Add "
            "recover behind it.",
            lambda part, here: all(one.name != "recover" for one in here.recipe),
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("share", (0.25, 0.5)),)

    share: float = Field(
        default=0.15, ge=0.0, le=0.9, description="Share of the residual blocks to leave out."
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Names of the sums (Add) whose blocks stay."
    )

    def takes(self, here: Circumstances) -> bool:
        """Residual blocks are made of convolutions or products."""
        return super().takes(here) and here.has_products

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Leave out one block after the other, each time the one that is missed least."""
        refuse_quantized(model)
        refuse_unknown_nodes(self.exclude, model)
        plain = copy_of(model)
        name_nodes(plain)
        blocks = [one for one in residual_blocks(plain) if one.node not in self.exclude]
        feeds = [*context.calibration][:_SAMPLES]
        count = round(self.share * len(blocks))
        if not count or not feeds:
            return Outcome(model, False, (_why_nothing(blocks, feeds),))
        gone = _least_missed(plain, blocks, feeds, count)
        result = without(plain, gone)
        nodes = len(model.graph.node) - len(result.graph.node)
        return Outcome(
            result,
            True,
            (
                f"{len(gone)} of {len(blocks)} residual blocks are left out, {nodes} nodes: those "
                f"of {listed(one.node for one in gone)}.",
                *context.wish_for_training,
            ),
        )


def without(model: "onnx.ModelProto", blocks: Sequence[Block]) -> "onnx.ModelProto":
    """The model with these blocks left out: what they were added to goes on alone."""
    made = copy_of(model)
    bypass(made.graph, {one.out: one.skip for one in blocks})
    return made


def _least_missed(
    model: "onnx.ModelProto", blocks: Sequence[Block], feeds: Sequence[Feeds], count: int
) -> list[Block]:
    """In the order in which they are left out."""
    expected = answers(model, feeds)
    gone: list[Block] = []
    for _ in range(count):
        left = [one for one in blocks if one not in gone]
        errors = [_error(without(model, [*gone, one]), feeds, expected) for one in left]
        gone.append(left[int(np.argmin(errors))])
    return gone


def _error(model: "onnx.ModelProto", feeds: Sequence[Feeds], expected: Array) -> float:
    return float(np.square(answers(model, feeds) - expected).mean())


def _why_nothing(blocks: Sequence[Block], feeds: Sequence[Feeds]) -> str:
    if not blocks:
        return "Nothing was left out: the network has no residual blocks that keep their shape."
    if not feeds:
        return "Nothing was left out: without calibration inputs it is not known what is missed."
    return f"Nothing was left out: the share of {len(blocks)} blocks rounds to none."
