"""Sequences and confidence: what does not count is left out, and the values are right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.errors import InputError
from optim.metrics.base import find_metric
from optim.metrics.choosing import check_labels, choose_output, infer_metric
from optim.metrics.support.tokens import edits
from optim.model import TensorSpec

LOGITS = TensorSpec(name="logits", dtype="float32", shape=(1, 4, 6))
IDS = TensorSpec(name="ids", dtype="int64", shape=(1, -1))
LABELS = np.array([[1, 2, 3, -100], [4, 4, -100, -100]])
RIGHT = np.eye(6)[np.maximum(LABELS, 0)][:, None]
words = st.lists(st.integers(0, 3), max_size=8).map(np.array)


def value(name, answers, labels):
    metric = find_metric(name)
    rows = np.array([metric.row(a, v) for a, v in zip(answers, labels, strict=True)])
    return float(metric.aggregate(rows, np.ones((1, len(rows))))[0])


def test_places_marked_below_0_do_not_count():
    wrong = RIGHT.copy()
    wrong[0, 0, 3] = wrong[1, 0, 2:] = np.eye(6)[5]
    assert value("token_accuracy", wrong, LABELS) == value("exact_match", wrong, LABELS) == 1
    assert value("edit_distance", wrong, LABELS) == 0
    wrong[0, 0, 1] = np.eye(6)[5]
    assert value("edit_distance", wrong, LABELS) == pytest.approx(1 / 5)
    assert value("token_accuracy", wrong, LABELS) == pytest.approx(4 / 5)
    assert value("exact_match", wrong, LABELS) == 1 / 2


def test_the_metric_follows_from_labels_and_outputs():
    assert infer_metric(LABELS, [LOGITS]).name == "token_accuracy"
    assert infer_metric(LABELS, [IDS]).name == "edit_distance"
    assert choose_output(find_metric("edit_distance"), [LOGITS, IDS], 4) == IDS
    assert choose_output(find_metric("token_accuracy"), [IDS, LOGITS], 4) == LOGITS


def test_a_class_of_a_place_that_the_output_has_not_is_refused():
    with pytest.raises(InputError, match=r"Label 6 of sample 1 .* 0 to 5 .*Counted from 1"):
        check_labels(
            find_metric("token_accuracy"), np.where(LABELS > 0, LABELS + 2, LABELS), [LOGITS], 0
        )


def test_the_error_rate_is_of_all_tokens_at_once():
    answers = [np.array([[1, 3, 3, 3]]), np.array([[4, 4]])]
    assert value("edit_distance", answers, LABELS) == pytest.approx(2 / 5)


@given(words, words)
def test_edits_are_levenshteins(a, b):
    assert edits(a, b) == edits(b, a) == _plain(list(a), list(b))


def _plain(a, b):
    if not a or not b:
        return len(a) + len(b)
    rows = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, rows[0] = rows[0], i
        for j, y in enumerate(b, 1):
            last, rows[j] = rows[j], min(rows[j] + 1, rows[j - 1] + 1, last + (x != y))
    return rows[-1]


def test_confidence_is_held_against_accuracy():
    """Ten answers of 80 %, six of them right: 20 points off, from logits as from probabilities."""
    scores = np.tile([0.8, 0.1, 0.1], (10, 1))
    labels = np.array([0] * 6 + [1] * 4)
    assert value("calibration_error", scores, labels) == pytest.approx(0.2)
    assert value("calibration_error", np.log(scores) + 3, labels) == pytest.approx(0.2)


def test_a_loss_of_shares_is_in_points_whichever_way_is_better():
    from optim.findings import Interval

    found = Interval(value=0.02, low=0.01, high=0.03)
    assert find_metric("edit_distance").loss(found, 0.1) == found
    assert find_metric("edit_distance").at_loss(0.02, 0.1) == pytest.approx(0.12)
    assert find_metric("mae").loss(found, 0.1).value == pytest.approx(0.2)


@pytest.mark.parametrize(("blank", "ids"), [("first", [1, 2, 3]), ("last", [0, 1, 2])])
@pytest.mark.parametrize("shape", [(1, 9, 4), (9, 1, 4)])
def test_time_steps_of_ctc_are_read_by_their_best_path(blank, ids, shape):
    """a a - a b b - - c: the tokens a a b c, and what fills labels up does not count."""
    none = 0 if blank == "first" else 3
    a, b, c = ids
    steps = np.eye(4)[[a, a, none, a, b, b, none, none, c]].reshape(shape)
    labels = np.array([[a, a, b, c, -1], [a, a, b, -1, -1]])
    spec = TensorSpec(name="logits", dtype="float32", shape=shape)
    metric = infer_metric(labels, [spec]).suited(labels, [spec])
    assert metric.spelling == f"edit_distance:ctc_blank={blank}"
    assert choose_output(metric, [spec], 5) == spec
    assert value(metric.spelling, [steps, steps], labels) == pytest.approx(1 / 7)
    exact = find_metric("exact-match").suited(labels, [spec])
    assert value(exact.spelling, [steps, steps], labels) == 1 / 2
    assert choose_output(exact, [spec], 5) == spec


def test_zeros_that_fill_labels_up_are_no_tokens():
    labels, spec = (
        np.array([[1, 2, 0, 0], [3, 0, 0, 0]]),
        LOGITS.model_copy(update={"shape": (1, 12, 4)}),
    )
    metric = find_metric("edit_distance").suited(labels, [spec])
    assert metric.spelling == "edit_distance:ctc_blank=first"
    steps = np.eye(4)[[1] * 4 + [2] * 8][None]
    assert value(metric.spelling, [steps], labels[:1]) == 0


def test_labels_of_as_many_places_are_no_time_steps():
    assert find_metric("edit_distance").suited(LABELS, [LOGITS]) == find_metric("edit_distance")
