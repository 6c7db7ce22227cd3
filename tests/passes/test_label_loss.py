"""Labels as a second teacher: which ones go with an output, and what their error is."""

import numpy as np
import pytest
import torch

from optim.passes.support.label_loss import LabelLoss
from optim.passes.support.sparkline import sparkline

CLASSES = np.array([0, 2, 1])
LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 2.0], [0.0, 2.0, 0.0]])


def test_logits_and_their_probabilities_have_the_same_error() -> None:
    told = LabelLoss(CLASSES, LOGITS)(LOGITS, CLASSES)
    sure = LOGITS.softmax(1)
    assert LabelLoss(CLASSES, sure)(sure, CLASSES).item() == pytest.approx(told.item(), rel=1e-5)
    assert told.item() == pytest.approx(torch.nn.functional.cross_entropy(
        LOGITS, torch.from_numpy(CLASSES)).item())  # fmt: skip


@pytest.mark.parametrize("answers", [[[3.0], [-3.0]], [[0.95], [0.05]]])
def test_two_classes_in_one_number(answers: list[list[float]]) -> None:
    labels, found = np.array([1, 0]), torch.tensor(answers)
    loss = LabelLoss(labels, found)
    assert loss.how == "two classes"
    assert loss(found, labels) < loss(found, labels[::-1])


def test_numbers_are_told_in_units_of_their_variance() -> None:
    labels = np.array([[1.0, 2.0], [3.0, 4.0]])
    loss = LabelLoss(labels, torch.zeros(2, 2))
    mean = torch.full((2, 2), float(labels.mean()))
    assert loss.how == "numbers" and loss(mean, labels).item() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(
    "labels",
    [np.array([0, 3, 1]), np.array([0, -1, 1]), np.zeros((3, 2)), np.full((3, 3), np.nan)],
)
def test_labels_that_do_not_go_with_the_output_are_left_alone(labels: np.ndarray) -> None:
    assert not LabelLoss(labels, LOGITS).how


def test_a_curve_is_one_word() -> None:
    assert sparkline([1.0, 0.1, 0.01]) == "█▅▁"
    assert sparkline([float("inf"), 1.0]) == "█▁" and sparkline([2.0, 2.0]) == "▁▁"
