"""Sizes that a torch.export program was exported for: a batch of 2 to 64, a length of 8, 16, 24."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optim.arrays import Feeds
from optim.errors import InputError
from optim.names import legible

if TYPE_CHECKING:
    import onnx

_MOST = 2**31


@dataclass(frozen=True)
class Sizes:
    """From `least` to `most`, `step` apart."""

    least: int
    most: int
    step: int = 1

    def nearest(self, size: int) -> int:
        """The size itself where it is one of these, else the one before it, or the least."""
        inside = min(max(size, self.least), self.most)
        return inside - (inside - self.least) % self.step

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        least = f"{self.least} to {self.most}" if self.most < _MOST else f"{self.least} or more"
        return f"{least}{steps}"


Declared = Mapping[str, Sizes]
"""Dimension -> the sizes that it may have."""


def sizes_of(size: Any, constraints: Mapping[Any, Any]) -> Sizes:
    """Those of one dynamic axis of a program.

    Args:
        size: the axis' `torch.SymInt`.
        constraints: the program's `range_constraints`: symbol or expression -> its bounds.
    """
    expression = size.node.expr
    if expression in constraints:
        least, most = _bounds(constraints[expression])
        step = _step(expression)
        return Sizes(-(-least // step) * step if step > 1 else least, most, step)
    symbols = [one for one in expression.free_symbols if one in constraints]
    if len(expression.free_symbols) != 1 or not symbols:
        return Sizes(0, _MOST)
    bounds = _bounds(constraints[symbols[0]])
    ends = [_whole(expression.subs(symbols[0], bound), _MOST) for bound in bounds]
    return Sizes(max(min(ends), 0), max(ends), _step(expression))


def _bounds(found: Any) -> tuple[int, int]:
    least, most = max(_whole(found.lower, 0), 0), _whole(found.upper, _MOST)
    return (0, most) if (least, most) == (2, _MOST) else (least, most)  # older PyTorch's "any"


def _whole(number: Any, without_end: int) -> int:
    return min(int(number), _MOST) if getattr(number, "is_Integer", False) else without_end


def _step(expression: Any) -> int:
    """How far apart the values of an expression are that grows evenly with its one symbol."""
    symbols = [*expression.free_symbols]
    slope = expression.diff(symbols[0]) if len(symbols) == 1 else None
    return int(slope) if slope is not None and slope.is_Integer and slope > 1 else 1


def nearest(declared: Declared, sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes, each the nearest to it that the program takes."""
    return {name: declared[name].nearest(n) if name in declared else n for name, n in sizes.items()}


def sizes_in(graph: "onnx.GraphProto", sample: Feeds) -> dict[str, int]:
    """Dimension -> what an EvalSet's sample, with or without a first axis, says of it."""
    found = dict[str, int]()
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        shape = sample[value.name].shape if value.name in sample else ()
        shape = shape if len(shape) == len(dims) else (1, *shape)
        if len(shape) == len(dims):
            pairs = zip(dims, shape, strict=True)
            found |= {dim.dim_param: size for dim, size in pairs if dim.dim_param}
    return found


def settled(
    graph: "onnx.GraphProto", declared: Declared, asked: Mapping[str, int]
) -> tuple[list[str], dict[str, int]]:
    """Fix first axes, in place, that cannot be one sample; notes, and what else is asked.

    Samples are then taken together, so many in one run.
    """
    notes, rest = dict[str, None](), dict(asked)
    for value in graph.input:
        for dim in value.type.tensor_type.shape.dim[:1]:
            name, sizes = dim.dim_param, declared.get(dim.dim_param)
            if sizes and sizes.nearest(1) != 1:
                dim.dim_value = asked.get(name, sizes.nearest(1))
                rest.pop(name, None)
                notes[
                    f"It was exported for {sizes} as {legible(name)}; it is bound to "
                    f"{dim.dim_value}, and samples are put together."
                ] = None
    return [*notes], rest


def check(declared: Declared, values: Mapping[str, int]) -> None:
    """Raise InputError for a size that the program was not exported for."""
    for name, size in values.items():
        if name in declared and declared[name].nearest(size) != size:
            raise InputError(
                f"The program was exported for {declared[name]} as {legible(name)}; {size} is no "
                "such size.",
                "Choose one of them, or export it again with other dynamic_shapes.",
            )
