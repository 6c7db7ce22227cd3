"""Symbolic dimensions: what to ask, and binding them so that every input's shape is static."""

import ast
import operator
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from optim.arrays import DTYPES
from optim.errors import InputError
from optim.evalset.axes import how_to_fit
from optim.model.proto import real_inputs
from optim.names import legible

if TYPE_CHECKING:
    import onnx

Shapes = Mapping[str, tuple[int, ...]]
Purpose = Literal["batch", "image", "sequence", "other"]
MAX_SIZE = 2**31 - 1
MAX_AXES = 32  # NumPy has 64 at most, and they grow by one for the samples
_MAX_INPUT_ELEMENTS = 1 << 28
_BATCH = re.compile(r"batch|^(n|b|bs)$", re.IGNORECASE)
_SEQUENCE = re.compile(r"seq|len|time|token|step|frame|past|ctx|context", re.IGNORECASE)
_IMAGE = re.compile(r"height|width|^(h|w)$|resolution", re.IGNORECASE)
_OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}
_RECURRENT = ("LSTM", "GRU", "RNN")
_MAX_EXPRESSION = 100
_AXES_OF_TABLE = 2


def check_interface(graph: "onnx.GraphProto") -> None:
    """Raise InputError unless all inputs and outputs are tensors of numbers."""
    inputs = real_inputs(graph)
    if not inputs or not graph.output:
        which = "inputs" if not inputs else "outputs"
        raise InputError(f"The model has no {which}.", "Export it so that it has.")
    for what, values in (("input", inputs), ("output", graph.output)):
        for value in values:
            if (kind := _kind_of(value)) not in DTYPES:
                raise InputError(
                    f"The {what} {legible(value.name)!r} is of type {kind}; "
                    "only tensors of numbers can be fed and compared.",
                    "Export without it (scikit-learn: options={'zipmap': False}); "
                    "keep text outside.",
                )
            if (axes := len(value.type.tensor_type.shape.dim)) > MAX_AXES:
                raise InputError(
                    f"The {what} {legible(value.name)!r} has {axes:,} axes; the limit is "
                    f"{MAX_AXES}.",
                    "Export the model with fewer axes.",
                )


def _kind_of(value: "onnx.ValueInfoProto") -> str:
    """The dtype of a tensor; else what it is instead, such as `sequence`."""
    import onnx

    kind = value.type.WhichOneof("value") or "nothing"
    if kind != "tensor_type":
        return str(kind.removesuffix("_type"))
    names = {number: name for name, number in onnx.TensorProto.DataType.items()}
    number = value.type.tensor_type.elem_type
    if number in (onnx.TensorProto.STRING, onnx.TensorProto.UNDEFINED) or number not in names:
        return str(names.get(number, number)).lower()
    return str(onnx.helper.tensor_dtype_to_np_dtype(number).name)


def name_dims(graph: "onnx.GraphProto") -> None:
    """Give unnamed dimensions of inputs a name: `batch` for that of samples, else input_axis."""
    time_first = _time_first(graph)
    for value in real_inputs(graph):
        samples = 1 if value.name in time_first else 0
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.dim_param and dim.dim_value <= 0:
                dim.dim_param = "batch" if axis == samples else f"{value.name}_{axis}"


def _time_first(graph: "onnx.GraphProto") -> set[str]:
    """The inputs of which a recurrent operator takes the first axis for the time."""
    nodes = (node for node in graph.node if node.op_type in _RECURRENT)
    return {n.input[0] for n in nodes if not any(a.name == "layout" and a.i for a in n.attribute)}


def _times(graph: "onnx.GraphProto") -> set[str]:
    """The symbols of such axes."""
    known = _time_first(graph)
    inputs = (value for value in real_inputs(graph) if value.name in known)
    return {dim.dim_param for v in inputs for dim in v.type.tensor_type.shape.dim[:1]}


