"""Which metric suits labels, which output a metric reads, and labels in the form it wants."""

from collections.abc import Sequence

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.metrics.base import Metric, all_metrics
from optim.metrics.support.outputs import is_decision
from optim.model import TensorSpec


def infer_metric(labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
    """The metric for labels that came without one: the one that says it suits them best."""
    metrics = [metric() for metric in all_metrics().values()]
    return max(metrics, key=lambda metric: metric.preference(labels, outputs))


def choose_output(
    metric: Metric, outputs: Sequence[TensorSpec], label_size: int | None = None
) -> TensorSpec:
    """The output that a metric reads: the first that fits, floating ones first.

    Args:
        label_size: how many numbers one label holds; None without labels.

    Raises: InputError where none fits.
    """
    floating = [spec for spec in outputs if "float" in spec.dtype] or list(outputs)
    for spec in (*floating, *filter(is_decision, outputs)):
        if metric.fits(spec, label_size):
            return spec
    raise _fits_none(metric, outputs, label_size)


def _fits_none(metric: Metric, outputs: Sequence[TensorSpec], label_size: int | None) -> InputError:
    shapes = ", ".join(f"{spec.name}{list(spec.shape)}" for spec in outputs)
    given = "" if label_size is None else f" with labels of size {label_size}"
    known = {name: other() for name, other in all_metrics().items()}
    others = [n for n, m in known.items() if any(m.fits(s, label_size) for s in outputs)]
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
    label_size = int(np.prod(labels.shape[1:], dtype=np.int64))
    spec = choose_output(metric, outputs, label_size)
    most = metric.class_count(spec)
    if not most:
        return labels.astype(np.float64)
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


def _check_range(labels: Array, limit: int, spec: TensorSpec) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= limit))
    if wrong.size:
        raise InputError(
            f"Label {labels[wrong[0]]} of sample {wrong[0]} is out of range: "
            f"the output {spec.name!r} has classes 0 to {limit - 1}.",
            "Number the classes from 0 in the order of the model's outputs.",
            "EvalSet",
        )
