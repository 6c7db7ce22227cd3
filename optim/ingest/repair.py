"""Repairs that change no computation, so that every engine and tool can read the model."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from optim.ingest.dims import real_inputs
from optim.ingest.operators import all_graphs
from optim.names import shown

if TYPE_CHECKING:
    import onnx


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
        return [shown(getattr(message, field.name))]
    changed = []
    for index, item in enumerate(content):
        if isinstance(item, bytes):
            content[index] = item.decode(errors="backslashreplace")
            changed.append(shown(content[index]))
    return changed


def make_names_unique(proto: "onnx.ModelProto") -> list[str]:
    """Number, in place, node names that a graph uses more than once: ONNX Runtime refuses them.

    A node without a name gets one of its operator, so that profiles can be told apart by name.

    Returns: sentences on what was changed.
    """
    renamed = []
    for graph in all_graphs(proto):
        taken = {node.name for node in graph.node}
        seen: Counter[tuple[bool, str]] = Counter()
        for node in graph.node:
            named, stem = bool(node.name), node.name or node.op_type
            seen[named, stem] += 1
            count = seen[named, stem]
            if not named:
                node.name = _free(stem, count, taken)
            elif count > 1:
                renamed.append(shown(node.name))
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


def make_plain(proto: "onnx.ModelProto") -> None:
    """Drop, in place, inferred shapes that may contradict the bound ones, and hidden defaults.

    An initializer that is also an input (the custom before IR version 4) could be fed another
    value, so that no engine would fold it.
    """
    del proto.graph.value_info[:]
    inputs = real_inputs(proto.graph)
    if len(inputs) < len(proto.graph.input):
        proto.ir_version = max(proto.ir_version, 4)
        kept = [type(value).FromString(value.SerializeToString()) for value in inputs]
        del proto.graph.input[:]
        proto.graph.input.extend(kept)
