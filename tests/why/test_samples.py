"""The worst samples: found among all, with both answers, and shown as what they are."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.evalset_models import CLASSES, FEATURES, classifier

from optim.arrays import Array
from optim.evalset import EvalSet, load_evalset
from optim.model import Model
from optim.recipe import Recipe
from optim.why.inputs import shown
from optim.why.samples import Samples, samples_of

SAMPLES = 60


def loaded(folder: Path, original: Model, **more: Array) -> EvalSet:
    inputs = np.random.default_rng(4).standard_normal((SAMPLES, FEATURES)).astype(np.float32)
    np.savez(folder / "evalset.npz", x=inputs, **more)
    return load_evalset(folder / "evalset.npz", original)


def asked(original: Model, other: Model, evalset: EvalSet) -> Samples:
    return samples_of(original, other, Recipe.baseline().runtime, evalset)


@pytest.fixture
def compared(home: Path, tmp_path: Path) -> tuple[Samples, EvalSet, Model, Model]:
    original, noisy = classifier(tmp_path), classifier(tmp_path, noise=0.5)
    labels = np.random.default_rng(5).integers(0, CLASSES, SAMPLES)
    names = np.array(["ant", "bee", "cat", "dog"])
    evalset = loaded(tmp_path, original, labels=labels, classes=names)
    return asked(original, noisy, evalset), evalset, original, noisy


def answers(model: Model, evalset: EvalSet) -> np.ndarray:
    session = Recipe.baseline().runtime.open(model.path)
    return np.array([int(np.argmax(session.run(f)["logits"])) for f in evalset.feeds("validation")])


def test_the_matrix_counts_both_models_answers(
    compared: tuple[Samples, EvalSet, Model, Model],
) -> None:
    found, evalset, original, noisy = compared
    theirs, ours = answers(original, evalset), answers(noisy, evalset)
    assert found.counted == found.total == evalset.validation_count == len(ours)
    expected = [
        [int(np.sum((theirs == a) & (ours == b))) for b in found.classes] for a in found.classes
    ]
    assert [list(row) for row in found.agreement] == expected
    labels = evalset.labels("validation")
    assert labels is not None
    lost = (theirs == labels) & (ours != labels)
    won = (theirs != labels) & (ours == labels)
    assert (found.lost, found.won) == (lost.sum(), won.sum())
    assert found.changed == (theirs != ours).sum() > 0


def test_the_worst_come_first_with_both_answers_and_the_label(
    compared: tuple[Samples, EvalSet, Model, Model],
) -> None:
    found, evalset, original, noisy = compared
    theirs, ours = answers(original, evalset), answers(noisy, evalset)
    labels = evalset.labels("validation")
    assert labels is not None
    kinds = [
        0 if one.lost > 0 else 1 if one.original.chosen != one.optimized.chosen else 2
        for one in found.worst
    ]
    assert kinds == sorted(kinds)
    lost = [one for one in found.worst if one.lost > 0]
    assert len(lost) == min(found.lost, len(found.worst)) > 0
    noises = [one.sqnr_db or 0 for one in lost]
    assert noises == sorted(noises)
    for one in found.worst:
        assert one.original.chosen == theirs[one.number]
        assert one.optimized.chosen == ours[one.number]
        assert one.label and one.label.chosen == labels[one.number]
        (row,) = one.inputs
        feed = evalset.feeds("validation")[one.number]["x"]
        assert (row.name, row.kind, row.size) == ("x", "row", FEATURES)
        assert row.values == pytest.approx(feed.ravel().tolist())


def test_what_is_of_another_class_comes_before_what_is_only_off(home: Path, tmp_path: Path) -> None:
    original, noisy = classifier(tmp_path), classifier(tmp_path, noise=0.5)
    inputs = np.random.default_rng(4).standard_normal((SAMPLES, FEATURES)).astype(np.float32)
    found = asked(original, noisy, loaded(tmp_path, original))
    optimized = Recipe.baseline().runtime.open(noisy.path)
    labels = np.array([int(np.argmax(optimized.run({"x": one[None]})["logits"])) for one in inputs])
    won = asked(original, noisy, loaded(tmp_path, original, labels=labels))
    assert won.lost == 0 < won.won == found.changed
    first = won.worst[: won.won]
    assert all(one.original.chosen != one.optimized.chosen for one in first)


def test_what_a_sample_is_comes_with_it(home: Path, tmp_path: Path) -> None:
    original, noisy = classifier(tmp_path), classifier(tmp_path, noise=0.5)
    evalset = loaded(tmp_path, original, texts=np.arange(SAMPLES).astype(str))
    found = asked(original, noisy, evalset)
    texts = evalset.texts("validation")
    assert [one.text for one in found.worst] == [texts[one.number] for one in found.worst]


def test_without_labels_the_original_is_the_reference(home: Path, tmp_path: Path) -> None:
    original, noisy = classifier(tmp_path), classifier(tmp_path, noise=0.5)
    evalset = loaded(tmp_path, original)
    found = asked(original, noisy, evalset)
    assert found.worst[0].label is None
    assert found.worst[0].original.chosen != found.worst[0].optimized.chosen
    assert found.won == 0


def test_the_original_against_itself_loses_nothing(home: Path, tmp_path: Path) -> None:
    original = classifier(tmp_path)
    found = asked(original, original, loaded(tmp_path, original))
    assert (found.lost, found.won, found.changed) == (0, 0, 0)
    assert all(one.sqnr_db is None for one in found.worst)


def picture(data: bytes) -> Array:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_picture_is_one_whatever_its_layout() -> None:
    pixels = np.random.default_rng(1).random((3, 12, 16)).astype(np.float32)
    first, then = (shown({"x": x})[0] for x in (pixels[None], pixels.transpose(1, 2, 0)[None]))
    assert first.kind == then.kind == "picture" and first.png == then.png
    seen = picture(first.data)
    assert seen.shape == (96, 128, 3)
    assert seen[::8, ::8].min() == 0 and seen.max() == 255
    assert picture(shown({"x": pixels[:1][None]})[0].data).ndim == 2


def test_a_series_tokens_and_a_row() -> None:
    series, ids, row = shown(
        {
            "history": np.random.default_rng(2).random((1, 72, 10)).astype(np.float32),
            "ids": np.array([[5, 9, 2] + [0] * 20]),
            "row": np.array([[1.5, np.nan, 3.0]], np.float32),
        }
    )
    assert series.kind == "series" and series.about.startswith("72 steps from left to right, 10")
    tall, wide = picture(series.data).shape
    assert wide == 320 and tall < 60  # seven times as wide as tall
    assert ids.kind == "tokens" and ids.values == (5, 9, 2) and ids.size == 23
    assert ids.about == "20 zeros at the end left out"
    assert row.kind == "row" and row.values == (1.5, 0.0, 3.0)
    assert row.about == "1 not finite, shown as 0"
