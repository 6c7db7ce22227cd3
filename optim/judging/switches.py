"""One graph that holds a model in float and quantized, with a switch for everything rounded.

Any choice of what is rounded is then one run of one session: nothing is quantized, written or
opened again. Rounded values are computed in floats (as `QuantizeLinear` and `DequantizeLinear` say
it), so the graph answers as the quantized model does where the engine's integers are exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optim.errors import StepError
from optim.model.proto import copy_of, sort_nodes

if TYPE_CHECKING:
    import onnx

_SWITCH = "optim_switch_{}"
_QUANTIZED = "_quantized"  # what ONNX Runtime's quantizers append to the name of a weight
_ABSORBED = ("Relu", "Clip")
_ROUNDED, _FLOAT = "__rounded", "__float"


@dataclass
class Switched:
    """The graph and its switches.

    `owners[i]`: the nodes that round by switch i. It is off where all of them are left in float.
    `values[i]`: the value that is rounded by it, empty where it is these nodes' weights.
    """

    model: "onnx.ModelProto"
    owners: list[frozenset[str]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    _places: dict[object, int] = field(default_factory=dict)

    @property
    def inputs(self) -> list[str]:
        """The names of the switches, boolean scalars."""
        return [_SWITCH.format(i) for i in range(len(self.owners))]

    def choose(
        self, rounded: str, exact: str, result: str, owners: frozenset[str], of: str = ""
    ) -> None:
        """Make `result` of `rounded` or `exact`, by the switch of these owners and this value."""
        from onnx import helper

        place = self._places.setdefault((owners, of), len(self.owners))
        if place == len(self.owners):
            self.owners.append(owners)
            self.values.append(of)
        switch = _SWITCH.format(place)
        node = helper.make_node(
            "Where", [switch, rounded, exact], [result], name=f"{result}__chosen"
        )
        self.model.graph.node.append(node)

    def finished(self) -> "Switched":
        """With its switches as inputs and its nodes in order."""
        from onnx import TensorProto, helper

        made = [helper.make_tensor_value_info(n, TensorProto.BOOL, []) for n in self.inputs]
        self.model.graph.input.extend(made)
        del self.model.graph.value_info[:]
        sort_nodes(self.model.graph)
        return self


def switched(
    form: "onnx.ModelProto", quantized: "onnx.ModelProto", chosen: Sequence[str]
) -> Switched:
    """Join a model in float and what a pass made of it.

    Args:
        form: the model as the pass quantized it; values and nodes have the same names in both.
        chosen: names of the nodes that the pass quantizes.

    Raises StepError where nothing in them differs by a known form of quantization.
    """
    inserted = any(node.op_type == "DequantizeLinear" for node in quantized.graph.node)
    found = _by_value(form, quantized, frozenset(chosen)) if inserted else _by_node(form, quantized)
    if not found.owners:
        raise StepError(
            "What was quantized in this model cannot be switched off and on.",
            "Try another quantization.",
        )
    return found.finished()


def _by_value(
    form: "onnx.ModelProto", quantized: "onnx.ModelProto", chosen: frozenset[str]
) -> Switched:
    """QDQ: each value that is rounded, and each weight, is so or as it was."""
    result, before = Switched(copy_of(quantized)), _Float(form, quantized)
    graph = result.model.graph
    makers = {name: node for node in graph.node for name in node.output}
    readers = _readers(graph)
    for node in [n for n in graph.node if n.op_type == "DequantizeLinear"]:
        value, quantizer = node.output[0], makers.get(node.input[0])
        owners = chosen.intersection(readers.get(value, ()))
        if quantizer is None:
            of, exact = "", before.weight(node.input[0].removesuffix(_QUANTIZED), graph)
        else:
            of = quantizer.input[0]
            owners |= chosen.intersection(n.name for n in (makers.get(of),) if n)
            exact = before.absorbed(of, graph) or of
        if owners and exact:
            node.output[0] = value + _ROUNDED
            result.choose(node.output[0], exact, value, owners, of)
    return result


class _Float:
    """What the model in float has and the quantized one has lost, put back beside it."""

    def __init__(self, form: "onnx.ModelProto", quantized: "onnx.ModelProto") -> None:
        self._still = {node.name for node in quantized.graph.node}
        self._constants = {tensor.name for tensor in quantized.graph.initializer}
        self._weights = {tensor.name: tensor for tensor in form.graph.initializer}
        self._makers = {name: node for node in form.graph.node for name in node.output}
        self._back: set[str] = set()

    def weight(self, name: str, graph: "onnx.GraphProto") -> str:
        """The name of this weight in float; empty where there is none."""
        if name not in self._weights:
            return ""
        self._add(name, name + _FLOAT, graph)
        return name + _FLOAT

    def absorbed(self, value: str, graph: "onnx.GraphProto") -> str:
        """The value behind a Relu or Clip whose work the rounding does; empty for another value."""
        node = self._makers.get(value)
        if node is None or node.op_type not in _ABSORBED or node.name in self._still:
            return ""
        exact = graph.node.add()
        exact.CopyFrom(node)
        exact.input[0], exact.output[0] = value, value + _FLOAT
        for name in exact.input[1:]:
            if name in self._weights and name not in self._constants:
                self._add(name, name, graph)
        return value + _FLOAT

    def _add(self, name: str, new: str, graph: "onnx.GraphProto") -> None:
        if new not in self._back:
            self._back.add(new)
            kept = graph.initializer.add()
            kept.CopyFrom(self._weights[name])
            kept.name = new


def _by_node(form: "onnx.ModelProto", quantized: "onnx.ModelProto") -> Switched:
    """Nodes replaced by others: what they make is that of the old nodes or of the new ones."""
    result = Switched(copy_of(form))
    graph = result.model.graph
    old = {name: node for node in graph.node for name in node.output if name}
    known = {node.SerializeToString() for node in graph.node}
    present = {tensor.name for tensor in graph.initializer}
    graph.initializer.extend(t for t in quantized.graph.initializer if t.name not in present)
    for node in quantized.graph.node:
        if node.SerializeToString() in known:
            continue
        new = graph.node.add()
        new.CopyFrom(node)
        new.name += _ROUNDED
        for place, name in enumerate(node.output):
            if name in old:
                new.output[place] = name + _ROUNDED
    made = {name for node in graph.node for name in node.output}
    for name, node in old.items():
        rounded = name + _ROUNDED
        if rounded in made:
            place = list(node.output).index(name)
            node.output[place] = name + _FLOAT
            result.choose(rounded, name + _FLOAT, name, frozenset([node.name]))
    _import_domains(result.model, quantized)
    return result


def _import_domains(model: "onnx.ModelProto", like: "onnx.ModelProto") -> None:
    known = {entry.domain for entry in model.opset_import}
    model.opset_import.extend(e for e in like.opset_import if e.domain not in known)


def _readers(graph: "onnx.GraphProto") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in graph.node:
        for name in node.input:
            found.setdefault(name, []).append(node.name)
    return found


def left_on(owners: Sequence[frozenset[str]], left_out: frozenset[str]) -> Iterator[bool]:
    """For each switch whether it stays on where these nodes are left in float."""
    return (not one <= left_out for one in owners)
