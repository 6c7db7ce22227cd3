"""Models that take several samples in one run: samples are grouped, and judged one by one."""

import io
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from optim.bundles.script import samples
from optim.errors import InputError
from optim.evalset import Preprocessing, load_evalset, load_image_folder
from optim.evalset.grouping import grouped, taken_at_once
from optim.evalset.stored import Contents
from optim.ingest import ingest
from optim.judging.quality import quality_of
from optim.model import TensorSpec
from optim.recipe import Recipe

RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.normal(size=(3 * 8 * 8, 4)).astype(np.float32)


@pytest.fixture
def by_eight(tmp_path: Path, home: Path) -> Path:
    """A classifier of images that takes eight at once."""
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "by_eight",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [8, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [8, 4])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


def test_single_samples_are_grouped_and_judged_one_by_one(by_eight: Path, tmp_path: Path) -> None:
    x = RANDOM.normal(size=(45, 3, 8, 8)).astype(np.float32)
    labels = (x.reshape(45, -1) @ WEIGHTS).argmax(axis=1)
    np.savez(tmp_path / "e.npz", x=x, labels=labels, calibration=np.arange(45) < 10)
    model = ingest(by_eight, evalset=tmp_path / "e.npz")
    evalset = load_evalset(tmp_path / "e.npz", model)
    assert (evalset.together, evalset.calibration_count, evalset.validation_count) == (8, 1, 4)
    assert "5 that filled no run" in evalset.notes[-1] and "8 to calibrate" in evalset.split_note
    quality = quality_of(model, model, Recipe.baseline(), evalset)
    assert quality.n == 32 and quality.complete and quality.value == 1.0
    feed = evalset.feeds("validation", 1)[0]["x"]
    expected = (feed.reshape(8, -1) @ WEIGHTS).argmax(axis=1)
    assert evalset.labels("validation", 1).tolist() == expected.tolist()


def test_samples_that_are_whole_runs_stay_as_they_are(by_eight: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", x=np.zeros((5, 8, 3, 8, 8), np.float32))
    assert load_evalset(tmp_path / "e.npz", ingest(by_eight)).together == 1


def test_whole_runs_whose_samples_have_labels_are_judged_one_by_one(
    by_eight: Path, tmp_path: Path
) -> None:
    x = RANDOM.normal(size=(5, 8, 3, 8, 8)).astype(np.float32)
    labels = (x.reshape(40, -1) @ WEIGHTS).argmax(axis=1).reshape(5, 8)
    np.savez(tmp_path / "e.npz", x=x, labels=labels)
    model = ingest(by_eight, evalset=tmp_path / "e.npz")
    evalset = load_evalset(tmp_path / "e.npz", model)
    assert (evalset.together, evalset.metric, evalset.validation_count) == (8, "top1", 4)
    quality = quality_of(model, model, Recipe.baseline(), evalset)
    assert (quality.n, quality.value) == (32, 1.0)
    assert evalset.feeds("validation", 1)[0]["x"].tolist() in x.tolist()


def test_images_are_grouped_too(by_eight: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for number in range(36):
            made = io.BytesIO()
            Image.new("RGB", (8, 8), (number, 0, 0)).save(made, "PNG")
            archive.writestr(f"{number % 4}/{number}.png", made.getvalue())
    model = ingest(by_eight)
    loaded = load_image_folder(tmp_path / "images.zip", model, Preprocessing.suggested(model))
    assert loaded.together == 8 and loaded.calibration_count + loaded.validation_count == 4


def test_too_few_are_refused_with_the_number_that_is_enough() -> None:
    few = Contents({"x": np.zeros((9, 1, 2))}, "top1")
    with pytest.raises(InputError, match="takes 8 samples.*there are 9.*at least 16"):
        grouped(few, 8)


def test_a_number_that_only_some_begin_with_is_no_batch() -> None:
    def spec(*shape: int) -> TensorSpec:
        return TensorSpec(name="x", dtype="float32", shape=shape)

    assert taken_at_once([spec(8, 3)], [spec(8, 2), spec(8)]) == 8
    assert taken_at_once([spec(8, 3), spec(1, 3)], [spec(8, 2)]) == 1
    assert taken_at_once([spec(8, 3)], [spec(-1, 2)]) == 1


def test_the_bundles_script_takes_single_samples() -> None:
    given = {"x": np.arange(20, dtype=np.float32).reshape(10, 2)}
    runs = list(samples(given, {"x": ("float32", (4, 2))}))
    assert len(runs) == 2 and runs[1]["x"].ravel().tolist() == list(range(8, 16))


def test_labels_that_fit_nothing_are_not_blamed_on_a_metric_that_nobody_chose(
    by_eight: Path, tmp_path: Path
) -> None:
    x = np.zeros((40, 3, 8, 8), np.float32)
    np.savez(tmp_path / "e.npz", x=x, labels=np.zeros((40, 5, 7)))
    model = ingest(by_eight)
    with pytest.raises(InputError, match=r"float64\[40, 5, 7\] fit no output.*masks") as refused:
        load_evalset(tmp_path / "e.npz", model)
    assert "mae" not in str(refused.value)
