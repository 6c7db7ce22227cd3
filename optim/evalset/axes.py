"""Arrays whose axes are not the input's: those of one number are moved, the rest is told.

An axis of one number changes no order of numbers: a grey picture [height, width] is one
[1, height, width]. Channels that come last are another order, which a person has to know of.
"""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from optim.arrays import Array, TensorSpec
from optim.names import legible

Sizes = Sequence[int | None]


def fitted(shape: Sequence[int], wanted: Sizes) -> tuple[int, ...] | None:
    """The shape with its axes of one number where the wanted one has them; None where it differs.

    Args:
        wanted: None where an axis may have any size.
    """
    sizes = [size for size in shape if size != 1]
    places = [size for size in wanted if size != 1]
    if len(sizes) != len(places):
        return None
    if any(place not in (None, size) for size, place in zip(sizes, places, strict=True)):
        return None
    left = iter(sizes)
    return tuple(1 if size == 1 else next(left) for size in wanted)


def with_axes(
    arrays: Mapping[str, Array], inputs: Sequence[TensorSpec], notes: list[str]
) -> Mapping[str, Array]:
    """The arrays [samples, ...] with the inputs' axes, where they differ in axes of one number."""
    found = dict(arrays)
    for spec in inputs:
        array = arrays.get(spec.name)
        if array is None or array.ndim == 0 or len(array) == 0:
            continue
        one = tuple(spec.shape[1:])
        if array.shape[1:] in (tuple(spec.shape), one, (1, *one)):
            continue
        if (new := fitted(array.shape[1:], one)) is not None:
            found[spec.name] = array.reshape(len(array), *new)
            notes.append(
                f"The array {legible(spec.name)!r} has shape {list(array.shape)}; it is read as "
                f"{[len(array), *new]}."
            )
    return found


def samples_first(
    arrays: Mapping[str, Array], inputs: Sequence[TensorSpec], notes: list[str]
) -> dict[str, Array]:
    """The arrays, with the last axis in front where only so they have the input's other axes."""
    found = dict(arrays)
    for spec in inputs:
        array, forms = arrays.get(spec.name), (tuple(spec.shape), tuple(spec.shape[1:]))
        if array is None or array.ndim < 2 or fitted(array.shape[1:], forms[1]) is not None:
            continue
        if array.shape[1:] not in forms and array.shape[:-1] in forms:
            found[spec.name] = np.moveaxis(array, -1, 0)
            notes.append(
                f"The array {legible(spec.name)!r} has shape {list(array.shape)}: its samples are "
                "on the last axis, and were put on the first."
            )
    return found


def how_to_fit(name: str, given: Sequence[int], wanted: Sequence[int]) -> str:
    """What makes an array [samples, ...] the input's, in numpy's words; empty if nothing is known.

    Args:
        given, wanted: shapes with the axis of samples in front, whatever its size.
    """
    rest, goal, axes = [*given[1:]], [*wanted[1:]], len(given)
    for order in ((*range(2, axes), 1), (axes - 1, *range(1, axes - 1))):
        if axes == len(wanted) > 2 and [given[i] for i in order] == goal:
            listed = ", ".join(map(str, (0, *order)))
            return (
                f"Its channels are on another axis: give {name}.transpose({listed}), and numbers "
                "scaled as in training."
            )
    if len(rest) != len(goal) and prod(rest) == prod(goal):
        return (
            f"As many numbers: give {name}.reshape({', '.join(map(str, (-1, *goal)))}), if that is "
            "their order."
        )
    return ""
