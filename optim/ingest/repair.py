"""Repairs that change no computation, so that every engine and tool can read the model."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from optim.ingest.functions import check_calls
from optim.model.proto import all_nodes, opset_of, real_inputs, sort_nodes
from optim.model.sparse import make_dense
from optim.names import legible

if TYPE_CHECKING:
    import onnx

_OPSET_FOR_NONE = 17
_MAX_MESSAGE_BYTES = 2_000_000_000


def make_text(proto: "onnx.ModelProto") -> list[str]:
    """Spell out, in place, what should be text and is not UTF-8: engines and JSON refuse it.

    Returns: sentences on what was changed.
    """
    changed = []
    waiting: list[Any] = [proto]
    while waiting:
        message = waiting.pop()
        for field, content in message.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend(content if field.is_repeated else [content])
            elif field.type == field.TYPE_STRING:
                changed += _respell(message, field, content)
    if not changed:
        return []
    return [f"{len(changed)} names were not UTF-8 and are spelled out, such as {changed[0]!r}."]


def _respell(message: Any, field: Any, content: Any) -> list[str]:
    """protobuf gives what is not UTF-8 as bytes."""
    if not field.is_repeated:
        if isinstance(content, str):
            return []
        setattr(message, field.name, content.decode(errors="backslashreplace"))
        return [legible(getattr(message, field.name))]
    changed = []
    for index, item in enumerate(content):
        if isinstance(item, bytes):
            content[index] = item.decode(errors="backslashreplace")
            changed.append(legible(content[index]))
    return changed


def make_names_unique(proto: "onnx.ModelProto") -> list[str]:
    """Number, in place, node names that are used more than once: ONNX Runtime refuses them.

    In inner graphs too, since optimizers write a branch that is always taken into the outer one.
    A node without a name gets one of its operator, so that profiles can be told apart by name.

    Returns: sentences on what was changed.
    """
    renamed, taken = list[str](), {node.name for node in all_nodes(proto)}
    seen: Counter[tuple[bool, str]] = Counter()
    for node in all_nodes(proto):
        named, stem = bool(node.name), node.name or node.op_type
        seen[named, stem] += 1
        count = seen[named, stem]
        if not named:
            node.name = _free(stem, count, taken)
        elif count > 1:
            renamed.append(legible(node.name))
            node.name = _free(node.name, count, taken)
    if not renamed:
        return []
    return [
        f"{len(renamed)} node names were taken already and got a number, such as {renamed[0]!r}."
    ]


def _free(name: str, count: int, taken: set[str]) -> str:
    while (candidate := f"{name}_{count}") in taken:
        count += 1
    taken.add(candidate)
    return candidate


def make_sorted(proto: "onnx.ModelProto") -> list[str]:
    """Put nodes behind those whose values they read, in place, and a note where they were not."""
    before = [node.output[0] if node.output else "" for node in proto.graph.node]
    sort_nodes(proto.graph)
    if before == [node.output[0] if node.output else "" for node in proto.graph.node]:
        return []
    return ["The file has nodes before those that they read; they were put in order."]


def make_plain(proto: "onnx.ModelProto") -> None:
    """Drop, in place, inferred shapes that may contradict the bound ones, and hidden defaults.

    An initializer that is also an input (the custom before IR version 4) could be fed another
    value, so that no engine would fold it.
    """
    del proto.graph.value_info[:]
    if not opset_of(proto):
        proto.opset_import.add(version=_OPSET_FOR_NONE)  # trees alone: passes need one all the same
    inputs = real_inputs(proto.graph)
    proto.ir_version = max(proto.ir_version, 4)  # what passes store need not be inputs then
    if len(inputs) < len(proto.graph.input):
        kept = [type(value).FromString(value.SerializeToString()) for value in inputs]
        del proto.graph.input[:]
        proto.graph.input.extend(kept)


def made_dense(proto: "onnx.ModelProto") -> list[str]:
    """Store sparse weights dense, in place: most engines and tools do not read them.

    Returns: sentences on what was changed.
    """
    names = make_dense(proto)
    if not names:
        return []
    return [f"Sparse weights ({len(names):,}) are stored dense, such as {legible(names[0])!r}."]


def without_functions(proto: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model with local functions written out: quantizers and optimizers do not look into them.

    What exceeds one protobuf message stays as it is. Raises InputError where a function calls
    itself, or where they would become too many nodes.
    """
    if not proto.functions or proto.ByteSize() > _MAX_MESSAGE_BYTES:
        return proto
    import onnx.inliner

    check_calls(proto)
    plain = onnx.inliner.inline_local_functions(proto)
    make_names_unique(plain)
    return plain


def keep_numbers(proto: "onnx.ModelProto") -> list[str]:
    """Make tensors of numbers, in place, of a classifier's maps, and leave its text labels out.

    A ZipMap only names the columns of the tensor of scores that it gets.

    Returns: sentences on what was changed.
    """
    return [*_unzip_maps(proto.graph), *_drop_text(proto.graph)]


def _unzip_maps(graph: "onnx.GraphProto") -> list[str]:
    import onnx

    outputs = {value.name: value for value in graph.output}
    unzipped = []
    for node in graph.node:
        if (node.domain, node.op_type) == ("ai.onnx.ml", "ZipMap") and node.output[0] in outputs:
            node.domain, node.op_type = "", "Identity"
            del node.attribute[:]
            scores = onnx.helper.make_tensor_value_info(
                node.output[0], onnx.TensorProto.FLOAT, None
            )
            outputs[node.output[0]].CopyFrom(scores)
            unzipped.append(node.output[0])
    return [
        f"The output {legible(name)!r} was a map from class to score (ZipMap); it is the tensor of "
        "scores now."
        for name in unzipped
    ]


def _drop_text(graph: "onnx.GraphProto") -> list[str]:
    import onnx

    text = [v for v in graph.output if v.type.tensor_type.elem_type == onnx.TensorProto.STRING]
    if len(text) == len(graph.output):
        return []
    for value in text:
        graph.output.remove(value)
    return [
        f"The output {legible(value.name)!r} holds text and is left out: only numbers compare."
        for value in text
    ]
