"""Half precision by ONNX Runtime's float16 converter (onnxruntime.transformers.float16)."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.model.compare import changed
from optim.model.opset import restore_interface
from optim.model.proto import all_graphs, copy_of, sort_nodes, with_inner
from optim.names import does, many
from optim.part import Hazard, Precision, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.failing import check_usable, without_failing
from optim.passes.support.half import tried
from optim.passes.support.rewiring import with_made_outputs
from optim.passes.support.running import record_types
from optim.passes.support.tools import (
    count_ops,
    float_weights,
    listed,
    name_nodes,
    quiet,
    refuse_over_2_gb,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx

_LARGEST = float(np.finfo(np.float16).max)
_SMALLEST = float(np.finfo(np.float16).smallest_subnormal)


class Fp16(Pass):
    """Store and compute in 16-bit floats; inputs and outputs stay 32-bit."""

    name: ClassVar[str] = "fp16"
    version: ClassVar[int] = 3
    title: ClassVar[str] = "Half precision (FP16)"
    summary: ClassVar[str] = (
        "Stores weights and computes in 16-bit instead of 32-bit floating point. Inputs and "
        "outputs stay 32-bit."
    )
    helps: ClassVar[str] = (
        "Halves the file and the memory traffic. GPUs, NPUs and newer ARM CPUs compute twice as "
        "fast or better in half precision."
    )
    hurts: ClassVar[str] = (
        "Most x86 CPUs have no half-precision arithmetic: ONNX Runtime then casts back and forth "
        "and is slower than before. Values over 65,504 overflow to infinity, which ruins some "
        "networks, such as those fed raw amounts of money. "
        "Each node is tried in real half precision on calibration samples, which a CPU would hide: "
        "those that overflow, or where the noise jumps, stay in 32 bits by themselves."
    )
    stage: ClassVar[Stage] = Stage.PRECISION
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.999
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "fp16 on a CPU",
            "ONNX Runtime has few fp16 kernels on x86 CPUs: it casts back to float32 around most "
            "operators, which gains no speed. The file halves.",
            lambda part, here: here.runs_on("onnxruntime") and not here.measured_gain("fp16"),
            lambda part, here: here.cited("fp16"),
        ),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start("fp16 + onnxruntime", 110, lambda here: here.classical),
    )

    keep_op_types: tuple[str, ...] = Field(
        default=(),
        description="Op types left in 32 bits, besides those that have no 16-bit form.",
    )
    exclude: tuple[str, ...] = Field(default=(), description="Names of nodes left in 32 bits.")

    @property
    def lowers_to(self) -> Precision:
        """Floats of 16 bits."""
        return "fp16"

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Convert all but the kept nodes, with casts at the borders."""
        refuse_over_2_gb(model)
        refuse_quantized(model)
        refuse_unknown_nodes(self.exclude, model)
        full = copy_of(model)
        with_made_outputs(full.graph)
        name_nodes(full)
        record_types(full)
        blocked = {*self.exclude, *_overflowing(full)}
        by_kind = [node.name for node in full.graph.node if node.op_type in self._kept_op_types()]
        careful, tried_so = tried(full, context.calibration, "fp16", {*blocked, *by_kind})
        blocked |= {*careful}
        names = [node.name for node in full.graph.node if node.name not in blocked]
        half, failed = without_failing(names, lambda some: self._converted(full, some))
        if half is None or not changed(model, half):
            return Outcome(model, False, (_why_nothing(model), *tried_so, *_said(failed)))
        return Outcome(half, True, (*_notes(model, half), *tried_so, *_said(failed)))

    def _kept_op_types(self) -> list[str]:
        from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST

        return [*DEFAULT_OP_BLOCK_LIST, *self.keep_op_types]

    def _converted(self, full: "onnx.ModelProto", names: list[str]) -> "onnx.ModelProto":
        """The model with the named nodes in 16 bits. Raises where it does not open."""
        left = [node for node in full.graph.node if node.name not in set(names)]
        kept = {inner.name for node in left for inner in with_inner(node)}
        with quiet():
            from onnxruntime.transformers.onnx_model import OnnxModel

            converter = OnnxModel(copy_of(full))
            converter.convert_float_to_float16(
                use_symbolic_shape_infer=False,  # types are recorded; its script leaves files
                keep_io_types=True,
                op_block_list=self._kept_op_types(),
                node_block_list=sorted(kept),
            )
            _without_detours(converter.model)
            converter.topological_sort(is_deterministic=True)  # it appends its casts at the end
        half: onnx.ModelProto = converter.model
        restore_interface(half, full)  # it drops inputs that nothing reads
        sort_nodes(half.graph)  # its own sorting overlooks what subgraphs read
        if changed(full, half):
            check_usable(half)
        return half


