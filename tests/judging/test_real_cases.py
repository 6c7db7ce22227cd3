"""Models of public reports, small: masks, and boxes of which there may be none."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from support.paths import CASES

from optim.evalset import load_evalset, relabelled, synthesize
from optim.ingest import ingest
from optim.judging.quality import quality_of
from optim.recipe import Recipe

pytestmark = pytest.mark.usefixtures("home")
BASELINE = Recipe.baseline()


def test_masks_with_pixels_that_do_not_count_are_judged_without_them(tmp_path) -> None:
    random = np.random.default_rng(0)
    images = random.standard_normal((12, 3, 32, 32)).astype(np.float32)
    masks = random.integers(0, 3, (12, 32, 32)).astype(np.uint8)
    np.savez(tmp_path / "clean.npz", image=images, labels=masks)
    masks[:, :8] = 255
    np.savez(tmp_path / "void.npz", image=images, labels=masks)
    model = ingest(CASES / "masks_255_model.onnx")
    clean, void = (load_evalset(tmp_path / f"{name}.npz", model) for name in ("clean", "void"))
    assert clean.metric == void.metric == "miou"
    scores = [quality_of(model, model, BASELINE, one).baseline_value for one in (clean, void)]
    assert scores[0] == pytest.approx(scores[1], abs=0.05) and 0 < scores[1] < 1


def test_outputs_that_may_be_empty_keep_a_length_that_depends_on_the_data() -> None:
    model = ingest(CASES / "nms_data_dependent_model.onnx")
    assert {spec.name: spec.shape[0] for spec in model.outputs} == {
        **{"found": -1, "confidence": -1, "which": -1}
    }
    quality = quality_of(model, model, BASELINE, synthesize(model, 16))
    assert any("empty on all" in warning.text for warning in quality.warnings)


def test_boxes_as_yolo_writes_them_are_told_and_taken_with_one_change(tmp_path) -> None:
    model = ingest(CASES / "nms_data_dependent_model.onnx")
    pictures = np.random.default_rng(0).uniform(0, 1, (24, 3, 8, 8)).repeat(8, 2).repeat(8, 3)
    pictures = pictures.astype(np.float32)
    session, labels = ort.InferenceSession(model.path), np.full((24, 5, 5), -1.0)
    for row, picture in zip(labels, pictures, strict=True):
        corners, scores, _ = session.run(None, {"image": picture[None]})
        best = corners[np.argsort(-scores)[:5]]
        row[: len(best), 0] = 1
        row[: len(best), 1:3] = (best[:, :2] + best[:, 2:]) / 2 / 64
        row[: len(best), 3:] = (best[:, 2:] - best[:, :2]) / 64
    assert (labels[..., 0] == 1).sum() > 20, "the pictures have something to find"
    np.savez(tmp_path / "yolo.npz", image=pictures, labels=labels)
    told = quality_of(model, model, BASELINE, load_evalset(tmp_path / "yolo.npz", model))
    assert told.relabelling.startswith("boxes=cxcywh*64x64")
    assert "labels_do_not_fit" in {warning.code for warning in told.warnings}
    mended = load_evalset(tmp_path / "yolo.npz", model, told.relabelling)
    assert not quality_of(model, model, BASELINE, mended).relabelling


def _tagger(path) -> None:
    """Scores 5 classes for each of 16 places, [1, 16, 5], as they come in."""
    shape = [1, 16, 5]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "tagger", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


def test_classes_of_places_shifted_by_one_are_told_and_mended(tmp_path) -> None:
    _tagger(tmp_path / "tagger.onnx")
    model = ingest(tmp_path / "tagger.onnx")
    scores = np.random.default_rng(0).uniform(0, 1, (24, 16, 5)).astype(np.float32)
    labels = scores.argmax(axis=2) - 1
    labels = np.where(labels < 0, 4, labels)
    labels[:, 12:] = -100
    keep = labels != 4  # the last class has no label one below it
    np.savez(tmp_path / "shifted.npz", x=scores, labels=np.where(keep, labels, -100))
    given = load_evalset(tmp_path / "shifted.npz", model)
    told = quality_of(model, model, BASELINE, given)
    assert given.metric == "token_accuracy" and told.relabelling == "shift=+1"
    mended = quality_of(model, model, BASELINE, relabelled(given, told.relabelling))
    assert mended.baseline_value == 1 and not mended.relabelling
