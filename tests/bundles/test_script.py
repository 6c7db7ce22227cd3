"""What `run.py` makes of files and of answers; a bundle's own is run in `test_bundle`."""

import numpy as np
import pytest

from optim.bundles import script
from optim.bundles.derived import requirements
from optim.recipe import Recipe

IMAGE = {"image": ("float32", (1, 1, 2, 2))}
SAMPLES = np.zeros((3, 1, 2, 2), np.float32)


def read(tmp_path, inputs=IMAGE, **arrays):
    np.savez(tmp_path / "s.npz", **arrays)
    given, labels, classes = script.read(tmp_path / "s.npz", inputs)
    return list(script.samples(given, inputs)), labels, classes


@pytest.mark.parametrize(
    ("recipe", "packages"),
    [("onnxruntime", ["onnxruntime"]), ("ncnn", ["ncnn", "pnnx", "portalocker"]), ("treelite", [])],
)
def test_what_a_script_needs_is_listed_and_nothing_else(recipe, packages):
    versions = dict.fromkeys([*packages, "numpy", "treelite", "tl2cgen"], "1.0")
    listed = requirements(Recipe.parse(recipe), versions).decode().split()
    assert listed == [f"{name}==1.0" for name in [*packages, "numpy"]]


@pytest.mark.parametrize("shape", [(3, 1, 1, 2, 2), (3, 1, 2, 2)])
def test_samples_fit_with_and_without_the_axis_of_one(tmp_path, shape):
    feeds, labels, classes = read(tmp_path, image=np.ones(shape))
    assert [feed["image"].shape for feed in feeds] == [(1, 1, 2, 2)] * 3
    assert feeds[0]["image"].dtype == np.float32 and labels is None and classes == []


def test_one_sample_as_the_model_takes_it_is_one_sample(tmp_path):
    assert len(read(tmp_path, image=np.ones((1, 1, 2, 2)))[0]) == 1


def test_an_input_that_is_called_labels_is_no_label(tmp_path):
    inputs = {"labels": ("int64", (1, 2))}
    given = {"labels": np.ones((3, 2), int), "evalset_labels": np.arange(3)}
    feeds, labels, _ = read(tmp_path, inputs, **given)
    assert feeds[0]["labels"].tolist() == [[1, 1]] and labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"picture": SAMPLES}, r"no array 'image'; the model wants float32\[1, 1, 2, 2\]"),
        ({"image": np.zeros((3, 5))}, r"'image' has the shape \[3, 5\]"),
        ({"image": np.array(["a"])}, "'image' is <U1"),
        ({"image": np.zeros((0, 1, 2, 2))}, "one at least"),
        ({"image": np.array([{}], object)}, "does not hold plain arrays"),
        ({"about": np.array("{}"), "validation_0": SAMPLES}, "no array 'image'"),
        ({"about": np.array("no json"), "validation_0": SAMPLES}, "no array 'image'"),
    ],
)
def test_what_does_not_fit_ends_in_a_sentence(tmp_path, arrays, said):
    with pytest.raises(SystemExit, match=said):
        read(tmp_path, **arrays)


def test_whole_numbers_are_wanted_where_the_model_takes_them(tmp_path):
    with pytest.raises(SystemExit, match="is float64; the model wants int64"):
        read(tmp_path, {"ids": ("int64", (1, 2))}, ids=np.zeros((3, 2)))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x93NUMPY\x01\x00"])
def test_what_is_no_npz_ends_in_a_sentence(tmp_path, content):
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(SystemExit, match="no .npz, or it is cut off"):
        script.read(tmp_path / "s.npz", IMAGE)
    with pytest.raises(SystemExit, match="There is no file"):
        script.read(tmp_path / "none.npz", IMAGE)


def test_answers_read_as_what_the_labels_are():
    names = ["cat", "d\x1b[2Jog"]
    assert script.told(np.array([[0.2, 0.8]]), "class", names) == "d?[2Jog (class 1), score 0.8"
    assert script.told(np.array([7]), "class", names) == "class 7"
    assert script.told(np.array([[0.25]]), "binary", names[:1]) == "score 0.25 for class 1"
    assert script.told(np.array([1.5, 2]), "numbers", []) == "1.5 2"
    planes = np.array([[[[0, 9.0]], [[5, 1.0]]]])
    assert script.told(planes, "pixels", names[:1]) == "cat (class 0) 50 %, class 1 50 %"
    one = np.array([[[[0.1, 0.9, 0.2, 0.3]]]])
    assert script.told(one, "pixels", names[:1]) == "cat (class 0) 75 %, class 1 25 %"
    assert script.expected(np.array([[0, 0]]), "pixels", names) == "cat (class 0) 100 %"
    assert script.expected(1, "binary", []) == "class 1"
    assert script.expected(None, "class", []) == "(no label)"
