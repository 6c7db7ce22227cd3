"""Labels that tell nothing of the answers, whatever the metric, and those that tell something."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from support import evalset_models as models

from optim.evalset import load_evalset
from optim.why.scoring import Scoring, Shuffled

pytestmark = pytest.mark.usefixtures("home")


def scoring_of(folder: Path, change: Callable, noise: float = 0.1, count: int = 200) -> Scoring:
    """Of a regression whose truth is what the model answers, and noise; its labels changed."""
    model = models.classifier(folder)
    weight = onnx.numpy_helper.to_array(onnx.load(model.path).graph.initializer[0])
    random = np.random.default_rng(5)
    x = random.standard_normal((count, models.FEATURES)).astype(np.float32)
    labels = change(x @ weight + noise * random.standard_normal((count, models.CLASSES)))
    np.savez(folder / "e.npz", x=x, labels=labels.astype(np.float32), metric="mae")
    evalset = load_evalset(folder / "e.npz", model)
    outputs = [spec.model_dump() for spec in model.outputs]
    scoring = Scoring.of_original(model.path, evalset, outputs)
    assert scoring
    return scoring


def shuffled(folder: Path, noise: float, count: int = 200, moved: bool = False) -> Shuffled | None:
    """What is found of such a regression."""
    order = np.random.default_rng(6).permutation
    return scoring_of(folder, order if moved else np.asarray, noise, count).shuffled()


def test_labels_of_other_samples_fit_as_well_as_those_given(tmp_path: Path) -> None:
    found = shuffled(tmp_path, 0.1, moved=True)
    assert found and found.as_given == pytest.approx(found.middle, rel=0.2)


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_labels_that_tell_something_are_left_alone(tmp_path: Path, noise: float) -> None:
    assert shuffled(tmp_path, noise) is None


def test_few_samples_tell_nothing(tmp_path: Path) -> None:
    assert shuffled(tmp_path, 0.1, count=40, moved=True) is None


@pytest.mark.parametrize(("scale", "shift"), [(1.8, 32.0), (1000.0, 0.0)])
def test_labels_in_other_units_are_told_with_what_leads_to_them(
    tmp_path: Path, scale: float, shift: float
) -> None:
    scoring = scoring_of(tmp_path, lambda labels: scale * labels + shift)
    found = scoring.in_other_units()
    assert found and found.scale == pytest.approx(scale, rel=0.05)
    assert found.shift == pytest.approx(shift, abs=0.1 * scale) and found.after < found.as_given


def test_labels_in_the_same_units_are_left_alone(tmp_path: Path) -> None:
    assert scoring_of(tmp_path, lambda labels: 1.01 * labels).in_other_units() is None


def test_of_a_rare_class_enough_is_scored_and_chance_is_known(tmp_path: Path) -> None:
    """Of 3,000 samples 1 % are of the second class; among the first 200 there would be two."""
    model = models.classifier(tmp_path)
    random = np.random.default_rng(3)
    x = random.standard_normal((3_000, models.FEATURES)).astype(np.float32)
    labels = (np.arange(len(x)) % 100 == 0).astype(np.int64)
    np.savez(tmp_path / "e.npz", x=x, labels=labels, metric="top1")
    evalset = load_evalset(tmp_path / "e.npz", model)
    scoring = Scoring.of_original(model.path, evalset, [s.model_dump() for s in model.outputs])
    assert scoring and len(scoring.feeds) == len(scoring.labels) == 200
    assert sum(scoring.labels) >= 20
    known = {row.tobytes(): label for row, label in zip(x, labels, strict=True)}
    pairs = zip(scoring.feeds, scoring.labels, strict=True)
    assert all(known[sample["x"].tobytes()] == label for sample, label in pairs)
    assert 0.0 < scoring.chance < 0.1
