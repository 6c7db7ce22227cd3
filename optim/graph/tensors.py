"""Types and shapes of every tensor of a graph, found without running it and without its weights."""

import logging
import sys
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any, cast

import onnx
import onnx.inliner
from onnx import TensorProto, helper

from optim.errors import first_line
from optim.graph import classical
from optim.graph.propagating import MOST_ELEMENTS, propagate
from optim.model.proto import opset_of

_SYMBOLIC_FROM = 7  # the opset from which ONNX Runtime's inference knows the operators
_SAME_SHAPE = ("Binarizer", "Imputer", "Normalizer", "Scaler")
_logger = logging.getLogger(__name__)
_BITS = {TensorProto.INT4: 4, TensorProto.UINT4: 4, TensorProto.FLOAT4E2M1: 4}


@dataclass(frozen=True)
class Tensor:
    """Type and static shape of a tensor. `shape` is None where unknown."""

    dtype: int
    shape: tuple[int, ...] | None

    @property
    def elements(self) -> int:
        """Number of elements; 0 where unknown."""
        return prod(self.shape) if self.shape is not None else 0

    @property
    def bytes(self) -> int:
        """Size in bytes; 0 where unknown. 4-bit types are packed; a string counts 0."""
        if self.dtype in (TensorProto.UNDEFINED, TensorProto.STRING):
            return 0
        bits = _BITS.get(self.dtype) or 8 * helper.tensor_dtype_to_np_dtype(self.dtype).itemsize
        return ceil(self.elements * bits / 8)

    def __str__(self) -> str:
        name = dtype_name(self.dtype)
        return f"{name}[{','.join(map(str, self.shape))}]" if self.shape is not None else f"{name}?"


UNKNOWN = Tensor(TensorProto.UNDEFINED, None)


def dtype_name(dtype: int) -> str:
    """NumPy's name of an ONNX element type, "" if undefined."""
    if dtype == TensorProto.UNDEFINED:
        return ""
    return "string" if dtype == TensorProto.STRING else helper.tensor_dtype_to_np_dtype(dtype).name


def load_lean(path: Path) -> onnx.ModelProto:
    """The model with local functions inlined and without the data of its large weights.

    Shapes do not depend on that data, and without it the work does not grow with the weights.
    """
    model = onnx.load(path, load_external_data=False)
    _drop_data(model.graph)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    return model


def _drop_data(graph: onnx.GraphProto) -> None:
    for weight in graph.initializer:
        if prod(weight.dims) > MOST_ELEMENTS:
            lean = TensorProto(name=weight.name, data_type=weight.data_type, dims=weight.dims)
            weight.CopyFrom(lean)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _drop_data(attribute.g)


def infer(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """The model with the shapes that can be inferred, and notes on how.

    ONNX's own inference comes first, then node by node what hangs on values; operators outside its
    domain (com.microsoft) need ONNX Runtime's symbolic one, which costs more and is used only where
    shapes are missing still. None knows the shapes that ai.onnx.ml gives.
    """
    notes: list[str] = []
    try:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        for node in [node for node in model.graph.node if node.domain == classical.DOMAIN]:
            if made := _classical_outputs(node, tensors_of(model.graph)):
                model.graph.value_info.extend(made)
                model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # a malformed node: rows of the rest are still worth showing
        notes.append(f"ONNX shape inference stopped ({first_line(error)}).")
    if _missing(model.graph):
        propagate(model)
    if not _missing(model.graph):
        return model, notes
    try:
        return _symbolically(model), notes
    except Exception as error:  # it raises bare exceptions of many kinds
        _logger.info("symbolic shape inference: %s", first_line(error))  # gaps are told as such
        return model, notes


def _symbolically(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with what ONNX Runtime's inference finds, also where that is not every shape.

    Its own entry throws an incomplete result away, and writes it as a file where it stands.
    """
    if opset_of(model) < _SYMBOLIC_FROM:
        return model
    most = 2**31 - 1  # as its own entry has it
    inference = _symbolic_inference()(most, auto_merge=True, guess_output_rank=False, verbose=0)
    inference._preprocess(model)
    while inference.run_:
        inference._infer_impl()
    inference._update_output_from_vi()
    return _with_known(cast(onnx.ModelProto, inference.out_mp_), model)


def _with_known(found: onnx.ModelProto, before: onnx.ModelProto) -> onnx.ModelProto:
    """With the shapes that were known before and are so no more."""
    now = tensors_of(found.graph)
    lost = {
        value.name: value
        for value in before.graph.value_info
        if _tensor(value.type).shape is not None and now.get(value.name, UNKNOWN).shape is None
    }
    kept = [value for value in found.graph.value_info if value.name not in lost]
    del found.graph.value_info[:]
    found.graph.value_info.extend([*kept, *lost.values()])
    return found


def _classical_outputs(node: onnx.NodeProto, known: dict[str, Tensor]) -> list[onnx.ValueInfoProto]:
    """What a node of ai.onnx.ml gives, where its input's shape is known and its output's is not."""
    shape = known.get(node.input[0], UNKNOWN).shape
    if not shape:
        return []
    shapes: list[tuple[int, ...]] = []
    if node.op_type in _SAME_SHAPE:
        shapes = [shape]
    elif node.op_type.endswith("Classifier"):
        labels = (a for a in node.attribute if a.name.startswith("classlabels"))
        classes = max((len(a.ints) + len(a.strings) for a in labels), default=0)
        shapes = [shape[:1], (shape[0], classes)] if classes else [shape[:1]]
    elif node.op_type.endswith("Regressor"):
        targets = next((a.i for a in node.attribute if a.name in ("n_targets", "targets")), 1)
        shapes = [(shape[0], targets)]
    types = (TensorProto.FLOAT,) if len(shapes) == 1 else (TensorProto.INT64, TensorProto.FLOAT)
    return [
        helper.make_tensor_value_info(name, known.get(name, UNKNOWN).dtype or dtype, made)
        for name, dtype, made in zip(node.output, types, shapes, strict=False)
        if name and known.get(name, UNKNOWN).shape is None
    ]


def _symbolic_inference() -> Any:
    """ONNX Runtime's class for it, imported without torch, which its package would pull in."""
    hide = "torch" not in sys.modules
    if hide:
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
    finally:
        if hide:
            del sys.modules["torch"]
    return SymbolicShapeInference


def _missing(graph: onnx.GraphProto) -> bool:
    known = tensors_of(graph)
    return any(
        name and known.get(name, UNKNOWN).shape is None
        for node in graph.node
        for name in node.output
    )


def tensors_of(graph: onnx.GraphProto, outer: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Type and shape by tensor name; those of the enclosing graph included."""
    known = dict(outer or {})
    for value in (*graph.input, *graph.value_info, *graph.output):
        known[value.name] = _tensor(value.type)
    for weight in graph.initializer:
        known[weight.name] = Tensor(weight.data_type, tuple(weight.dims))
    for sparse in graph.sparse_initializer:
        known[sparse.values.name] = Tensor(sparse.values.data_type, tuple(sparse.values.dims))
    return known


def _tensor(type_proto: onnx.TypeProto) -> Tensor:
    if not type_proto.HasField("tensor_type"):
        return UNKNOWN  # a sequence, map or optional
    tensor = type_proto.tensor_type
    dims = tensor.shape.dim
    static = tensor.HasField("shape") and all(d.HasField("dim_value") for d in dims)
    return Tensor(tensor.elem_type, tuple(d.dim_value for d in dims) if static else None)
