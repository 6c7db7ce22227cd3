"""What every metric promises. A new file in optim/metrics is tested here without an edit."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optim.arrays import Array
from optim.errors import InputError
from optim.judging.paired import difference
from optim.metrics.base import Kind, Metric, all_metrics, find_metric
from optim.metrics.choosing import choose_output
from optim.metrics.support.rows import Rows
from optim.model import TensorSpec

pytestmark = pytest.mark.slow

METRICS = {name: metric() for name, metric in all_metrics().items()}
CLASSES, SAMPLES = 7, 60
QUICK = settings(max_examples=30, deadline=None)

each_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
seeds = st.integers(0, 2**32 - 1)
SPECS = [
    TensorSpec(name=name, dtype=dtype, shape=shape)
    for name, dtype, shape in [
        ("scores", "float32", (1, CLASSES)),
        ("score", "float32", (1, 1)),
        ("pair", "float32", (1, 2)),
        ("embedding", "float32", (1, 16)),
        ("map", "float32", (1, 3, 8, 8)),
        ("places", "float32", (1, 16, CLASSES)),
        ("table", "float32", (1, -1, 6)),
        ("label", "int64", (1,)),
        ("unknown", "float32", (1, -1)),
    ]
]


def labels_for(metric: Metric, seed: int) -> Array:
    """Labels of the metric's kind; every class occurs."""
    random = np.random.default_rng(seed)
    if metric.kind == "numbers":
        return random.normal(size=(SAMPLES, 3)) + 0.1
    if metric.kind == "pixels":
        return random.permuted(np.resize(np.arange(CLASSES), (SAMPLES, 4, 5)), axis=0)
    if metric.kind == "tokens":
        return random.permuted(np.resize(np.arange(CLASSES), (SAMPLES, 5)), axis=0)
    if metric.kind == "boxes":
        corners = random.uniform(0, 50, (SAMPLES, 3, 4)) + [0, 0, 60, 60]
        kinds = random.integers(0, 3, (SAMPLES, 3, 1))
        return np.concatenate([kinds, corners, np.zeros((SAMPLES, 3, 1))], axis=2)
    classes = 2 if metric.kind == "binary" else CLASSES
    return np.r_[np.arange(classes), random.integers(0, classes, SAMPLES - classes)]


def answers_for(metric: Metric, labels: Array, seed: int | None = None) -> Array:
    """The perfect answers; with a seed random ones, coarse so that there are ties."""
    perfect = labels
    if metric.kind == "binary":
        perfect = labels[:, None].astype(np.float64)
    elif metric.kind == "pixels":
        perfect = np.moveaxis(np.eye(CLASSES)[labels] * 10, -1, 1)[:, None]
    elif metric.kind == "boxes":
        scores = np.random.default_rng(0 if seed is None else seed).permutation(3 * SAMPLES)
        scored = scores.reshape(SAMPLES, 3, 1) + 1.0
        moved = 0 if seed is None else scored % 20
        return np.concatenate([labels[..., 1:5] + moved, scored, labels[..., :1]], axis=2)
    elif metric.kind != "numbers":
        perfect = np.eye(CLASSES)[labels] * 50
    if seed is None:
        return perfect
    return np.random.default_rng(seed).integers(-4, 5, perfect.shape) / 2


def rows_of(metric: Metric, answers: Array, labels: Array) -> Rows:
    pairs = zip(answers, labels, strict=True)
    return np.array([metric.row(np.asarray(a), np.asarray(v)) for a, v in pairs])


def decided(metric: Metric, seed: int) -> Rows:
    labels = labels_for(metric, seed)
    rows = rows_of(metric, answers_for(metric, labels, seed), labels)
    return metric.decided(rows, rows)


def plain(metric: Metric, rows: Rows) -> float:
    return float(metric.aggregate(rows, np.ones((1, len(rows))))[0])


@each_metric
def test_perfect_answers_score_best(metric: Metric) -> None:
    labels = labels_for(metric, 0)
    rows = rows_of(metric, answers_for(metric, labels), labels)
    best = metric.most if metric.higher_is_better else metric.least
    assert plain(metric, metric.decided(rows, rows)) == pytest.approx(best)


