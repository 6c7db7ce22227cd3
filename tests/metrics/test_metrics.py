import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from optim.errors import InputError
from optim.metrics.base import all_metrics, find_metric
from optim.metrics.choosing import check_labels, choose_output, infer_metric
from optim.model import TensorSpec

METRICS = {name: metric() for name, metric in all_metrics().items()}
QUICK = settings(max_examples=60, deadline=None)


def spec(*shape, name="y", dtype="float32"):
    return TensorSpec(name=name, dtype=dtype, shape=shape)


def rows_of(metric, outputs, labels):
    pairs = zip(outputs, labels, strict=True)
    return np.array([METRICS[metric].row(np.asarray(o), np.asarray(v)) for o, v in pairs])


def value(metric, outputs, labels):
    rows = rows_of(metric, outputs, labels)
    rows = METRICS[metric].decided(rows, rows)
    return METRICS[metric].aggregate(rows, np.ones((1, len(rows))))[0]


@st.composite
def scored(draw, classes):
    """Scores [n, classes], coarse so that there are ties, and labels that hold every class."""
    count = draw(st.integers(classes, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    labels = np.r_[np.arange(classes), random.integers(0, classes, count - classes)]
    return random.integers(-4, 5, (count, classes)) / 2, labels


@QUICK
@given(scored(2))
def test_auc_is_sklearns(data):
    scores, labels = data
    expected = sk.roc_auc_score(labels, scores[:, 1] - scores[:, 0])
    assert value("auc", scores, labels) == pytest.approx(expected)
    assert value("auc", scores[:, :1], labels) == pytest.approx(
        sk.roc_auc_score(labels, scores[:, 0])
    )


@QUICK
@given(scored(2))
def test_auc_only_depends_on_the_order_of_scores(data):
    scores, labels = data[0][:, :1], data[1]
    assert value("auc", np.exp(scores), labels) == pytest.approx(value("auc", scores, labels))
    assert value("auc", -scores, labels) == pytest.approx(1 - value("auc", scores, labels))
    assert value("auc", scores, 1 - labels) == pytest.approx(1 - value("auc", scores, labels))


@QUICK
@given(scored(6))
def test_top_k_f1_and_errors_are_sklearns(data):
    scores, labels = data
    scores = scores + np.linspace(0, 0.1, 6)  # no ties: sklearn breaks them the other way
    answers = scores.argmax(axis=1)
    assert value("top1", scores, labels) == pytest.approx(sk.accuracy_score(labels, answers))
    assert value("top5", scores, labels) == pytest.approx(
        sk.top_k_accuracy_score(labels, scores, k=5, labels=range(6))
    )
    expected = sk.f1_score(labels, answers, average="macro", zero_division=0)
    assert value("f1", scores, labels) == pytest.approx(expected)
    error = sk.mean_absolute_error(labels, scores[:, 0])
    assert value("mae", scores[:, :1], labels) == pytest.approx(error)
    error = sk.root_mean_squared_error(labels, scores[:, 0])
    assert value("rmse", scores[:, :1], labels) == pytest.approx(error)


@QUICK
@given(scored(2))
def test_binary_f1_decides_by_what_the_originals_scores_are(data):
    logits, labels = data[0][:, :1] + 0.25, data[1]
    probabilities = 1 / (1 + np.exp(-logits))
    expected = sk.f1_score(labels, logits[:, 0] > 0, zero_division=0)
    if np.any((logits < 0) | (logits > 1)):
        assert value("f1", logits, labels) == pytest.approx(expected)
    assert value("f1", probabilities, labels) == pytest.approx(expected)
    assert value("f1", data[0], labels) == pytest.approx(
        sk.f1_score(labels, data[0].argmax(axis=1), zero_division=0)
    )


def test_top1_breaks_ties_as_argmax_does_and_takes_no_nan():
    assert value("top1", [[1, 1], [1, 1]], [0, 1]) == 0.5
    assert value("top1", [[np.nan, 0]], [0]) == 0.0
    assert value("top5", [np.zeros(9)] * 2, [4, 5]) == 0.5


def test_cosine_of_parallel_opposite_and_empty_vectors():
    assert value("cosine", [[1.0, 2.0]], [[2.0, 4.0]]) == pytest.approx(1)
    assert value("cosine", [[1.0, 2.0]], [[-1.0, -2.0]]) == pytest.approx(-1)
    assert value("cosine", [[0.0, 0.0]], [[0.0, 0.0]]) == 1
    assert value("cosine", [[0.0, 0.0]], [[1.0, 0.0]]) == 0


def test_the_first_floating_output_that_fits_is_read():
    outputs = [spec(1, name="label", dtype="int64"), spec(1, 2, name="scores"), spec(1, 2)]
    assert choose_output(METRICS["top1"], outputs).name == "scores"
    assert choose_output(METRICS["auc"], outputs).name == "scores"
    assert choose_output(METRICS["mae"], [spec(1, 5), spec(1, 3, name="t")], 3).name == "t"
    assert choose_output(METRICS["top1"], [spec(1, 10, 1, 1)]).name == "y"
    assert choose_output(METRICS["fidelity"], [spec(1, -1, 7)]).name == "y"
    for metric, shape in [("top1", (1, 1)), ("auc", (1, 3)), ("top1", (1, -1)), ("f1", (1, 2, 2))]:
        with pytest.raises(InputError, match="fits none of the model's outputs"):
            choose_output(METRICS[metric], [spec(*shape)])


@pytest.mark.parametrize(
    ("labels", "shape", "expected"),
    [
        (None, (1, 10), "fidelity"),
        (np.array([0, 3]), (1, 10), "top1"),
        (np.array([0, 1]), (1, 1), "auc"),
        (np.array([0, 1]), (1, 2), "top1"),
        (np.arange(20) == 7, (1, 2), "auc"),  # one of twenty: rare
        (np.arange(20) == 7, (1, 3), "top1"),
        (np.array([0, 7]), (1, 1), "mae"),
        (np.array([0.5, 1.5]), (1, 1), "mae"),
        (np.zeros((2, 4), np.int64), (1, 4), "mae"),
    ],
)
def test_inferred_metric(labels, shape, expected):
    assert infer_metric(labels, [spec(*shape)]).name == expected


def test_names_are_read_as_people_write_them():
    assert find_metric("Top-1").name == "top1"
    assert find_metric("AUC").name == "auc"
    with pytest.raises(InputError, match="no metric 'precision'"):
        find_metric("precision")


def test_labels_become_what_the_metric_wants():
    whole = check_labels(METRICS["top1"], np.array([0.0, 2.0]), [spec(1, 3)], 0)
    assert whole.dtype == np.int64 and whole.tolist() == [0, 2]
    numbers = check_labels(METRICS["mae"], np.array([1, 2]), [spec(1, 1)], 0)
    assert numbers.dtype == np.float64
    with pytest.raises(InputError, match="Label 2 of sample 1 .* classes 0 to 1"):
        check_labels(METRICS["auc"], np.array([0, 2]), [spec(1, 1)], 0)


def test_values_and_differences_in_words():
    assert METRICS["top1"].show(0.93123) == "93.12 %"
    assert METRICS["top1"].show_difference(-0.008) == "0.8 points"
    assert METRICS["auc"].show(0.75812) == "0.7581"


def test_several_labels_of_a_sample_have_an_f1_of_their_own() -> None:
    from sklearn.metrics import f1_score

    random = np.random.default_rng(3)
    labels, logits = random.integers(0, 2, (50, 4)), random.standard_normal((50, 1, 4))
    outputs = [TensorSpec(name="tags", dtype="float32", shape=(1, 4))]
    metric = infer_metric(labels, outputs)
    assert metric.name == "multilabel_f1"
    assert infer_metric(np.eye(4, dtype=np.int64)[labels[:, 0]], outputs).name != metric.name
    for scores in (logits, 1 / (1 + np.exp(-logits))):
        pairs = zip(scores, labels, strict=True)
        rows = np.array([metric.row(score, label) for score, label in pairs])
        found = metric.aggregate(metric.decided(rows, rows), np.ones((1, 50)))[0]
        assert found == pytest.approx(f1_score(labels, logits[:, 0] > 0, average="micro"))


def test_metrics_are_found_by_the_names_that_libraries_give_them() -> None:
    for name, metric in {
        "accuracy": "top1",
        "ROC-AUC": "auc",
        "mIoU": "miou",
        "IoU": "miou",
    }.items():
        assert find_metric(name).name == metric
    names = [other for metric in METRICS.values() for other in (metric.name, *metric.also)]
    assert len(names) == len(set(names))
