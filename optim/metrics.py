"""Metrics: which output they read, what they keep of each sample, how samples become one number.

A metric turns every sample into a short row of numbers; `aggregate` turns weighted rows into the
metric's value for many weightings at once. Weights that count how often a sample was drawn make
it a bootstrap, weights of one the metric itself.

Metrics that need no labels compare with the original's own outputs instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optim.arrays import Array
from optim.errors import InputError
from optim.model import TensorSpec

Rows = NDArray[Any]
"""One row per sample, float64 [n, k]."""

_MOST_CLASSES = 1 << 31  # of an output that is a class number and does not say how many there are
_NOT_CLASSES = ("embed", "hidden", "feature", "pool", "state", "sentence")


@dataclass(frozen=True)
class Metric:
    """One way to score outputs against labels.

    `row(output, label)` gives the k numbers kept of one sample; `aggregate(rows [n, k],
    weights [b, n])` gives b values. `kind` says what a label is: a class, 0 or 1, or numbers.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    needs_labels: bool
    kind: str
    row: Callable[[Array, Array], Sequence[float]]
    aggregate: Callable[[Rows, Rows], Rows]

    @property
    def paired_counts(self) -> bool:
        """Whether every sample is right or wrong, so that McNemar's test applies."""
        return self.aggregate is _mean and self.kind == "class"

    def show(self, value: float) -> str:
        """A value with its unit, such as "93.12 %"."""
        return f"{100 * value:.2f} %" if self.unit == "%" else f"{value:.4g}"

    def show_difference(self, value: float) -> str:
        """The size of a difference, such as "0.8 points"."""
        size = abs(value)
        return f"{100 * size:.2g} points" if self.unit == "%" else f"{size:.2g}"


def answer_of(output: Array) -> int:
    """The class that an output names: the highest score's, or the value of one that is decided."""
    return int(output.ravel()[0] if output.size == 1 else np.argmax(output))


def _top(k: int) -> Callable[[Array, Array], Sequence[float]]:
    def row(output: Array, label: Array) -> Sequence[float]:
        if output.size == 1:
            return (float(answer_of(output) == int(label)),)
        scores = output.ravel().astype(np.float64)
        target = scores[int(label)]
        if not np.isfinite(target):
            return (0.0,)
        ahead = np.sum(scores > target) + np.sum(scores[: int(label)] == target)
        return (float(ahead < k),)

    return row


def _score_row(output: Array, label: Array) -> Sequence[float]:
    return float(binary_score(output)), float(label)


def _decision_row(output: Array, label: Array) -> Sequence[float]:
    values = output.ravel().astype(np.float64)
    answer = values[0] if values.size == 1 else np.argmax(values)
    return float(answer), float(label), float(values.size)


def _absolute_row(output: Array, label: Array) -> Sequence[float]:
    return (float(np.mean(np.abs(_error(output, label)))),)


def _square_row(output: Array, label: Array) -> Sequence[float]:
    return (float(np.mean(_error(output, label) ** 2)),)


def _error(output: Array, label: Array) -> Array:
    return _numbers(output) - _numbers(label)


def _dot_row(output: Array, label: Array) -> Sequence[float]:
    a, b = _numbers(output), _numbers(label)
    return float(a @ b), float(a @ a), float(b @ b)


def _numbers(values: Array) -> Array:
    """Flat float64; what is not finite counts as 0 (and shows as a collapse of the output)."""
    flat = np.ravel(values).astype(np.float64)
    return np.where(np.isfinite(flat), flat, 0.0)


def binary_score(output: Array) -> float:
    """One score per sample: the value itself, or for two classes the second minus the first."""
    values = output.ravel().astype(np.float64)
    return float(values[0] if values.size == 1 else values[1] - values[0])


def _mean(rows: Rows, weights: Rows) -> Rows:
    values: Rows = weights @ rows[:, 0] / weights.sum(axis=1)
    return values


def _root_mean(rows: Rows, weights: Rows) -> Rows:
    values: Rows = np.sqrt(_mean(rows, weights))
    return values


