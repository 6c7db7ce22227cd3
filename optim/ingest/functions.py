"""Local functions of an ONNX model that a stranger made: how many nodes they stand for."""

from typing import TYPE_CHECKING

from optim.errors import InputError
from optim.model.proto import with_inner
from optim.names import legible

if TYPE_CHECKING:
    import onnx

_MOST_NODES = 300_000
Key = tuple[str, str, str]
_HOW = "Export the model again without local functions."


def check_calls(proto: "onnx.ModelProto") -> None:
    """Raise InputError where a function calls itself, or all would be too many nodes written out.

    Thirty functions of two calls each stand for a billion nodes.
    """
    functions = {(f.domain, f.name, f.overload): f for f in proto.functions}
    called = {key: _called(f.node, functions) for key, f in functions.items()}
    sizes = dict[Key, int]()
    for key in functions:
        _measure(key, called, sizes)
    inner = _called(proto.graph.node, functions)
    total = sum(1 if key is None else sizes[key] for key in inner)
    if total > _MOST_NODES:
        raise InputError(
            f"Its local functions stand for {total:,} nodes; the limit is {_MOST_NODES:,}.", _HOW
        )


def _called(nodes: "list[onnx.NodeProto]", functions: dict[Key, object]) -> list[Key | None]:
    """The function that each node calls, inner ones too; None for an operator."""
    keys = [(n.domain, n.op_type, n.overload) for node in nodes for n in with_inner(node)]
    return [key if key in functions else None for key in keys]


def _measure(first: Key, called: dict[Key, list[Key | None]], sizes: dict[Key, int]) -> None:
    """Note how many nodes a function stands for, and all that it calls before it."""
    waiting = [first]
    while waiting:
        key = waiting[-1]
        open_ = [one for one in called[key] if one is not None and one not in sizes]
        if again := next((one for one in open_ if one in waiting), None):
            raise InputError(f"Its local function {legible(again[1])!r} calls itself.", _HOW)
        if open_:
            waiting.append(open_[0])
            continue
        sizes[key] = sum(1 if one is None else sizes[one] for one in called[key])
        waiting.pop()
