"""A peer's answers judged as this program judges its own: by the same metric and interval."""

import numpy as np

from bench.procedure import Subject
from optim.arrays import Array
from optim.findings import Interval
from optim.judging.paired import difference
from optim.metrics.base import find_metric
from optim.metrics.support.outputs import answer_of, is_class_like


def judged(one: Subject, answers: Array, originals: Array, output: str) -> Interval:
    """Quality lost on the first validation samples.

    Args:
        answers: [samples, ...] of the output that the metric reads; originals: the original's.
    """
    (spec,) = (spec for spec in one.model.outputs if spec.name == output)
    metric = find_metric(one.evalset.metric).on(scores_classes=is_class_like(spec))
    labels = one.evalset.labels("validation", len(originals))
    if labels is None:
        classes = metric.kind == "class"
        labels = np.array([answer_of(one) for one in originals]) if classes else originals
    rows, baseline = (
        np.array(
            [metric.row(one, np.asarray(label)) for one, label in zip(some, labels, strict=True)]
        )
        for some in (answers.reshape(originals.shape), originals)
    )
    found = difference(metric, baseline.astype(np.float64), rows.astype(np.float64))
    lost = Interval(value=found.size, low=found.low, high=found.high)
    return metric.loss(lost, found.baseline)
