"""A GRU written out as matrix products, step by step, so that other passes can work on them.

Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014; the formulas are
those of the operator GRU of ONNX.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from optim.part import Circumstances, Group, Hazard, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.tools import listed, name_nodes, refuse_unknown_nodes

if TYPE_CHECKING:
    import onnx


class UnrollGru(Pass):
    """Write each GRU of a known length out as products."""

    name: ClassVar[str] = "unroll_gru"
    title: ClassVar[str] = "GRU as matrix products (unrolling)"
    summary: ClassVar[str] = (
        "Replaces each GRU whose sequence has a known length by the matrix products, sums and "
        "activations that it is made of, one after the other for every step. The results stay the "
        "same up to rounding."
    )
    helps: ClassVar[str] = (
        "GRUs of about 500 hidden units or more, together with dynamic_int8 on ONNX Runtime or "
        "static_int8 on OpenVINO: no engine here has a GRU of 8 bits, but each has products of "
        "8 bits, and a wide GRU waits for its weights to come from memory. With 1,024 units it "
        "became three times as fast."
    )
    hurts: ClassVar[str] = (
        "By itself it makes every GRU slower, since a dozen nodes are started for each step, and "
        "narrow ones stay slower in 8 bits. Long sequences make large graphs, which load slowly."
    )
    group: ClassVar[Group] = Group.GRAPH
    stage: ClassVar[Stage] = Stage.CELLS
    min_opset: ClassVar[int] = 13
    tolerance: ClassVar[float] = 0.9999
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "a GRU in pieces",
            "A GRU written out is slower by itself: it is there for 8 bits behind it, which pay "
            "from about 500 hidden units on.",
            lambda part, here: all(one.lowers_to != "int8" for one in here.recipe),
        ),
        Hazard(
            "static int8 of steps on ONNX Runtime",
            "ONNX Runtime unpacks the 8-bit weights of static_int8 anew at every step of a GRU: "
            "it becomes many times slower. Use dynamic_int8 there, or openvino.",
            lambda part, here: (
                here.runs_on("onnxruntime")
                and any(one.name == "static_int8" for one in here.recipe)
            ),
        ),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start("unroll_gru + dynamic_int8 + onnxruntime", 126, lambda here: "GRU" in here.ops),
    )

    longest: int = Field(
        default=128, ge=1, le=1024, description="Longer sequences than this stay as they are."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Names of GRUs left as they are.")

    def takes(self, here: Circumstances) -> bool:
        """Whether there is a GRU."""
        return super().takes(here) and "GRU" in here.ops

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Replace what can be, and say of the rest why not."""
        if not any(node.op_type == "GRU" for node in model.graph.node):
            return Outcome(model, False, ("The model has no GRU.",))
        from optim.passes.support.gru import unrolled

        refuse_unknown_nodes(self.exclude, model)
        found = unrolled(model, self.longest, self.exclude)
        left = [f"{listed([name])} stays a GRU: {why}." for name, why in found.left.items()]
        if not found.steps:
            return Outcome(model, False, ("No GRU was written out.", *left))
        name_nodes(found.model)
        told = listed(f"{name} ({steps} steps)" for name, steps in found.steps.items())
        return Outcome(found.model, True, (f"Written out as products: {told}.", *left))
