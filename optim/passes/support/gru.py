"""GRUs in terms of other operators: https://onnx.ai/onnx/operators/onnx__GRU.html."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array
from optim.passes.support.rewiring import free_name, replace_nodes

if TYPE_CHECKING:
    import onnx

_X, _W, _R, _B, _LENGTHS, _FIRST = range(6)
_PLAIN = ["Sigmoid", "Tanh"]


@dataclass
class Unrolled:
    """A model without its GRUs: how many steps each became, and why others are left."""

    model: "onnx.ModelProto"
    steps: dict[str, int] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def unrolled(model: "onnx.ModelProto", longest: int, exclude: Collection[str]) -> Unrolled:
    """A copy with each GRU of the main graph written out, whose sequence is no longer than that.

    Args:
        exclude: names of nodes that stay.
    """
    import onnx
    from onnx import numpy_helper

    from optim.model.proto import copy_of

    found = Unrolled(copy_of(model))
    graph = found.model.graph
    lengths = _lengths(onnx.shape_inference.infer_shapes(copy_of(model)))
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for at, node in enumerate(graph.node):
        if node.op_type != "GRU" or node.domain:
            nodes.append(node)
            continue
        name, length = node.name or f"GRU_{at}", lengths.get(node.input[_X], 0)
        why = _why_not(node, weights, length, longest) if name not in exclude else "as asked"
        if why:
            found.left[name] = why
            nodes.append(node)
            continue
        given = {
            place: numpy_helper.to_array(weights[node.input[place]])
            for place in (_W, _R, _B)
            if place < len(node.input) and node.input[place]
        }
        spelled = _Spelled(graph, node, given, length, free_name(graph, f"{name}_gru"))
        nodes += spelled.nodes
        graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in spelled.made.items())
        found.steps[name] = length
    replace_nodes(graph, nodes)
    del graph.value_info[:]
    return found


def _lengths(typed: "onnx.ModelProto") -> dict[str, int]:
    """The size of each value's first axis, where it is known."""
    graph = typed.graph
    shapes = {v.name: v.type.tensor_type.shape.dim for v in (*graph.input, *graph.value_info)}
    return {name: dims[0].dim_value for name, dims in shapes.items() if dims}