@each_metric
@QUICK
@given(seed=seeds)
def test_a_value_lies_within_the_bounds(metric: Metric, seed: int) -> None:
    value = plain(metric, decided(metric, seed))
    assert metric.least - 1e-9 <= value <= metric.most + 1e-9
    assert metric.least <= metric.chance <= metric.most


@each_metric
@QUICK
@given(seed=seeds)
def test_the_order_of_samples_does_not_matter(metric: Metric, seed: int) -> None:
    rows = decided(metric, seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    assert plain(metric, rows[order]) == pytest.approx(plain(metric, rows))


@each_metric
@QUICK
@given(seed=seeds)
def test_weights_count_how_often_a_sample_was_drawn(metric: Metric, seed: int) -> None:
    rows = decided(metric, seed)
    drawn = np.random.default_rng(seed).integers(0, len(rows), (3, len(rows)))
    weights = np.array([np.bincount(d, minlength=len(rows)) for d in drawn], dtype=np.float64)
    expected = [plain(metric, rows[d]) for d in drawn]
    assert metric.aggregate(rows, weights) == pytest.approx(np.array(expected))


@each_metric
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_not_finite_do_no_harm(metric: Metric, broken: float) -> None:
    labels = labels_for(metric, 1)
    answers = answers_for(metric, labels)
    baseline = rows_of(metric, answers, labels)
    for which in (answers == answers.max(), np.ones(answers.shape, bool)):
        rows = metric.decided(rows_of(metric, np.where(which, broken, answers), labels), baseline)
        assert np.isfinite(plain(metric, rows))


@each_metric
def test_equal_answers_differ_by_nothing(metric: Metric) -> None:
    rows = decided(metric, 2)
    found = difference(metric, rows, rows.copy())
    assert found.size == 0 and found.low <= 0 <= found.high and found.p_value == 1


@each_metric
@pytest.mark.parametrize("label_size", [None, 1, 16])
def test_the_output_it_reads_is_one_that_fits(metric: Metric, label_size: int | None) -> None:
    for count in range(1, len(SPECS) + 1):
        readable = [spec for spec in SPECS[-count:] if metric.fits(spec, label_size)]
        if readable:
            assert choose_output(metric, SPECS[-count:], label_size) in readable
        else:
            with pytest.raises(InputError, match=metric.name):
                choose_output(metric, SPECS[-count:], label_size)


@each_metric
def test_one_output_of_a_usual_model_fits(metric: Metric) -> None:
    assert any(metric.fits(spec, size) for spec in SPECS for size in (None, 1, 16))


@each_metric
def test_classes_are_counted_where_labels_are_classes(metric: Metric) -> None:
    for spec in SPECS:
        assert (metric.class_count(spec) > 0) == (metric.kind in ("class", "binary"))


@each_metric
def test_values_are_shown_with_their_unit(metric: Metric) -> None:
    assert metric.unit in metric.show(0.5)
    assert metric.show_difference(-0.25) == metric.show_difference(0.25)
    assert ("points" if metric.unit == "%" else metric.unit) in metric.show_difference(0.25)
    sentence = metric.agreement(0.5, "64 samples")
    assert sentence[0].isupper() and "64 samples" in sentence and not sentence.endswith(".")
    best = metric.most if metric.higher_is_better else metric.least
    assert metric.doubt(best, CLASSES) == ""


@each_metric
def test_a_metric_describes_itself(metric: Metric) -> None:
    assert METRICS[metric.name] is metric and metric.kind in get_args(Kind)
    assert metric.title.strip() and not metric.title.endswith(".")
    for text in (metric.summary, metric.helps, metric.hurts):
        assert len(text) > 20 and text.endswith(".") and "  " not in text
    assert not (metric.needs_labels and metric.ignores_labels)
    for written in (metric.name, metric.name.upper(), metric.name.replace("_", "-")):
        assert find_metric(written) == metric


@each_metric
def test_what_works_for_it_is_a_metric_too(metric: Metric) -> None:
    for scores_classes in (True, False):
        worker = metric.on(scores_classes)
        assert worker.name in METRICS and worker.on(scores_classes) == worker
