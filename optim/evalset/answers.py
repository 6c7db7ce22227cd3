"""Answers that an EvalSet wants: labels of outputs, each with its metric. In a child."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optim.arrays import Array
from optim.evalset.classes import by_name, mapping, numbered
from optim.evalset.stored import fail
from optim.evalset.unlabelled import labelled_rows
from optim.metrics.base import Metric, all_metrics, find_metric
from optim.metrics.choosing import (
    as_class_numbers,
    as_masks,
    check_counts,
    check_labels,
    choose_output,
    infer_metric,
    size_of_label,
)
from optim.model import TensorSpec


@dataclass(frozen=True)
class Given:
    """The arrays that are given for one output; an empty name: for whichever suits them."""

    output: str = ""
    labels: Array | None = None
    metric: Array | None = None
    classes: Array | None = None

    def only(self, kept: Array) -> "Given":
        """With the labels of these samples [samples]; as it is where it has not one for each."""
        labels = self.labels
        if labels is not None and labels.size == len(kept):
            labels = labels.reshape(len(kept))
        if labels is None or len(labels) != len(kept):
            return self
        return replace(self, labels=labels[kept])


@dataclass(frozen=True)
class Judged:
    """Labels in their metric's form, the metric's spelling, names of classes, and notes."""

    output: str
    labels: Array | None
    metric: str
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def answers_in(
    arrays: Mapping[str, Array], words: Mapping[str, str], outputs: Sequence[TensorSpec]
) -> list[Given]:
    """What is given for each output with labels, the one that leads first; one without any.

    `labels` leads. An output's own labels are called as the output, `labels_<output>` or
    `labels_<its position>`, and likewise `metric_<output>` and `classes_<output>`.

    Args:
        words: what the arrays `labels`, `metric` and `classes` are called.
    """
    plain = Given("", *(arrays.get(words[word]) for word in ("labels", "metric", "classes")))
    own = [_own(spec.name, place, arrays, words) for place, spec in enumerate(outputs)]
    named = [one for one in own if one.labels is not None]
    if plain.labels is not None or not named:
        return [plain, *named]
    lead = named[0]
    metric, classes = lead.metric, lead.classes
    first = Given(
        lead.output,
        lead.labels,
        plain.metric if metric is None else metric,
        plain.classes if classes is None else classes,
    )
    return [first, *named[1:]]


def names_of(words: Mapping[str, str], outputs: Sequence[TensorSpec]) -> set[str]:
    """All names that arrays for single outputs may have."""
    return {
        name
        for place, spec in enumerate(outputs)
        for word in ("labels", "metric", "classes")
        for name in _names(spec.name, place, words[word], alone=word == "labels")
    }


def _own(output: str, place: int, arrays: Mapping[str, Array], words: Mapping[str, str]) -> Given:
    def first(word: str) -> Array | None:
        names = _names(output, place, words[word], alone=word == "labels")
        return next((arrays[name] for name in names if name in arrays), None)

    return Given(output, first("labels"), first("metric"), first("classes"))


def _names(output: str, place: int, word: str, alone: bool) -> tuple[str, ...]:
    return (f"{word}_{output}", f"{word}_{place}", *((output,) if alone else ()))


def with_labels(given: Sequence[Given], count: int, outputs: Sequence[TensorSpec]) -> Array:
    """Which samples have a label of every output that has labels, [samples]."""
    kept = np.ones(count, bool)
    for one in given:
        able = _outputs_for(one, outputs)
        if one.labels is not None and one.labels.size == count and one.metric is None:
            found = labelled_rows(one.labels.reshape(count), able)
            kept &= True if found is None else found
    return kept


def _outputs_for(given: Given, outputs: Sequence[TensorSpec]) -> Sequence[TensorSpec]:
    return [spec for spec in outputs if given.output in ("", spec.name)]


def judged(given: Given, count: int, outputs: Sequence[TensorSpec]) -> Judged:
    """The labels checked and in the form that their metric wants. Raises InputError."""
    outputs = _outputs_for(given, outputs)
    labels, classes, notes = given.labels, class_names(given.classes), []
    if labels is not None and labels.dtype.kind in "US" and labels.shape in ((count,), (count, 1)):
        labels, classes, said = _of_texts(labels, classes, outputs)
        notes.append(said)
    if labels is not None:
        labels = checked_labels(labels, count)
        for kinds, rewritten in ((("class", "binary"), as_class_numbers), (("pixels",), as_masks)):
            if any(_may_be(given.metric, kind) for kind in kinds):
                labels, more = rewritten(labels, outputs)
                notes += more
    metric = _metric(given.metric, labels, outputs)
    if metric.ignores_labels and labels is not None:
        notes.append(f"The labels are not used: the metric is {metric.name}.")
        labels = None
    if labels is None:
        choose_output(metric, outputs)
    else:
        labels = check_labels(metric, labels, outputs, len(classes))
        check_counts(metric, labels)
    return Judged(given.output, labels, metric.spelling, classes, tuple(notes))


def _of_texts(
    labels: Array, classes: tuple[str, ...], outputs: Sequence[TensorSpec]
) -> tuple[Array, tuple[str, ...], str]:
    """Labels that are names of classes as their numbers, the names, and a note."""
    texts = [text.strip() for text in texts_in(labels)]
    if classes:
        numbers = numbered(texts, classes)
    else:
        classes, numbers = by_name(texts, outputs, "texts as labels")
    return numbers, classes, mapping(classes, numbers, "Labels")


def checked_labels(labels: Array, count: int) -> Array:
    """Labels as one number, or several, per sample. Raises InputError."""
    if labels.ndim == 0 or (len(labels) != count and labels.size != count):
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
    return labels.reshape(count) if labels.size == count else labels


def _metric(name: Array | None, labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
    if name is None:
        return _inferred(labels, outputs)
    if name.size != 1 or name.dtype.kind not in "US":
        raise fail(
            "The `metric` array is not one name.", f"Give one of: {', '.join(all_metrics())}."
        )
    named = texts_in(name)[0]
    metric = find_metric(named)
    if ":" not in named:
        metric = metric.suited(labels, outputs)
    if metric.needs_labels and labels is None:
        raise fail(
            f"The metric {metric.name} needs labels, and there is no `labels` array.",
            f"Add one, or use the metric {infer_metric(None, outputs).name}.",
        )
    return metric


def _inferred(labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
    """The metric that suits labels which came without one. Raises InputError where none does."""
    metric = infer_metric(labels, outputs).suited(labels, outputs)
    size = size_of_label(labels)
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
    return metric is None or (named and find_metric(texts_in(metric)[0]).kind == kind)


def class_names(array: Array | None) -> tuple[str, ...]:
    """The names of the classes; none without the array. Raises InputError."""
    if array is None:
        return ()
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise fail(
            f"The `classes` array is {array.dtype}{list(array.shape)}.",
            "Give one name per class, as text.",
        )
    return texts_in(array)


def texts_in(array: Array) -> tuple[str, ...]:
    """The texts that an array of them holds."""
    if array.dtype.kind == "S":
        return tuple(item.decode(errors="replace") for item in array.ravel().tolist())
    return tuple(array.ravel().tolist())