def _cosine(rows: Rows, weights: Rows) -> Rows:
    dot, a, b = (weights @ rows).T
    return _ratio(dot, np.sqrt(a * b), np.where((a == 0) & (b == 0), 1.0, 0.0))


def _auc(rows: Rows, weights: Rows) -> Rows:
    """Area under the ROC curve by ranks: P(positive above negative) + half of the ties.

    Mann and Whitney 1947. NaN scores rank last. One class only gives 0.5.
    """
    order = np.argsort(np.nan_to_num(rows[:, 0], nan=-np.inf), kind="stable")
    scores, labels = np.nan_to_num(rows[order, 0], nan=-np.inf), rows[order, 1]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    drawn = weights[:, order]
    positive = np.add.reduceat(drawn * labels, starts, axis=1)
    negative = np.add.reduceat(drawn * (1 - labels), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio((positive * (below + negative / 2)).sum(axis=1), pairs, np.array(0.5))


def _f1(rows: Rows, weights: Rows) -> Rows:
    """F1 of class 1 for outputs of one or two values, else the macro average over classes."""
    answers, labels, size = rows[:, 0], rows[:, 1], rows[0, 2]
    classes = [1.0] if size <= 2 else np.unique(rows[:, :2])
    values: Rows = np.mean([_f1_of(answers == c, labels == c, weights) for c in classes], axis=0)
    return values


def _f1_of(answered: Array, true: Array, weights: Rows) -> Rows:
    hits = weights @ (answered & true).astype(np.float64)
    total = weights @ (answered.astype(np.float64) + true.astype(np.float64))
    return _ratio(2 * hits, total, np.array(0.0))


def _ratio(above: Rows, below: Rows, otherwise: Rows) -> Rows:
    """`above / below`, and `otherwise` where `below` is 0."""
    values: Rows = np.where(below > 0, above / np.where(below > 0, below, 1.0), otherwise)
    return values


def settle(metric: Metric, rows: Rows, baseline: Rows) -> Rows:
    """Turn the scores of single-valued outputs into 0 or 1 where the metric needs a decision.

    The threshold is 0.5 where the original's scores are probabilities (all within 0 and 1) and 0
    where they are logits; the same for both models.
    """
    if metric.name != "f1" or rows[0, 2] != 1:
        return rows
    probabilities = bool(np.all((baseline[:, 0] >= 0) & (baseline[:, 0] <= 1)))
    decided = rows.copy()
    decided[:, 0] = rows[:, 0] > (0.5 if probabilities else 0.0)
    return decided


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("top1", "Top-1 accuracy", "%", True, True, "class", _top(1), _mean),
        Metric("top5", "Top-5 accuracy", "%", True, True, "class", _top(5), _mean),
        Metric("auc", "AUC", "", True, True, "binary", _score_row, _auc),
        Metric("f1", "F1", "%", True, True, "class", _decision_row, _f1),
        Metric("mae", "Mean absolute error", "", False, True, "numbers", _absolute_row, _mean),
        Metric("rmse", "RMSE", "", False, True, "numbers", _square_row, _root_mean),
        Metric("cosine", "Cosine similarity", "", True, False, "numbers", _dot_row, _cosine),
        Metric("fidelity", "Agreement with the original", "%", True, False, "any", _top(1), _mean),
    )
}


def find_metric(name: str) -> Metric:
    """The metric a user named ("top-1", "AUC", ...). Raises InputError."""
    key = "".join(c for c in name.lower() if c.isalnum())
    if key not in METRICS:
        raise InputError(
            f"There is no metric {name!r}.", f"Known ones: {', '.join(METRICS)}.", "EvalSet"
        )
    return METRICS[key]


def size_of(spec: TensorSpec) -> int:
    """How many numbers one sample's output holds; 0 where that depends on the data."""
    return int(np.prod(spec.shape, dtype=np.int64)) if min(spec.shape, default=1) > 0 else 0


def is_class_like(spec: TensorSpec) -> bool:
    """Whether an output is one vector of class scores: one dimension above 1, no embedding."""
    wide = [size for size in spec.shape if size > 1]
    return (
        size_of(spec) > 0
        and len(wide) == 1
        and not any(word in spec.name.lower() for word in _NOT_CLASSES)
    )


