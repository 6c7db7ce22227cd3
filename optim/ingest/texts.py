"""Inputs of text become inputs of whole numbers, where the model itself only numbers the texts.

Encoders in a graph (scikit-learn's, mostly) hold the list of texts that they know. Numbers in place
of the texts, in the inputs and in these lists, leave every answer as it is.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from optim.errors import InputError
from optim.evalset.coded import KEY
from optim.model.proto import names_read, real_inputs
from optim.names import legible, some

if TYPE_CHECKING:
    import onnx

_SHOWN = 3
_LISTS = {
    ("LabelEncoder", "keys_strings"): "keys_int64s",
    ("LabelEncoder", "values_strings"): "values_int64s",
    ("OneHotEncoder", "cats_strings"): "cats_int64s",
    ("TfIdfVectorizer", "pool_strings"): "pool_int64s",
}
"""Operator and attribute of texts -> the attribute of whole numbers in its place."""
_MOVES = {
    *("Identity", "Concat", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Gather"),
    *("Split", "Slice", "Expand", "Tile", "ArrayFeatureExtractor"),
}
"""Operators that move texts and do not look at them."""


def number_texts(proto: "onnx.ModelProto") -> list[str]:
    """Make inputs of text, in place, inputs of int64. Returns sentences on what was changed.

    Raises: InputError where the model does more with a text than to look it up.
    """
    import onnx

    text = onnx.TensorProto.STRING
    inputs = [v for v in real_inputs(proto.graph) if v.type.tensor_type.elem_type == text]
    names = {value.name for value in inputs}
    moved = _followed(proto.graph, names)
    if not inputs or moved & {value.name for value in proto.graph.output}:
        return []
    readers = [node for node in proto.graph.node if moved & {*node.input}]
    other = next((node for node in readers if _is_other(node)), None)
    inner = moved & {*names_read(proto.graph)} - {
        n for node in proto.graph.node for n in node.input
    }
    if other is not None or inner:
        raise _not_only_looked_up(names, other)
    constants = [t for t in _constants(proto.graph, readers) if t.data_type == text]
    numbers = _numbered(readers, constants)
    for node in readers:
        _recode(node, numbers)
    for tensor in constants:
        codes = [numbers[_text(item)] for item in tensor.string_data]
        coded = onnx.helper.make_tensor(tensor.name, onnx.TensorProto.INT64, tensor.dims, codes)
        tensor.CopyFrom(coded)
    for value in (*inputs, *(v for v in proto.graph.value_info if v.name in moved)):
        value.type.tensor_type.elem_type = onnx.TensorProto.INT64
    proto.metadata_props.add(key=KEY, value=json.dumps([*numbers]))
    shown = ", ".join(f"{n} = {legible(text, 30)!r}" for text, n in [*numbers.items()][:_SHOWN])
    return [
        f"{some(sorted(names))} took text and takes whole numbers now: {shown} and so on for the "
        f"{len(numbers):,} texts that the model knows (its metadata {KEY!r} lists them), 0 for "
        "others. An EvalSet may hold the texts. The time to look them up is not in what is "
        "measured."
    ]


def _followed(graph: "onnx.GraphProto", names: Iterable[str]) -> set[str]:
    """The values that hold the inputs' texts, moved at most or looked up for other texts."""
    found = set(names)
    while (
        more := {
            output
            for node in graph.node
            if found & {*node.input}
            and (node.op_type in _MOVES or _attribute(node, "values_strings"))
            for output in node.output
        }
        - found
    ):
        found |= more
    return found


def _attribute(node: "onnx.NodeProto", name: str) -> "onnx.AttributeProto | None":
    return next((one for one in node.attribute if one.name == name), None)


def _is_other(node: "onnx.NodeProto") -> bool:
    """Whether a node does more with texts than to move them or to look them up in its list."""
    if node.op_type in _MOVES or node.op_type == "Equal":
        return False
    lists = [one.name for one in node.attribute if (node.op_type, one.name) in _LISTS]
    return not lists or any(one.name.endswith("_tensor") for one in node.attribute)


def _constants(
    graph: "onnx.GraphProto", readers: Iterable["onnx.NodeProto"]
) -> Iterator["onnx.TensorProto"]:
    """Tensors that these nodes read."""
    read = {name for node in readers for name in node.input}
    yield from (tensor for tensor in graph.initializer if tensor.name in read)
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in read:
            yield from (one.t for one in node.attribute if one.HasField("t"))


def _numbered(
    readers: Iterable["onnx.NodeProto"], constants: Iterable["onnx.TensorProto"]
) -> dict[str, int]:
    """Text -> its number, from 1 in the order in which the model names them."""
    lists = [
        one.strings
        for node in readers
        for one in node.attribute
        if (node.op_type, one.name) in _LISTS
    ]
    texts = [text for one in (*lists, *(t.string_data for t in constants)) for text in one]
    return {text: number for number, text in enumerate(dict.fromkeys(map(_text, texts)), 1)}


def _text(stored: bytes) -> str:
    """A text of a model's list, whatever its bytes are."""
    return stored.decode(errors="backslashreplace")


def _recode(node: "onnx.NodeProto", numbers: Mapping[str, int]) -> None:
    """Whole numbers for the texts of a node's lists, in place; what is not listed is like 0."""
    import onnx

    for one in [*node.attribute]:
        if instead := _LISTS.get((node.op_type, one.name)):
            codes = [numbers[_text(text)] for text in one.strings]
            one.CopyFrom(onnx.helper.make_attribute(instead, codes))
        elif (node.op_type, one.name) == ("LabelEncoder", "default_string"):
            one.CopyFrom(onnx.helper.make_attribute("default_int64", numbers.get(_text(one.s), 0)))
        elif (node.op_type, one.name) == ("OneHotEncoder", "zeros"):
            one.i = 1


def _not_only_looked_up(names: Iterable[str], other: "onnx.NodeProto | None") -> InputError:
    what = f"its {legible(other.op_type)}" if other else "a loop or a branch"
    return InputError(
        f"The input {some(sorted(names))} is text, and {what} does more with it than to look it up "
        "in a list; only numbers can be fed and compared.",
        "Export the steps behind the texts alone, such as skl2onnx.to_onnx(pipeline[-1], "
        "pipeline[:-1].transform(table)[:1]), and give what the first steps make as the EvalSet.",
    )