def suggested(graph: "onnx.GraphProto") -> dict[str, int]:
    """Every symbol to be bound, with a suggestion: batch 1, sequences 128, images 224."""
    found = {name: _suggestion(graph, name) for name in _symbols(graph)}
    return {name: size for name, size in found.items() if not _symbols_in(name, found)}


def _symbols(graph: "onnx.GraphProto") -> dict[str, tuple[int, int]]:
    """Every symbol with the axis where it comes first, and how many axes there are."""
    found: dict[str, tuple[int, int]] = {}
    for value in real_inputs(graph):
        dims = value.type.tensor_type.shape.dim
        for axis, dim in enumerate(dims):
            if dim.dim_param:
                found.setdefault(dim.dim_param, (axis, len(dims)))
    return found


def purpose_of(graph: "onnx.GraphProto", name: str) -> Purpose:
    """What a symbol of an input seems to be for, by its name and where it stands."""
    axis, rank = _symbols(graph)[name]
    if _BATCH.search(name):
        return "batch"
    if (rank > _AXES_OF_TABLE and _IMAGE.search(name)) or (rank == 4 and axis >= 2):
        return "image"
    if _SEQUENCE.search(name) or name in _times(graph):
        return "sequence"
    return "batch" if axis == 0 else "other"


def width_of(graph: "onnx.GraphProto") -> str:
    """The open number of columns of the only input, if it is [samples, columns]; or empty."""
    shapes = [value.type.tensor_type.shape.dim for value in real_inputs(graph)]
    table = len(shapes) == 1 and len(shapes[0]) == _AXES_OF_TABLE
    return str(shapes[0][1].dim_param) if table else ""


def _suggestion(graph: "onnx.GraphProto", name: str) -> int:
    purpose, (_, rank) = purpose_of(graph, name), _symbols(graph)[name]
    return {"batch": 1, "image": 224, "sequence": 128, "other": 3 if rank == 4 else 128}[purpose]


def sizes_with(
    value: "onnx.ValueInfoProto", sizes: Mapping[str, int], shapes: Shapes | None = None
) -> list[int]:
    """An input's shape with these sizes of symbols.

    Args:
        shapes: input name -> shape that it must take.

    Raises: InputError where it is none or another.
    """
    found = [_size(dim, sizes, value.name) for dim in value.type.tensor_type.shape.dim]
    _check_fits(value.name, found, shapes or {})
    return found


def bind(graph: "onnx.GraphProto", dims: Mapping[str, int], shapes: Shapes) -> dict[str, int]:
    """Make every input's shape static, in place, and the outputs' where they use the same symbols.

    Args:
        dims: symbol -> size; what is left out gets the suggestion.
        shapes: input name -> shape that it must take, such as an EvalSet's sample has.

    Returns: symbol -> size. Raises InputError for contradictions.
    """
    for name, shape in shapes.items():
        _give_rank(graph, name, shape)
    _check_ranks(graph)
    name_dims(graph)
    asked = suggested(graph)
    values = _solve(graph, dims, shapes, asked)
    for value in real_inputs(graph):
        sizes = sizes_with(value, values, shapes)
        _set_shape(value, sizes)
    _bind_outputs(graph, values)
    return values


def _give_rank(graph: "onnx.GraphProto", name: str, shape: tuple[int, ...]) -> None:
    for value in real_inputs(graph):
        if value.name == name and not value.type.tensor_type.HasField("shape"):
            _set_shape(value, shape)


def without_shape(graph: "onnx.GraphProto") -> list[str]:
    """The inputs of which the file does not even say how many axes they have."""
    values = real_inputs(graph)
    return [value.name for value in values if not value.type.tensor_type.HasField("shape")]


def _check_ranks(graph: "onnx.GraphProto") -> None:
    for name in without_shape(graph):
        raise InputError(
            f"The input {legible(name)!r} declares no shape.",
            "Give it: --input name:float32[1,3,224,224], or an EvalSet.",
        )


