"""An ONNX graph as a module of torch, which `torch.export` then turns into a flat graph of its own.

Input shapes are fixed, so whatever depends on shapes and integers of the file alone is computed
once, in NumPy, by the standard's own evaluator; the rest calls torch (see `torch_operators`). An
operator that is not there is refused by its name. Imports torch: for children.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from optim.names import legible
from optim.runtimes.support import torch_layers, torch_shapes  # noqa: F401  # fill the table
from optim.runtimes.support.compiling import Lacks
from optim.runtimes.support.torch_operators import OPERATORS, Call, tensor

if TYPE_CHECKING:
    from optim.runtimes.support.compiling import Compiling

_STANDARD = ("", "ai.onnx")
PRODUCTS = frozenset({"MatMul", "Gemm", "Conv", "ConvTranspose"})


def exported(path: Path, engine: "Compiling", bf16: bool = False) -> Any:
    """The model at `path` as a `torch.export.ExportedProgram`, inputs in the file's order.

    Args:
        engine: in whose name a model is refused.
        bf16: products in bfloat16, the rest in floats.

    Raises StepError that names the operators that are not there.
    """
    net = _read(path, engine, bf16)
    given = tuple(torch.zeros(shape, dtype=kind) for shape, kind in net.given)
    with torch.no_grad():
        return _movable(torch.export.export(net, given, strict=False))


def _movable(program: Any) -> Any:
    """Without the assertions that each tensor stays on the device that it was exported on."""
    asserted = torch.ops.aten._assert_tensor_metadata.default
    for node in [node for node in program.graph.nodes if node.target is asserted]:
        program.graph.erase_node(node)
    program.graph_module.recompile()
    return program


def _read(path: Path, engine: "Compiling", bf16: bool) -> "Net":
    proto = onnx.load(str(path))
    kinds = dict.fromkeys(
        ".".join(filter(None, (node.domain, node.op_type)))
        for node in proto.graph.node
        if node.domain not in _STANDARD or node.op_type not in OPERATORS
    )
    missing = [kind for kind in kinds if kind not in ALWAYS_KNOWN]
    if missing:
        raise engine.refusal(f"it has no {', '.join(map(legible, missing[:5]))}")
    return Net(proto, bf16)


ALWAYS_KNOWN = frozenset({"Constant", "Shape", "Size", "ConstantOfShape", "Range"})
"""Computed before anything runs."""


class Net(torch.nn.Module):
    """The graph; weights are buffers. Gives a tuple of its outputs."""

    def __init__(self, proto: onnx.ModelProto, bf16: bool) -> None:
        super().__init__()
        self._bf16 = bf16
        self._graph = proto.graph
        self._opset = max(one.version for one in proto.opset_import if one.domain in _STANDARD)
        self._static: dict[str, Any] = {"": None}
        self._weights: dict[str, str] = {}
        for one in proto.graph.initializer:
            self._keep(one.name, numpy_helper.to_array(one))
        self.given = [_type_of(value) for value in _inputs(proto.graph)]

    def _keep(self, name: str, value: Any) -> None:
        """Floats are weights; other numbers may be shapes and the like."""
        if value.dtype.kind == "f" and value.ndim:
            self._weights[name] = f"w{len(self._weights)}"
            self.register_buffer(self._weights[name], torch.from_numpy(value.copy()))
        self._static[name] = value

    def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """One run."""
        values = dict(self._static)
        values.update({name: getattr(self, at) for name, at in self._weights.items()})
        values.update(zip((value.name for value in _inputs(self._graph)), given, strict=True))
        for node in self._graph.node:
            found = self._run(node, [values[name] for name in node.input])
            if any(node.output[len(found) :]):
                raise Lacks(f"it makes of {node.op_type} the first of its outputs alone")
            values.update(zip(node.output, found, strict=False))
        return tuple(_output(values[output.name], given) for output in self._graph.output)

    def _run(self, node: onnx.NodeProto, inputs: Sequence[Any]) -> Sequence[Any]:
        if node.op_type == "Shape":
            inputs = [np.zeros(tuple(inputs[0].shape), bool)]
        if all(one is None or isinstance(one, np.ndarray) for one in inputs):
            return evaluated(node, inputs, self._opset)
        call = call_of(node, self._opset)
        lowered = self._bf16 and node.op_type in PRODUCTS
        if lowered:
            inputs = [_as(one, torch.float32, torch.bfloat16) for one in inputs]
        found = OPERATORS[node.op_type](call, *inputs)
        if lowered:
            found = _as(found, torch.bfloat16, torch.float32)
        return found if isinstance(found, (tuple, list)) else (found,)


def call_of(node: onnx.NodeProto, opset: int) -> Call:
    """What a node says."""
    return Call(opset, len(node.output), {one.name: _attribute(one) for one in node.attribute})


def evaluated(node: onnx.NodeProto, inputs: Sequence[Any], opset: int) -> Sequence[Any]:
    """What a node makes of numbers that are known, by the standard's evaluator."""
    feeds = dict(zip(node.input, inputs, strict=True))
    given = {name: value for name, value in feeds.items() if name}
    found = ReferenceEvaluator(node, opsets={"": opset}).run(None, given)
    return [np.asarray(one) for one in found]


def _as(value: Any, old: torch.dtype, new: torch.dtype) -> Any:
    """A tensor of one type as another; anything else as it is."""
    value = tensor(value)
    return value.to(new) if torch.is_tensor(value) and value.dtype == old else value


def _output(value: Any, given: Sequence[torch.Tensor]) -> torch.Tensor:
    """An output of its own: one that is an input, or a constant, is copied."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value).clone()
    return value.clone() if any(value is one for one in given) else value


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    stored = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in stored]


def _type_of(value: onnx.ValueInfoProto) -> tuple[tuple[int, ...], torch.dtype]:
    kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    shape = tuple(one.dim_value for one in value.type.tensor_type.shape.dim)
    if kind.kind == "u" and kind.itemsize > 1:
        raise Lacks(f"it hardly computes with {kind}")
    return shape, torch.from_numpy(np.zeros(0, kind)).dtype


def _attribute(one: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(one)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return [item.decode() for item in value] if one.type == onnx.AttributeProto.STRINGS else value
