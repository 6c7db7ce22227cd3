"""What an EvalSet says beside its inputs: labels, metric, classes, texts, split. In a child."""

from collections.abc import Mapping, Sequence

import numpy as np

from optim.arrays import Array
from optim.evalset.classes import by_name, mapping, numbered
from optim.evalset.stored import Contents, fail
from optim.evalset.wording import MOST_LETTERS, worded
from optim.metrics.base import Metric, all_metrics, find_metric
from optim.metrics.choosing import (
    as_class_numbers,
    as_masks,
    check_labels,
    choose_output,
    infer_metric,
)
from optim.model import TensorSpec


def contents_of(
    inputs: dict[str, Array],
    count: int,
    extras: Mapping[str, Array],
    outputs: Sequence[TensorSpec],
    notes: tuple[str, ...],
) -> Contents:
    """The inputs with what the extra arrays say of labels, metric, names and split, checked.

    Raises InputError.
    """
    labels, classes = extras.get("labels"), class_names(extras.get("classes"))
    if labels is not None and labels.dtype.kind in "US" and labels.shape in ((count,), (count, 1)):
        labels, classes, said = _of_texts(labels, classes, outputs)
        notes = (*notes, said)
    if labels is not None:
        labels = checked_labels(labels, count)
        if _may_be(extras.get("metric"), "class"):
            labels, said = as_class_numbers(labels, outputs)
            notes = (*notes, *said)
        if _may_be(extras.get("metric"), "pixels"):
            labels, said = as_masks(labels, outputs)
            notes = (*notes, *said)
    metric = _metric(extras.get("metric"), labels, outputs)
    if metric.ignores_labels and labels is not None:
        notes = (*notes, f"The labels are not used: the metric is {metric.name}.")
        labels = None
    if labels is None:
        choose_output(metric, outputs)
    else:
        labels = check_labels(metric, labels, outputs, len(classes))
    mask = _mask(extras.get("calibration"), count)
    given = extras.get("texts")
    if given is None and "vocabulary" in extras:
        given = np.array(worded(extras["vocabulary"], inputs))
    texts = None if given is None else sample_texts(given, count)
    return Contents(inputs, metric.name, labels, classes, mask, texts, notes=notes)


def _of_texts(
    labels: Array, classes: tuple[str, ...], outputs: Sequence[TensorSpec]
) -> tuple[Array, tuple[str, ...], str]:
    """Labels that are names of classes as their numbers, the names, and a note."""
    texts = _texts(labels)
    if classes:
        numbers = numbered(texts, classes)
    else:
        classes, numbers = by_name(texts, outputs, "texts as labels")
    return numbers, classes, mapping(classes, numbers, "Labels")


def checked_labels(labels: Array, count: int) -> Array:
    """Labels as one number, or several, per sample. Raises InputError."""
    if labels.ndim == 0 or len(labels) != count:
        raise fail(
            f"There are {labels.size if labels.ndim == 0 else len(labels)} labels for "
            f"{count} samples.",
            "Give one label per sample.",
        )
    if labels.dtype.kind not in "iubf":
        raise fail(
            f"The labels are {labels.dtype}{list(labels.shape)}, not numbers.",
            "Give one class name per sample, or number the classes from 0.",
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise fail("The labels hold NaN or infinite values.", "Remove those samples.")
    return labels.reshape(count) if labels.shape == (count, 1) else labels


def _metric(name: Array | None, labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
    if name is None:
        return _inferred(labels, outputs)
    if name.size != 1 or name.dtype.kind not in "US":
        raise fail(
            "The `metric` array is not one name.", f"Give one of: {', '.join(all_metrics())}."
        )
    metric = find_metric(_texts(name)[0])
    if metric.needs_labels and labels is None:
        raise fail(
            f"The metric {metric.name} needs labels, and there is no `labels` array.",
            f"Add one, or use the metric {infer_metric(None, outputs).name}.",
        )
    return metric


def _inferred(labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
    """The metric that suits labels which came without one. Raises InputError where none does."""
    metric = infer_metric(labels, outputs)
    size = None if labels is None else int(np.prod(labels.shape[1:], dtype=np.int64))
    if labels is None or any(metric.fits(spec, size) for spec in metric.candidates(outputs)):
        return metric
    shapes = ", ".join(f"{spec.name}{list(spec.shape)}" for spec in outputs)
    raise fail(
        f"The labels {labels.dtype}{list(labels.shape)} fit no output of the model ({shapes}).",
        "Give class numbers [samples], as many numbers as an output has, masks [samples, height, "
        "width], a class for each place [samples, places] or boxes [samples, most, 5]; or none.",
    )


def _may_be(metric: Array | None, kind: str) -> bool:
    """Whether the metric that is named, if one is, wants labels of this kind."""
    named = metric is not None and metric.size == 1 and metric.dtype.kind in "US"
    return metric is None or (named and find_metric(_texts(metric)[0]).kind == kind)


def class_names(array: Array | None) -> tuple[str, ...]:
    """The names of the classes; none without the array. Raises InputError."""
    if array is None:
        return ()
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise fail(
            f"The `classes` array is {array.dtype}{list(array.shape)}.",
            "Give one name per class, as text.",
        )
    return _texts(array)


def sample_texts(array: Array, count: int) -> Array:
    """What each sample is, for people, cut to a length that can be shown. Raises InputError."""
    if array.shape != (count,) or array.dtype.kind not in "US":
        raise fail(
            f"The `texts` array is {array.dtype}{list(array.shape)}.",
            f"Give one text per sample, shape [{count}].",
        )
    return np.array([text[:MOST_LETTERS] for text in _texts(array)], f"U{MOST_LETTERS}")


def _texts(array: Array) -> tuple[str, ...]:
    if array.dtype.kind == "S":
        return tuple(item.decode(errors="replace") for item in array.ravel().tolist())
    return tuple(array.ravel().tolist())


def _mask(array: Array | None, count: int) -> Array | None:
    if array is None:
        return None
    if array.shape != (count,) or not np.isin(array, (0, 1)).all():
        raise fail(
            f"The `calibration` array is {array.dtype}{list(array.shape)}.",
            f"Give one true or false per sample, shape [{count}].",
        )
    return array.astype(bool)