def _said(failed: tuple[str, ...]) -> tuple[str, ...]:
    if not failed:
        return ()
    return (f"Left in float32, since the converter failed on them: {listed(failed)}.",)


def _without_detours(model: "onnx.ModelProto") -> None:
    """Let 32-bit values pass between two nodes kept in 32 bits as they are, in place.

    The converter rounds them to 16 bits in between, where large ones become infinite.
    """
    made = {out: node for node in model.graph.node for out in node.output}
    for node in model.graph.node:
        before = made.get(node.input[0]) if _is_cast(node, "FLOAT") else None
        if before is not None and _is_detour(before):
            node.op_type, node.input[0] = "Identity", before.input[0]
            del node.attribute[:]
    read = {name for node in model.graph.node for name in node.input}
    read |= {value.name for value in model.graph.output}
    idle = [node for node in model.graph.node if _is_detour(node) and node.output[0] not in read]
    for node in idle:
        model.graph.node.remove(node)


def _is_detour(node: "onnx.NodeProto") -> bool:
    """Whether it is a cast from 32 bits that the converter added, by the names it gives them."""
    added = node.name.endswith("_cast_to_fp16_node") or node.name.startswith("graph_input_cast")
    return added and _is_cast(node, "FLOAT16")


def _is_cast(node: "onnx.NodeProto", to: str) -> bool:
    from onnx import TensorProto

    wanted = TensorProto.DataType.Value(to)
    return node.op_type == "Cast" and any(a.name == "to" and a.i == wanted for a in node.attribute)


def _why_nothing(model: "onnx.ModelProto") -> str:
    kept = listed(float_weights(model))
    doubles = any(tensor.data_type == tensor.DOUBLE for tensor in model.graph.initializer)
    wide = "; float64 weights are left as they are" if doubles else ""
    return f"Nothing became float16{f'; kept in float32: {kept}' if kept else ''}{wide}."


def _overflowing(model: "onnx.ModelProto") -> list[str]:
    """Names of the nodes with a weight that 16 bits cannot hold."""
    from onnx import numpy_helper

    weights = float_weights(model)
    large = {n for n, t in weights.items() if np.any(np.abs(numpy_helper.to_array(t)) > _LARGEST)}
    return [node.name for node in model.graph.node if large.intersection(node.input)]


def _within(model: "onnx.ModelProto") -> list[str]:
    """Names of 32-bit weights inside of loops, branches and functions."""
    inner = (graph for graph in all_graphs(model) if graph is not model.graph)
    held = (tensor for graph in inner for tensor in getattr(graph, "initializer", ()))
    return [tensor.name for tensor in held if tensor.data_type == tensor.FLOAT]


def _notes(model: "onnx.ModelProto", half: "onnx.ModelProto") -> tuple[str, ...]:
    from onnx import numpy_helper

    before, kept = float_weights(model), float_weights(half)
    notes = [f"{len(before) - len(kept)} of {len(before)} float32 weights are float16 now."]
    if not before:
        notes = ["It has no float32 weights: the values between its nodes are float16 now."]
    if within := _within(model):
        done = len(within) - len(_within(half))
        notes.append(f"Inside of loops and branches {done} of {len(within)} are.")
    if kept:
        notes.append(f"Kept in float32, since the values or operators need it: {listed(kept)}.")
    casts = count_ops(half)["Cast"] - count_ops(model)["Cast"]
    if casts > 0:
        notes.append(
            f"{many(casts, 'Cast node')} {does(casts, 'were')} added where 16 and 32 bits meet."
        )
    values = [np.abs(numpy_helper.to_array(t)) for n, t in before.items() if n not in kept]
    lost = sum(int(np.sum((value > 0) & (value < _SMALLEST))) for value in values)
    if lost:
        notes.append(f"{many(lost, 'weight')} too small for float16 {does(lost, 'were')} rounded.")
    return tuple(notes)
