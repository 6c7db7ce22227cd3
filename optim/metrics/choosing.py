"""Which metric suits labels, which output a metric reads, and labels in the form it wants."""

from collections.abc import Sequence

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.metrics.base import Metric, all_metrics
from optim.metrics.support.boxes import NO_CLASS
from optim.metrics.support.class_numbers import (
    as_binary,
    by_value,
    is_one_hot,
    shares_said,
)
from optim.metrics.support.outputs import is_class_like, is_decision, size_of
from optim.metrics.support.pixels import CLASS_AXES, VOID, check_mask, classes_of, suits
from optim.metrics.support.tokens import scores_places
from optim.model import TensorSpec

_FARTHEST = 2**53  # up to which a float64 tells whole numbers apart


def size_of_label(labels: Array | None) -> int | None:
    """How many numbers the label of one sample has; None without labels."""
    return None if labels is None else int(np.prod(labels.shape[1:], dtype=np.int64))


def infer_metric(labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
    """The metric for labels that came without one: the one that says it suits them best."""
    metrics = [metric() for metric in all_metrics().values()]
    return max(metrics, key=lambda metric: metric.preference(labels, outputs))


def choose_output(
    metric: Metric, outputs: Sequence[TensorSpec], label_size: int | None = None, name: str = ""
) -> TensorSpec:
    """The output that a metric reads: the first of its candidates that fits.

    Args:
        label_size: how many numbers one label holds; None without labels.
        name: of the output; empty where any will do.

    Raises: InputError where none fits.
    """
    for spec in metric.candidates(outputs):
        if name in ("", spec.name) and metric.fits(spec, label_size):
            return spec
    raise _fits_none(metric, outputs, label_size)


def _fits_none(metric: Metric, outputs: Sequence[TensorSpec], label_size: int | None) -> InputError:
    shapes = ", ".join(f"{spec.name}{list(spec.shape)}" for spec in outputs)
    given = "" if label_size is None else f" with labels of size {label_size}"
    known = {name: other() for name, other in all_metrics().items()}
    others = [
        n for n, m in known.items() if any(m.fits(s, label_size) for s in m.candidates(outputs))
    ]
    return InputError(
        f"The metric {metric.name}{given} fits none of the model's outputs ({shapes}).",
        f"Choose one that fits: {', '.join(others)}." if others else "Give labels that fit one.",
        "EvalSet",
    )


def check_labels(
    metric: Metric, labels: Array, outputs: Sequence[TensorSpec], classes: int
) -> Array:
    """Labels in the form the metric wants: int64 for classes, float64 for numbers.

    Args:
        classes: how many classes have names; 0 where none has.

    Raises: InputError for labels that are out of range, of the wrong shape or not finite.
    """
    label_size = size_of_label(labels)
    spec = choose_output(metric, outputs, label_size)
    if metric.kind == "pixels":
        return _pixels(labels, spec, metric.pixel_classes(spec, label_size))
    most = metric.class_count(spec)
    if not most:
        return _in_range(metric.checked(labels), metric, spec)
    whole = labels.astype(np.int64)
    if labels.ndim != 1 or not np.array_equal(whole, labels):
        raise InputError(
            f"The metric {metric.name} wants one class number per sample; the labels are "
            f"{labels.dtype}{list(labels.shape)}.",
            "Give whole numbers of shape [samples].",
            "EvalSet",
        )
    _check_range(whole, min(most, classes) if classes else most, spec)
    return whole


def check_counts(metric: Metric, labels: Array) -> None:
    """Raise InputError where all of the labels, as `check_labels` gives them, are filler."""
    kinds: dict[str, tuple[str, Array]] = {
        "boxes": ("box", labels[..., :1] > NO_CLASS),
        "pixels": ("pixel", (labels >= 0) & (labels != VOID)),
        "tokens": ("place", labels >= 0),
    }
    what, counts = kinds.get(metric.kind, ("", np.ones(1, bool)))
    if not counts.any():
        raise InputError(
            f"No {what} of the labels {labels.dtype}{list(labels.shape)} counts: all are marked as "
            "filler.",
            "Check how they were made, or leave them out: fidelity to the original needs none.",
            "EvalSet",
        )


def _pixels(labels: Array, spec: TensorSpec, classes: int) -> Array:
    """Masks int16 [samples, height, width]; raises InputError for a value that is no class."""
    whole = labels.astype(np.int16)
    wrong = check_mask(whole, classes) if np.array_equal(whole, labels) else None
    if labels.ndim != 3 or not np.array_equal(whole, labels) or wrong is not None:
        what = f"hold {wrong}" if wrong is not None else f"are {labels.dtype}{list(labels.shape)}"
        among = f"0 to {classes - 1}" if classes else "whole numbers from 0"
        raise InputError(
            f"The masks {what}; the output {spec.name!r} has one class for each pixel, {among}.",
            "Give whole numbers of shape [samples, height, width]; 255 or -1 does not count."
            + _counted_otherwise(whole[whole != VOID], classes),
            "EvalSet",
        )
    return whole


def _in_range(labels: Array, metric: Metric, spec: TensorSpec) -> Array:
    """The labels; raises InputError for a class of a place that is none of the output's."""
    classes = spec.shape[2] if metric.kind == "tokens" and scores_places(spec, None) else 0
    wrong = np.argwhere(labels >= classes) if classes else np.empty((0, 2), np.int64)
    if wrong.size:
        first = tuple(wrong[0].tolist())
        raise InputError(
            f"Label {labels[first]} of sample {first[0]} is out of range: the output "
            f"{spec.name!r} has classes 0 to {classes - 1} for each place.",
            "Number the classes from 0; -100 marks places that do not count."
            + _counted_otherwise(labels, classes),
            "EvalSet",
        )
    return labels


def _counted_otherwise(labels: Array, classes: int) -> str:
    """The change that would fit labels of many places which reach one too far; empty: none."""
    counted = labels[labels >= 0]
    if not classes or not counted.size or counted.max() != classes:
        return ""
    if counted.min() == 0:
        return " Does 0 mark what does not count? Then bring them with --labels shift=-1."
    return " Counted from 1? Bring them with --labels shift=-1."


def as_masks(labels: Array, outputs: Sequence[TensorSpec]) -> tuple[Array, list[str]]:
    """Masks written otherwise as [samples, height, width], and a note; all else as it is.

    One-hot planes for an output of as many, an axis of one plane, whole numbers stored as floats,
    255 for class 1 of two.
    """
    if labels.ndim not in (3, 4):
        return labels, []
    able = [spec for spec in outputs if classes_of(spec, None)]
    scores = [tuple(spec.shape[1:]) for spec in able]
    given, plain = f"{labels.dtype}{list(labels.shape)}", labels
    for axis in CLASS_AXES:
        if plain.ndim == 4 and plain.shape[1:] in scores and is_one_hot(plain, axis):
            plain = plain.argmax(axis=axis)
        if plain.ndim == 4 and plain.shape[axis] == 1:
            plain = plain.squeeze(axis)
    if plain.ndim != 3 or not np.array_equal(plain, np.rint(plain)):
        return labels, []
    fitting = [spec for spec in able if suits(spec, plain)]
    if not fitting:
        return labels, []
    whole, notes = plain, list[str]()
    if plain is not labels or labels.dtype.kind not in "iu":
        whole = plain.astype(np.int64)
        notes = [f"The masks were {given}; they are whole numbers {list(whole.shape)} now."]
    if all(classes_of(spec, whole[0].size) == 2 for spec in fitting) and (said := _as_two(whole)):
        return np.where(whole == VOID, 1, whole), [*notes, said]
    return whole, notes


def _as_two(masks: Array) -> str:
    """What to say of masks of two classes that are 0 and 255; else empty."""
    if np.array_equal(np.unique(masks[masks >= 0]), (0, VOID)):
        return "The masks were 0 and 255; 255 is class 1 now, since nothing else is."
    return ""


def as_class_numbers(labels: Array, outputs: Sequence[TensorSpec]) -> tuple[Array, list[str]]:
    """Labels written otherwise as class numbers, and a note; what is no class stays as it is.

    One-hot rows, or shares, for an output of as many scores, two values for one of a single score,
    whole numbers stored as floats for a model without an output of one number, and as many other
    whole numbers as there are classes, as scikit-learn's models are trained on.
    """
    sizes = {size_of(spec) for spec in outputs if is_class_like(spec)}
    if labels.ndim == 3 and labels.shape[1] == 1 and labels.shape[2] in sizes:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] in sizes and is_one_hot(labels):
        note = f"The labels were one-hot {list(labels.shape)}; they are class numbers now."
        return labels.argmax(axis=1), [note]
    if labels.ndim == 2 and labels.shape[1] in sizes and (said := shares_said(labels)):
        return labels.argmax(axis=1), [said]
    single = labels.ndim == 1 or labels.shape[1:] == (2,)
    scores = any(size_of(spec) == 1 and "float" in spec.dtype for spec in outputs)
    if single and scores and not sizes and not any(map(is_decision, outputs)):
        return as_binary(labels)
    floats = labels.ndim == 1 and labels.dtype.kind == "f" and bool(sizes)
    floats = floats and bool(np.abs(labels).max(initial=0) < _FARTHEST)
    if floats and 1 not in map(size_of, outputs) and np.array_equal(labels, np.rint(labels)):
        numbers, notes = by_value(labels.astype(np.int64), sizes)
        return numbers, [f"The labels were {labels.dtype}; they are whole now.", *notes]
    whole = labels.ndim == 1 and labels.dtype.kind in "iu"
    return by_value(labels, sizes) if whole else (labels, [])


def _check_range(labels: Array, limit: int, spec: TensorSpec) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= limit))
    if wrong.size:
        shifted = labels.min() == 1 and labels.max() <= limit
        helps = " Counted from 1? Bring them with --labels shift=-1." if shifted else ""
        if labels.min() == -1 and labels.max() < limit - 1:
            helps = " Counted from -1? Bring them with --labels shift=+1."
        raise InputError(
            f"Label {labels[wrong[0]]} of sample {wrong[0]} is out of range: "
            f"the output {spec.name!r} has classes 0 to {limit - 1}.",
            f"Number the classes from 0 in the order of the model's outputs.{helps}",
            "EvalSet",
        )
