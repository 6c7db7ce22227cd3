"""Arrays under other names than the inputs', and labels that are written in rows of shares."""

import re
from pathlib import Path

import numpy as np
import pytest
from support import evalset_models as models

from optim.errors import InputError
from optim.evalset import stored
from optim.evalset.axes import how_to_fit, with_axes
from optim.evalset.matching import Form, match
from optim.evalset.npz import convert
from optim.model import TensorSpec

N = 40
X = np.random.default_rng(3).standard_normal((N, models.FEATURES)).astype(np.float32)
LABELS = np.arange(N) % models.CLASSES
TEXTS = np.array(["a", "b", "c", "d"] * (N // models.CLASSES))


pytestmark = pytest.mark.usefixtures("home")


def converted(folder: Path, **arrays) -> Path:
    """What a child makes of these arrays, here in this process."""
    model, path, out = models.classifier(folder), folder / "given.npz", folder / "out.npz"
    np.savez(path, **arrays)
    specs = [[spec.model_dump() for spec in part] for part in (model.inputs, model.outputs)]
    convert(str(path), specs[0], specs[1], 64, str(out))
    stored.about.cache_clear()
    return out


def test_of_several_splits_the_one_to_judge_by_is_taken(tmp_path):
    half = N // 2
    for names in (("x_train", "y_train", "x_test", "y_test"), ("train_a", "train_label") * 2):
        names = [*names[:2], *(name.replace("train", "test") for name in names[2:])]
        arrays = (X[:half], LABELS[:half], X[half:], LABELS[half:])
        out = converted(tmp_path, **dict(zip(names, arrays, strict=True)))
        about = stored.about(out)
        assert about["labelled"] and about["calibration_count"] + about["validation_count"] == half
        assert f"left out: {names[0]!r}, {names[1]!r}" in about["notes"][0]


UNNAMED = {
    "a column of classes": LABELS[:, None],
    "one-hot rows": np.eye(models.CLASSES)[LABELS],
    "names": TEXTS,
}


@pytest.mark.parametrize("kind", list(UNNAMED))
def test_labels_behind_the_inputs_need_no_name(tmp_path, kind):
    out = converted(tmp_path, arr_0=X, arr_1=UNNAMED[kind])
    assert stored.about(out)["metric"] == "top1"


BESIDE = {
    "a version": ({"version": np.int64(3)}, "neither input nor label: 'version'"),
    "texts": (
        {"source": np.array("web"), "ids": TEXTS},
        "neither input nor label: 'source', 'ids'",
    ),
    "objects": ({"meta": np.array({"a": 1}, object)}, "unread, as they are pickled.*: 'meta'"),
    "statistics": (
        {"mean": np.zeros(8), "std": np.ones(8)},
        "not of single samples: 'mean', 'std'",
    ),
    "names": ({"feature_names": np.array(list("abcdefgh")), "class_names": TEXTS[:4]}, ""),
}


@pytest.mark.parametrize("kind", list(BESIDE))
def test_what_lies_beside_the_samples_is_left_out_or_used(tmp_path, kind):
    more, said = BESIDE[kind]
    about = stored.about(converted(tmp_path, x=X, labels=LABELS, **more))
    assert re.search(said, " ".join(about["notes"])) and about["metric"] == "top1"
    if kind == "names":
        assert (about["features"], about["classes"]) == ([*"abcdefgh"], [*"abcd"])


@pytest.mark.parametrize("name", ["x", "X_test", "labels", "y_train"])
def test_objects_in_the_place_of_samples_or_labels_are_refused(tmp_path, name):
    arrays = {"x": X, "labels": LABELS} | {name: np.array([[1, 2], [3]], object)}
    with pytest.raises(InputError, match=f"{name!r} holds pickled Python objects"):
        converted(tmp_path, **arrays)


def test_samples_on_the_last_axis_are_put_on_the_first(tmp_path):
    turned = converted(tmp_path, x=X.T, labels=LABELS)
    assert "[8, 40]: its samples are on the last axis" in " ".join(stored.about(turned)["notes"])
    (tmp_path / "other").mkdir()
    straight = converted(tmp_path / "other", x=X, labels=LABELS)
    for member in ("validation_0", "validation_labels"):
        assert np.array_equal(np.load(turned)[member], np.load(straight)[member])


def test_an_array_is_found_by_its_form_where_names_say_nothing(tmp_path):
    out = converted(tmp_path, scaled=X, rows=np.arange(N), wide=X[:, :3], labels=LABELS)
    taken, left = stored.about(out)["notes"]
    assert "'scaled' was taken for the model's only input, 'x'" in taken
    assert "Left out: 'rows', 'wide'" in left


FORMS = {"image": Form((1, 3, None, None), "float32"), "size:0": Form((None, 2), "int64")}
PICTURE, SIZE = Form((3, 9, 9), "float64"), Form((2,), "int32")
MEANT = {
    "as they are called": ({"image": SIZE, "size:0": SIZE}, ("image", "size:0")),
    "but for signs and split": ({"Image_test": PICTURE, "size_0": SIZE}, ("Image_test", "size_0")),
    "in order": ({"arr_1": SIZE, "arr_0": PICTURE}, ("arr_0", "arr_1")),
    "by form": ({"a": SIZE, "b": PICTURE, "c": Form((), "int64")}, ("b", "a")),
    "two of one form": ({"a": SIZE, "b": SIZE, "c": PICTURE}, ("c", None)),
    "of no form": ({"a": Form((2,), "float32"), "b": PICTURE}, ("b", None)),
}


@pytest.mark.parametrize("kind", list(MEANT))
def test_the_array_that_is_meant_for_an_input(kind):
    samples, meant = MEANT[kind]
    found = match(FORMS, samples).arrays
    assert tuple(map(found.get, FORMS)) == meant


def test_rows_of_shares_are_classes(tmp_path):
    hard = np.eye(models.CLASSES)[LABELS]
    smooth = hard * 0.9 + 0.1 / models.CLASSES
    random = np.random.default_rng(5).dirichlet(np.ones(models.CLASSES), N)
    for rows, said in ((smooth, "label smoothing of 0.1"), (random, "shares that add up to 1:")):
        about = stored.about(converted(tmp_path, x=X, labels=rows))
        assert about["metric"] == "top1" and said in about["notes"][0]
    for rows in (hard / 2, smooth - smooth.mean(), np.full_like(hard, 1 / models.CLASSES)):
        assert stored.about(converted(tmp_path, x=X, labels=rows))["metric"] == "mae"
    about = stored.about(converted(tmp_path, x=X, labels=smooth, metric="mae"))
    assert about["metric"] == "mae"


def test_axes_of_one_number_are_put_where_the_input_has_them(tmp_path) -> None:
    notes: list[str] = []
    spec = TensorSpec(name="image", dtype="float32", shape=(1, 1, 6, 5))
    arrays = {"image": np.arange(60.0).reshape(2, 6, 5, 1)}
    found = with_axes(arrays, [spec], notes)["image"]
    assert found.shape == (2, 1, 6, 5) and np.array_equal(found.ravel(), np.arange(60))
    assert "it is read as [2, 1, 6, 5]" in notes[0]
    for shape in ((2, 1, 6, 5), (2, 1, 1, 6, 5), (2, 5, 6), (2, 30), ()):
        kept = {"image": np.zeros(shape)}
        assert with_axes(kept, [spec], notes) == kept and len(notes) == 1
    column = TensorSpec(name="image", dtype="float32", shape=(1, 1))
    assert with_axes({"image": np.zeros(4)}, [column], notes)["image"].shape == (4, 1)


SHAPES = {
    "channels last": ((9, 12, 14, 3), (1, 3, 12, 14), "image.transpose(0, 3, 1, 2)"),
    "channels first": ((9, 3, 12, 14), (1, 12, 14, 3), "image.transpose(0, 2, 3, 1)"),
    "flat": ((9, 504), (1, 3, 12, 14), "image.reshape(-1, 3, 12, 14)"),
    "of another size": ((9, 3, 10, 10), (1, 3, 12, 14), ""),
}


@pytest.mark.parametrize("kind", list(SHAPES))
def test_what_makes_an_array_fit_is_told(kind) -> None:
    given, wanted, told = SHAPES[kind]
    said = how_to_fit("image", given, wanted)
    assert told in said and bool(said) == bool(told)
    if told:
        turned = eval(told, {"image": np.zeros(given)})  # as a person would run it
        assert turned.shape[1:] == wanted[1:]