def _why_not(
    node: "onnx.NodeProto", weights: Mapping[str, object], length: int, longest: int
) -> str:
    """Why a GRU cannot be written out; empty where it can."""
    from onnx import helper

    has = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    given = dict(enumerate(node.input))
    kinds = [kind.decode() for kind in has.get("activations", [])]
    if any(given.get(place) and given[place] not in weights for place in (_W, _R, _B)):
        return "its weights are not constant"
    if given.get(_LENGTHS):
        return "sequences have lengths of their own"
    if has.get("layout") or "clip" in has or kinds != _PLAIN * (len(kinds) // 2):
        return "it has a layout, a clip or activations that are not the usual ones"
    if not length:
        return "its sequence has no fixed length"
    return f"its sequence of {length} is longer than {longest}" if length > longest else ""


class _Spelled:
    """The nodes of one GRU and the constants that they read. Gates lie as z, r, n (update, reset,
    new state); values are [steps or 1, batch, units]."""

    def __init__(
        self,
        graph: "onnx.GraphProto",
        node: "onnx.NodeProto",
        given: Mapping[int, Array],
        length: int,
        stem: str,
    ) -> None:
        from onnx import helper

        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self._stem, self._length, self._node = stem, length, node
        self._late = bool(attributes.get("linear_before_reset", 0))
        self._size = given[_R].shape[2]
        self.nodes: list[onnx.NodeProto] = []
        self.made: dict[str, Array] = {}
        direction = attributes.get("direction", b"forward")
        backwards = {b"forward": [False], b"reverse": [True]}.get(direction, [False, True])
        firsts = self._firsts(len(backwards), given[_R].dtype)
        states = [
            self._one({p: a[at] for p, a in given.items()}, firsts[at], at, back)
            for at, back in enumerate(backwards)
        ]
        self._outputs(states, backwards)

    def _add(self, op: str, inputs: list[str], what: str, count: int = 1, **how: Any) -> list[str]:
        from onnx import helper

        name = f"{self._stem}_{what}"
        outputs = [name] if count == 1 else [f"{name}_{at}" for at in range(count)]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, **how))
        return outputs

    def _constant(self, what: str, values: Array) -> str:
        self.made[name := f"{self._stem}_{what}"] = np.ascontiguousarray(values)
        return name

    def _split(self, value: str, sizes: list[int], what: str, axis: int) -> list[str]:
        given = self._constant(f"{what}_sizes", np.array(sizes, np.int64))
        return self._add("Split", [value, given], what, len(sizes), axis=axis)

    def _plus(self, value: str, bias: Array, what: str) -> str:
        """The value, a bias added unless it is zero."""
        if not bias.any():
            return value
        return self._add("Add", [value, self._constant(f"{what}_bias", bias)], what)[0]

    def _firsts(self, directions: int, kind: np.dtype[Any]) -> list[str]:
        """The state before the first step, for each direction."""
        if len(self._node.input) > _FIRST and self._node.input[_FIRST]:
            return self._split(self._node.input[_FIRST], [1] * directions, "first", 0)
        return [self._constant("zero", np.zeros((1, 1, self._size), kind))] * directions

    def _one(self, given: Mapping[int, Array], state: str, number: int, back: bool) -> list[str]:
        """The states after each step of one direction, in the order of the sequence."""
        size, made = self._size, []
        both = given.get(_B, np.zeros(6 * size, given[_R].dtype))
        bias, inner = both[: 3 * size].copy(), both[3 * size :]
        bias[: 2 * size] += inner[: 2 * size]
        bias[2 * size :] += 0 if self._late else inner[2 * size :]
        tag = f"{number}"
        weight = self._constant(f"input_weight_{tag}", given[_W].T)
        (product,) = self._add("MatMul", [self._node.input[_X], weight], f"input_{tag}")
        product = self._plus(product, bias, f"input_sum_{tag}")
        gates, news = self._split(product, [2 * size, size], f"gates_{tag}", -1)
        ones = [1] * self._length
        steps = self._split(gates, ones, f"steps_{tag}", 0)
        new = self._split(news, ones, f"new_steps_{tag}", 0)
        cell = self._cell(given[_R].T, inner[2 * size :], tag)
        order = range(self._length)
        for at in reversed(order) if back else order:
            state = self._step(cell, state, steps[at], new[at], f"{tag}_{at}")
            made.append(state)
        return made[::-1] if back else made

    def _cell(self, weight: Array, bias: Array, tag: str) -> "_Cell":
        if self._late:
            return _Cell(self._constant(f"state_weight_{tag}", weight), "", bias)
        gates, new = weight[:, : 2 * self._size], weight[:, 2 * self._size :]
        return _Cell(
            self._constant(f"state_weight_{tag}", gates),
            self._constant(f"new_weight_{tag}", new),
            bias,
        )

    def _step(self, cell: "_Cell", state: str, gates: str, new: str, at: str) -> str:
        """The state after one step. `at` tells its names from others."""
        size = self._size
        if self._late:
            (product,) = self._add("MatMul", [state, cell.weight], f"state_{at}")
            both, inner = self._split(product, [2 * size, size], f"parts_{at}", -1)
        else:
            (both,) = self._add("MatMul", [state, cell.weight], f"state_{at}")
        (total,) = self._add("Add", [both, gates], f"total_{at}")
        (opened,) = self._add("Sigmoid", [total], f"open_{at}")
        update, reset = self._split(opened, [size, size], f"opened_{at}", -1)
        if self._late:
            inner = self._plus(inner, cell.bias, f"inner_{at}")
            (past,) = self._add("Mul", [reset, inner], f"past_{at}")
        else:
            (kept,) = self._add("Mul", [reset, state], f"kept_{at}")
            (past,) = self._add("MatMul", [kept, cell.new_weight], f"past_{at}")
        (candidate,) = self._add("Add", [past, new], f"candidate_{at}")
        (bent,) = self._add("Tanh", [candidate], f"bent_{at}")
        (change,) = self._add("Sub", [state, bent], f"change_{at}")
        (share,) = self._add("Mul", [update, change], f"share_{at}")
        return self._add("Add", [bent, share], f"next_{at}")[0]

    def _outputs(self, states: list[list[str]], backwards: list[bool]) -> None:
        """What the GRU gave: all states [steps, directions, batch, units], and the last ones."""
        names = [*self._node.output, "", ""]
        if names[0]:
            axis = self._constant("axis", np.array([1], np.int64))
            each = [
                self._add("Concat", some, f"all_{at}", axis=0)[0] for at, some in enumerate(states)
            ]
            each = [
                self._add("Unsqueeze", [one, axis], f"wide_{at}")[0] for at, one in enumerate(each)
            ]
            self._named("Concat", each, names[0], "both", axis=1)
        if names[1]:
            last = [s[0] if back else s[-1] for s, back in zip(states, backwards, strict=True)]
            self._named("Concat", last, names[1], "last", axis=0)

    def _named(self, op: str, inputs: list[str], output: str, what: str, **how: Any) -> None:
        self._add(op, inputs, what, **how)
        self.nodes[-1].output[0] = output


@dataclass(frozen=True)
class _Cell:
    """What every step reads. Names of weights: of the state [units, 3 x units], or, where it is
    reset before it is multiplied, [units, 2 x units] and [units, units]; the bias in the reset."""

    weight: str
    new_weight: str
    bias: Array
