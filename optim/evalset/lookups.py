"""Numbers that a model looks up in a table of its own, such as token ids: they must lie within."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.names import legible

if TYPE_CHECKING:
    import onnx

_SAME_VALUES = {"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose"}
_SAME_SHAPE = {"DequantizeLinear", "Cast", "Identity"}


@dataclass(frozen=True)
class Table:
    """A constant of the model, and how many rows it has that can be looked up."""

    name: str
    rows: int


def tables(name: str, graph: "onnx.GraphProto") -> Iterator[Table]:
    """The constants that an input's values index (by a Gather)."""
    sizes = _constants(graph)
    same = {name}
    for node in graph.node:  # nodes are in topological order
        if node.op_type in _SAME_VALUES and node.input[0] in same:
            same.add(node.output[0])
        if node.op_type == "Gather" and node.input[1] in same and node.input[0] in sizes:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            yield Table(node.input[0], sizes[node.input[0]][axis])


def _constants(graph: "onnx.GraphProto") -> dict[str, tuple[int, ...]]:
    """The shape of every constant, also of those behind a Cast or a DequantizeLinear."""
    found = {item.name: tuple(item.dims) for item in graph.initializer if item.dims}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].t.dims:
            found[node.output[0]] = tuple(node.attribute[0].t.dims)
        elif node.op_type in _SAME_SHAPE and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def check_lookups(model: Path, inputs: Mapping[str, Array]) -> list[str]:
    """Notes on samples that are looked up from a table's end.

    Args:
        model: its ONNX file.
        inputs: name -> [samples, *input shape].

    Raises: InputError for a number that a table has no row for.
    """
    whole = {name: values for name, values in inputs.items() if values.dtype.kind in "iu"}
    if not whole:
        return []
    import onnx

    graph = onnx.load(str(model), load_external_data=False).graph
    least = {name: min(tables(name, graph), key=_rows, default=None) for name in whole}
    return [
        note
        for name, table in least.items()
        if table is not None
        for note in _checked(name, whole[name], table)
    ]


def _rows(table: Table) -> int:
    return table.rows


def _checked(name: str, values: Array, table: Table) -> list[str]:
    rows, of = table.rows, f"the model's table {legible(table.name, 60)!r} of {table.rows:,} rows"
    wrong = np.argwhere((values >= rows) | (values < -rows))
    if wrong.size:
        first = tuple(wrong[0].tolist())
        raise InputError(
            f"The array {name!r} holds {values[first]:,} in sample {first[0]}; its numbers are "
            f"looked up in {of}, which reach from 0 to {rows - 1:,}.",
            "Make them with the tokenizer or the vocabulary that the model was trained with.",
            "EvalSet",
        )
    below = int((values < 0).sum())
    if not below:
        return []
    return [
        f"The array {name!r} holds {below:,} numbers below 0, which count from the end of {of}."
    ]
