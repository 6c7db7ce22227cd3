"""Weights in bfloat16: the upper half of a 32-bit float."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from optim.model.opset import at_least_opset
from optim.model.proto import copy_of
from optim.part import Hazard
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.half import tried
from optim.passes.support.tools import (
    float_weights,
    listed,
    name_nodes,
    refuse_over_2_gb,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx

_FEWEST = 64  # numbers of a weight below which halving it saves nothing


class Bf16(Pass):
    """Store weights in bfloat16, and try the network in it."""

    name: ClassVar[str] = "bf16"
    title: ClassVar[str] = "Weights in half the bytes (BF16)"
    summary: ClassVar[str] = (
        "Stores weights as the upper 16 bits of their 32 (bfloat16), which keep the range and two "
        "to three digits. The engine unpacks them while it loads. The network is tried in real "
        "bfloat16 on calibration samples, node by node."
    )
    helps: ClassVar[str] = (
        "Half the file, without a scale or an overflow to care for. On engines that compute in "
        "bfloat16, such as OpenVINO with precision=bf16, it says beforehand what that costs and "
        "which nodes lose by it; the weights are then rounded no further."
    )
    hurts: ClassVar[str] = (
        "By itself it makes no run faster: how the engine computes is the engine's setting. Two "
        "to three digits are too few where large numbers are subtracted from each other; weights "
        "of nodes where that shows stay in 32 bits."
    )
    stage: ClassVar[Stage] = Stage.PRECISION
    overlooks: ClassVar[tuple[str, ...]] = ("Conv", "Gemm", "MatMul")
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    min_opset: ClassVar[int] = 13  # the first whose Cast knows bfloat16
    tolerance: ClassVar[float] = 0.999
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "bf16 weights only",
            "ONNX Runtime has no bf16 arithmetic on CPUs: the file halves, the speed stays. "
            "OpenVINO computes so with precision=bf16.",
            lambda part, here: here.runs_on("onnxruntime"),
        ),
    )

    exclude: tuple[str, ...] = Field(
        default=(), description="Names of nodes whose weights stay in 32 bits."
    )

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Round the weights of all nodes but those that lose by it."""
        refuse_over_2_gb(model)
        refuse_quantized(model)
        refuse_unknown_nodes(self.exclude, model)
        after = at_least_opset(copy_of(model), self.min_opset)
        name_nodes(after)
        losing, tried_so = tried(after, context.calibration, "bf16", self.exclude)
        left = {*self.exclude, *losing}
        read = {name for node in after.graph.node if node.name in left for name in node.input}
        halved = [
            name
            for name, tensor in float_weights(after).items()
            if name not in read and _numbers(tensor) >= _FEWEST
        ]
        if not halved:
            return Outcome(model, False, ("No weight is large enough to be halved.", *tried_so))
        _halve(after, halved)
        kept = listed(float_weights(after))
        notes = [f"{len(halved)} of {len(float_weights(model))} float32 weights are bfloat16 now."]
        notes += [f"Kept in float32, small or of nodes that need it: {kept}."] * bool(kept)
        return Outcome(after, True, (*notes, *tried_so))


def _numbers(tensor: "onnx.TensorProto") -> int:
    size = 1
    for dim in tensor.dims:
        size *= dim
    return size


def _halve(model: "onnx.ModelProto", names: list[str]) -> None:
    """Store these weights in bfloat16, each cast back under its old name, in place."""
    import ml_dtypes
    from onnx import TensorProto, helper, numpy_helper

    weights, graph = float_weights(model), model.graph
    taken = {value for node in graph.node for value in (*node.output, node.name)} | weights.keys()
    for name in reversed(names):
        stored = f"{name}_bf16"
        while stored in taken:
            stored += "_"
        halved = numpy_helper.to_array(weights[name]).astype(ml_dtypes.bfloat16)
        graph.initializer.append(numpy_helper.from_array(halved, stored))
        graph.initializer.remove(weights[name])
        cast = helper.make_node(
            "Cast", [stored], [name], name=f"{stored}_cast", to=TensorProto.FLOAT
        )
        graph.node.insert(0, cast)
    inputs = [value for value in graph.input if value.name not in names]
    del graph.input[:]
    graph.input.extend(inputs)
