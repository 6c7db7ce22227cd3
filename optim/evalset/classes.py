"""Names of classes and the numbers that they get: of folders, and of labels that are texts."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from optim.arrays import Array
from optim.evalset.stored import fail
from optim.metrics.choosing import choose_output, infer_metric
from optim.metrics.support.outputs import is_decision
from optim.model import TensorSpec
from optim.names import legible

_MOST = 20  # that are listed by name


def by_name(
    texts: Sequence[str], outputs: Sequence[TensorSpec], what: str
) -> tuple[tuple[str, ...], Array]:
    """The names of the model's classes in its order, and the class number of each text.

    Numbers below the count of the model's classes are these classes, some of them or all. Other
    names are taken in order, numbers in them by value, where there are as many as classes.

    Args:
        what: what the names are of, such as "class folders".

    Raises: InputError where nobody can tell which text is which class.
    """
    found = in_order(texts)
    wanted = _classes_of(numbered(texts, found), outputs)
    names = _numbers(found, wanted) or found
    if wanted and len(names) != wanted:
        raise fail(
            f"There are {len(found)} {what} ({_listed(found)}), and the model has {wanted} "
            "classes: which is which is not known.",
            f"Give {what} for all classes of the model, or call them by the classes' numbers, "
            f"0 to {wanted - 1}. In an .npz, an array `classes` may hold the names in order.",
        )
    return tuple(names), numbered(texts, names)


def in_order(names: Iterable[str]) -> list[str]:
    """Each name once: numbers in them by their value, the rest as text."""
    return sorted(set(names), key=_natural)


def numbered(texts: Sequence[str], names: Sequence[str]) -> Array:
    """The place of each text among the names. Raises InputError for one that is not there."""
    places = {name: number for number, name in enumerate(names)}
    if unknown := next((text for text in texts if text not in places), None):
        raise fail(
            f"The label {legible(unknown, 40)!r} is none of the `classes` ({_listed(names)}).",
            "Give `classes` with every name that occurs, in the order of the model's classes.",
        )
    return np.array([places[text] for text in texts], np.int64)


def mapping(names: Sequence[str], labels: Array, what: str = "Folders") -> str:
    """Which name is which class: the model must have been trained in this order."""
    numbers = np.unique(labels).tolist()
    said = ", ".join(f"{legible(names[number], 40)} = {number}" for number in numbers[:_MOST])
    more = f" and {len(numbers) - _MOST} more in this way" if len(numbers) > _MOST else ""
    return f"{what} to classes: {said}{more}."


def some_of_each(labels: Array, count: int) -> list[int]:
    """Places of so many samples, of each class in turn as long as it has some.

    Args:
        labels: int[samples], numbers of classes.
    """
    rank = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        where = np.flatnonzero(labels == label)
        rank[where] = np.arange(len(where))
    return [int(place) for place in np.lexsort((labels, rank))[:count]]


def _classes_of(labels: Array, outputs: Sequence[TensorSpec]) -> int:
    """How many classes the output has that such labels are judged on; 0 where it does not say."""
    metric = infer_metric(labels, outputs)
    output = choose_output(metric, outputs, 1)
    return 0 if is_decision(output) else metric.class_count(output)


def _numbers(found: Sequence[str], wanted: int) -> list[str]:
    """All numbers below `wanted`, written as they are found; empty where a name is no such one."""
    if not all(re.fullmatch("[0-9]{1,9}", name) and int(name) < wanted for name in found):
        return []
    written = {int(name): name for name in found}
    return [written.get(number, str(number)) for number in range(wanted)]


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > 5 else ""
    return ", ".join(legible(name, 40) for name in names[:5]) + more
