"""A graph made to run on shorter sequences: where its length is written into it, and the mends.

The graph runs node by node, once at full length and once on a sample cut to its true length. Where
a stored value of full length meets a shorter one it is cut too, and where the target of a Reshape
or Expand holds the full length it is computed from the true one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import isqrt, prod
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array, Feeds
from optim.errors import InputError
from optim.names import legible
from optim.passes.support.stepping import Stepper, Values

if TYPE_CHECKING:
    import onnx

_BROADCASTING = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Pow", "Where", "And", "Or", "Xor", "Equal", "Greater"),
        *("Less", "GreaterOrEqual", "LessOrEqual", "Max", "Min", "Sum", "Mod", "PRelu"),
    }
)
_TARGETS = ("Reshape", "Expand")


@dataclass
class Mends:
    """What to change: axis of an input that is cut, and how often the length is in each entry of a
    target, by the position of the node and of its input."""

    cuts: dict[tuple[int, int], int] = field(default_factory=dict)
    targets: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)


def telling_length(true: int, full: int) -> int:
    """A length from the true one on that divides nothing else: the largest prime, if there is one.

    What it makes of shapes then cannot be mistaken for another size.
    """
    primes = (
        n for n in range(full - 1, true - 1, -1) if all(n % d for d in range(2, isqrt(n) + 1))
    )
    return next(primes, true)


def mends_for(
    model: "onnx.ModelProto", sample: Feeds, cut: Feeds, full: int, true: int
) -> tuple[Mends, Values, Values]:
    """What makes the model run on the sample cut from the `full` length to the `true` one.

    Returns: the mends, the outputs at full length, and those at the true one.

    Raises: StepError or InputError that names the node that cannot be mended.
    """
    stepper, mends = Stepper(model), Mends()

    def mend(at: int, node: "onnx.NodeProto", known: Values) -> None:
        if node.op_type in _BROADCASTING:
            _mend_broadcast(at, node, known, mends, full, true)
        elif node.op_type in _TARGETS:
            _mend_target(at, node, known, mends, full, true)

    return mends, stepper.run(sample), stepper.run(cut, before=mend)


def _mend_broadcast(
    at: int, node: "onnx.NodeProto", known: Values, mends: Mends, full: int, true: int
) -> None:
    """Cut what is as long as the full length where another input is as long as the true one."""
    arrays = {place: np.asarray(known[name]) for place, name in enumerate(node.input) if name}
    rank = max(array.ndim for array in arrays.values())
    for back in range(1, rank + 1):
        sizes = {p: a.shape[-back] for p, a in arrays.items() if a.ndim >= back}
        if {true, full} <= set(sizes.values()):
            for place in [place for place, size in sizes.items() if size == full]:
                axis = arrays[place].ndim - back
                mends.cuts[at, place] = axis
                name = node.input[place]
                known[name] = np.take(known[name], range(true), axis=axis)


def _mend_target(
    at: int, node: "onnx.NodeProto", known: Values, mends: Mends, full: int, true: int
) -> None:
    """Put the true length for the full one where the target otherwise does not fit."""
    data, target = np.asarray(known[node.input[0]]), np.asarray(known[node.input[1]])
    fits = _reshapes if node.op_type == "Reshape" else _expands
    if fits(data.shape, target):
        return
    places = [p for p, size in enumerate(target) if size > 0 and size % full == 0]
    for count in range(1, len(places) + 1):
        for some in combinations(places, count):
            new = target.copy()
            new[list(some)] = new[list(some)] // full * true
            if fits(data.shape, new):
                mends.targets[at, 1] = tuple(
                    int(size // full) if p in some else 0 for p, size in enumerate(target)
                )
                known[node.input[1]] = new
                return


def _reshapes(shape: tuple[int, ...], target: Array) -> bool:
    sizes = [
        shape[p] if size == 0 and p < len(shape) else int(size) for p, size in enumerate(target)
    ]
    known = prod(size for size in sizes if size != -1)
    return prod(shape) == known or (-1 in sizes and known > 0 and prod(shape) % known == 0)


def _expands(shape: tuple[int, ...], target: Array) -> bool:
    pairs = zip(reversed(shape), reversed(target.tolist()), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)


def shortened(model: "onnx.ModelProto", mends: Mends, inputs: Sequence[str], length: str) -> None:
    """Cut the inputs to the length that the value `length` ([1], int64) holds, and mend, in place.

    The nodes that compute `length` are put in front by the caller.
    """
    graph = model.graph
    maker = _Maker(model, length)
    new: dict[str, str] = {name: maker.cut(name, 1) for name in inputs}
    front = maker.taken()
    body: list[onnx.NodeProto] = []
    for at, node in enumerate([*graph.node]):
        node.input[:] = [new.get(name, name) for name in node.input]
        for place in range(len(node.input)):
            if (at, place) in mends.cuts:
                node.input[place] = maker.cut(node.input[place], mends.cuts[at, place])
            if (at, place) in mends.targets:
                node.input[place] = maker.target(node.input[place], mends.targets[at, place])
        body += [*maker.taken(), node]
    del graph.node[:]
    graph.node.extend([*front, *body])


class _Maker:
    """Makes nodes and constants with names of their own; equal ones once."""

    def __init__(self, model: "onnx.ModelProto", length: str) -> None:
        self._model, self._length = model, length
        self._made: list[onnx.NodeProto] = []
        self._known: dict[tuple[object, ...], str] = {}

    def taken(self) -> "list[onnx.NodeProto]":
        """The nodes made since the last time."""
        made, self._made = self._made, []
        return made

    def cut(self, name: str, axis: int) -> str:
        """The value up to the length, along an axis."""
        zero, along = self._constant([0]), self._constant([axis])
        return self._node("Slice", name, zero, self._length, along)

    def target(self, name: str, times: tuple[int, ...]) -> str:
        """The target with the length so many times in each entry, and the rest as it is."""
        left = self._constant([0 if count else 1 for count in times])
        rest = self._node("Mul", name, left)
        return self._node("Add", rest, self._node("Mul", self._constant(times), self._length))

    def _constant(self, values: Sequence[int]) -> str:
        from onnx import numpy_helper

        key = ("constant", *values)
        if key not in self._known:
            name = self._known[key] = f"{self._length}_of_{'_'.join(map(str, values))}"
            tensor = numpy_helper.from_array(np.array(values, np.int64), name)
            self._model.graph.initializer.append(tensor)
        return self._known[key]

    def _node(self, op: str, *inputs: str) -> str:
        from onnx import helper

        if (key := (op, *inputs)) not in self._known:
            name = self._known[key] = f"{self._length}_{op}_{len(self._known)}"
            self._made.append(helper.make_node(op, inputs, [name], name=name))
        return self._known[key]


def refuse_unlike(
    expected: Mapping[str, Array], got: Mapping[str, Array], tolerance: float
) -> None:
    """Raise InputError where outputs differ by more than a share of their largest value."""
    for name, array in expected.items():
        other = np.asarray(got[name])
        if other.shape != np.shape(array):
            raise InputError(
                f"The output {legible(name)!r} has a row for each place, padding included, so that "
                "a shorter run answers in another shape.",
                "Leave this pass out for this model.",
            )
        if np.asarray(array).dtype.kind != "f":
            same = bool((other == array).all())
        else:
            allowed = tolerance * max(float(np.abs(array).max(initial=0)), 1e-6)
            same = bool(np.abs(other - array).max(initial=0) <= allowed)
        if not same:
            raise InputError(
                f"The output {legible(name)!r} depends on the padding: without it the model "
                "answers otherwise.",
                "Leave this pass out, or export the model with an attention mask.",
            )