def is_decision(spec: TensorSpec) -> bool:
    """Whether an output is the number of a class, as ArgMax gives it."""
    return "int" in spec.dtype and size_of(spec) == 1


def choose_output(
    metric: Metric, outputs: Sequence[TensorSpec], label_size: int | None = None
) -> TensorSpec:
    """The output that a metric reads: the first that fits, floating ones first.

    `label_size` is how many numbers one label holds; None without labels.

    Class metrics fit a vector of scores such as [1, C] (F1 also [1, 1]) or, top-5 apart, a class
    number; AUC fits [1, 1] or
    [1, 2]; metrics on numbers fit an output of the label's size; fidelity fits any. Raises
    InputError where none fits.
    """
    floating = [spec for spec in outputs if "float" in spec.dtype] or list(outputs)
    for spec in (*floating, *filter(is_decision, outputs)):
        if _fits(metric, spec, label_size):
            return spec
    shapes = ", ".join(f"{spec.name}{list(spec.shape)}" for spec in outputs)
    given = "" if label_size is None else f" with labels of size {label_size}"
    others = [m.name for m in METRICS.values() if any(_fits(m, s, label_size) for s in outputs)]
    raise InputError(
        f"The metric {metric.name}{given} fits none of the model's outputs ({shapes}).",
        f"Choose one that fits: {', '.join(others)}." if others else "Give labels that fit one.",
        "EvalSet",
    )


def _fits(metric: Metric, spec: TensorSpec, label_size: int | None) -> bool:
    if metric.kind == "any" or (label_size is None and not metric.needs_labels):
        return True
    if metric.kind == "numbers":
        return size_of(spec) == label_size
    if metric.kind == "binary":
        return size_of(spec) in (1, 2) and not is_decision(spec)
    if is_decision(spec):
        return metric.name != "top5"
    return is_class_like(spec) or (metric.name == "f1" and size_of(spec) == 1)


def infer_metric(labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
    """The metric for labels that came without one.

    No labels: fidelity. One whole number per sample: top-1 where some output is a vector of class
    scores or all are whole numbers, one of them a class; AUC where the labels are 0 and 1 only.
    Anything else: mean absolute error.
    """
    if labels is None:
        return METRICS["fidelity"]
    if labels.ndim == 1 and labels.dtype.kind in "iub":
        decided = all("int" in spec.dtype for spec in outputs) and any(map(is_decision, outputs))
        if decided or any(map(is_class_like, outputs)):
            return METRICS["top1"]
        if set(np.unique(labels).tolist()) <= {0, 1}:
            return METRICS["auc"]
    return METRICS["mae"]


def check_labels(
    metric: Metric, labels: Array, outputs: Sequence[TensorSpec], classes: int
) -> Array:
    """Labels in the form the metric wants: int64 for classes, float64 for numbers.

    Raises InputError for labels that are out of range, of the wrong shape or not finite.
    """
    label_size = int(np.prod(labels.shape[1:], dtype=np.int64))
    spec = choose_output(metric, outputs, label_size)
    if metric.kind not in ("class", "binary"):
        return labels.astype(np.float64)
    whole = labels.astype(np.int64)
    if labels.ndim != 1 or not np.array_equal(whole, labels):
        raise InputError(
            f"The metric {metric.name} wants one class number per sample; the labels are "
            f"{labels.dtype}{list(labels.shape)}.",
            "Give whole numbers of shape [samples].",
            "EvalSet",
        )
    limit = 2 if metric.kind == "binary" else max(2, size_of(spec))
    if is_decision(spec):
        limit = _MOST_CLASSES
    limit = min(limit, classes) if classes else limit
    wrong = np.flatnonzero((whole < 0) | (whole >= limit))
    if wrong.size:
        raise InputError(
            f"Label {whole[wrong[0]]} of sample {wrong[0]} is out of range: "
            f"the output {spec.name!r} has classes 0 to {limit - 1}.",
            "Number the classes from 0 in the order of the model's outputs.",
            "EvalSet",
        )
    return whole