def _solve(
    graph: "onnx.GraphProto", dims: Mapping[str, int], shapes: Shapes, asked: dict[str, int]
) -> dict[str, int]:
    values: dict[str, int] = {}
    for name, size in dims.items():
        if name not in asked:
            known = ", ".join(map(legible, asked)) or "none"
            raise InputError(
                f"The model has no dimension {legible(name)!r}.", f"Its dimensions: {known}."
            )
        if not 0 <= size <= MAX_SIZE:
            raise InputError(f"{legible(name)}={size} is no size.", "Use a size of at least 0.")
        values[name] = size
    for value in real_inputs(graph):
        shape = shapes.get(value.name, ())
        for dim, size in zip(value.type.tensor_type.shape.dim, shape, strict=False):
            name = dim.dim_param
            if name in asked and values.setdefault(name, size) != size:
                raise InputError(
                    f"The dimension {legible(name)!r} would be both {values[name]} and {size} "
                    f"(input {legible(value.name)!r}).",
                    "Give inputs and sizes that agree.",
                )
    return asked | values


def _symbols_in(name: str, known: Iterable[str]) -> set[str]:
    """The symbols of an expression such as `past + 1`; empty if it is a plain symbol."""
    if name.isidentifier() or len(name) > _MAX_EXPRESSION:
        return set()
    try:
        tree = ast.parse(name, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names if names <= set(known) and _evaluable(tree.body) else set()


def _evaluable(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return type(node.op) in _OPERATIONS and all(map(_evaluable, (node.left, node.right)))
    return isinstance(node, ast.Name) or (
        isinstance(node, ast.Constant) and isinstance(node.value, int)
    )


def _evaluate(node: ast.expr, values: Mapping[str, int]) -> int:
    if isinstance(node, ast.BinOp):
        left, right = (_evaluate(side, values) for side in (node.left, node.right))
        return int(_OPERATIONS[type(node.op)](left, right))
    return values[node.id] if isinstance(node, ast.Name) else int(node.value)  # type: ignore


def _size(
    dim: "onnx.TensorShapeProto.Dimension", values: Mapping[str, int], input_name: str
) -> int:
    if not dim.dim_param:
        return int(dim.dim_value)
    if dim.dim_param in values:
        return values[dim.dim_param]
    try:
        size = _evaluate(ast.parse(dim.dim_param, mode="eval").body, values)
    except ZeroDivisionError:
        size = -1
    if not 0 <= size <= MAX_SIZE:  # a cache may begin with a length of 0
        raise InputError(
            f"{legible(dim.dim_param)} of input {legible(input_name)!r} would be {size}.",
            "Choose other sizes.",
        )
    return size


def _check_fits(name: str, sizes: list[int], shapes: Shapes) -> None:
    if name in shapes and tuple(sizes) != shapes[name]:
        raise InputError(
            f"The input {legible(name)!r} takes {sizes}, but the given inputs have "
            f"{list(shapes[name])}.",
            how_to_fit(legible(name), shapes[name], sizes)
            or "Give inputs of the model's shape, or export the model for theirs.",
        )
    if sizes[:1] == [0]:
        raise InputError(
            f"The input {legible(name)!r} of shape {sizes} would hold no sample.",
            "Give its first dimension a size of at least 1.",
        )
    elements = 1
    for size in sizes:
        elements *= size
    if elements > _MAX_INPUT_ELEMENTS:
        raise InputError(
            f"The input {legible(name)!r} of shape {sizes} has {elements:.3g} elements.",
            f"Choose smaller sizes: at most {_MAX_INPUT_ELEMENTS} elements.",
        )


def _set_shape(value: "onnx.ValueInfoProto", sizes: Iterable[int]) -> None:
    value.type.tensor_type.ClearField("shape")
    value.type.tensor_type.shape.SetInParent()
    for size in sizes:
        value.type.tensor_type.shape.dim.add().dim_value = size


def _bind_outputs(graph: "onnx.GraphProto", values: Mapping[str, int]) -> None:
    for value in graph.output:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in values:
                dim.dim_value = values[dim.dim_param]
