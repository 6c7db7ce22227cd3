"""Labels changed as asked, and numbers that are not finite where the model takes them."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support import evalset_models as models
from support.paths import CASES

from optim.errors import InputError
from optim.evalset import load_evalset, relabelled
from optim.evalset.relabelling import Relabelling
from optim.ingest import ingest
from optim.judging.quality import quality_of
from optim.recipe import Recipe

pytestmark = pytest.mark.usefixtures("home")
X = np.random.default_rng(3).standard_normal((40, models.FEATURES)).astype(np.float32)
LABELS = np.arange(40) % models.CLASSES
SPELLINGS = ["shift=-1", "shift=+1", "order=2|0|1", "boxes=cxcywh*64x48,shift=-1", "boxes=xywh"]


def saved(folder, **arrays):
    np.savez(folder / "given.npz", **arrays)
    return folder / "given.npz"


def sorted_labels(evalset):
    return sorted([*evalset.labels("calibration"), *evalset.labels("validation")])


@pytest.mark.parametrize("text", SPELLINGS)
def test_the_spelling_is_read_back(text: str) -> None:
    assert Relabelling.parse(text).spelling == text


@pytest.mark.parametrize(
    "text", ["shift", "order=", "shift=1.5", "order=1|x", "move=1", "boxes=xy"]
)
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no change of labels"):
        Relabelling.parse(text)


def test_of_boxes_only_classes_are_shifted_and_what_fills_up_stays() -> None:
    given = np.array([[[1, 0.5, 0.5, 0.2, 0.4], [-1, 0, 0, 0, 0]]])
    made = Relabelling.parse("boxes=cxcywh*100x50,shift=-1").applied(given)
    assert made[0] == pytest.approx(np.array([[0, 40, 15, 60, 35], [-1, 0, 0, 0, 0]]))
    with pytest.raises(InputError, match="no boxes"):
        Relabelling.parse("boxes=xywh").applied(LABELS)


def test_labels_from_1_are_brought_with_a_shift(tmp_path) -> None:
    model = models.classifier(tmp_path)
    path = saved(tmp_path, x=X, labels=LABELS + 1)
    with pytest.raises(InputError, match="--labels shift=-1"):
        load_evalset(path, model)
    evalset = load_evalset(path, model, "shift=-1")
    assert sorted_labels(evalset) == sorted(LABELS)
    assert "The labels were changed as asked: shift=-1." in evalset.notes


def test_a_stored_evalset_is_relabelled_with_the_same_samples(tmp_path) -> None:
    model = models.classifier(tmp_path)
    evalset = load_evalset(saved(tmp_path, x=X, labels=LABELS), model)
    other = relabelled(evalset, "order=1|2|3|0")
    assert np.array_equal(other.labels("validation"), (evalset.labels("validation") + 1) % 4)
    for a, b in zip(evalset.feeds("validation"), other.feeds("validation"), strict=True):
        assert np.array_equal(a["x"], b["x"])
    assert other.digest != evalset.digest and other.metric == evalset.metric
    with pytest.raises(InputError, match="does not fit"):
        relabelled(evalset, "order=1|0")


def test_one_hot_and_column_labels_are_class_numbers(tmp_path) -> None:
    model = models.classifier(tmp_path)
    one_hot = load_evalset(saved(tmp_path, x=X, labels=np.eye(4)[LABELS]), model)
    column = load_evalset(saved(tmp_path, x=X, labels=LABELS[:, None]), model)
    floats = load_evalset(saved(tmp_path, x=X, labels=LABELS.astype(np.float32)), model)
    for evalset in (one_hot, column, floats):
        assert evalset.metric == "top1" and sorted_labels(evalset) == sorted(LABELS)
    assert any("one-hot" in note for note in one_hot.notes)
    numbers = load_evalset(saved(tmp_path, x=X, labels=np.eye(4)[LABELS], metric="mae"), model)
    assert numbers.metric == "mae"


def test_numbers_with_gaps_are_the_classes_in_order_and_counts_from_one_are_asked(tmp_path) -> None:
    """As scikit-learn's models have them; the scores' columns are in the order of the numbers."""
    model = models.classifier(tmp_path)
    for kind in (np.int64, np.float64):
        gaps = np.array([1, 2, 5, 40], kind)[LABELS]
        evalset = load_evalset(saved(tmp_path, x=X, labels=gaps), model)
        assert sorted_labels(evalset) == sorted(LABELS)
        assert "Labels to classes, in order: 1 = 0, 2 = 1, 5 = 2, 40 = 3." in evalset.notes
    with pytest.raises(InputError, match="shift=-1"):
        load_evalset(saved(tmp_path, x=X, labels=LABELS + 1), model)


def masked(folder):
    """x + mask -> Softmax: takes -inf in the mask, as attention does; not in all of a row."""
    nodes = [
        helper.make_node("Add", ["x", "mask"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"]),
    ]
    shape = [1, models.FEATURES]
    given = [(name, TensorProto.FLOAT, shape) for name in ("x", "mask")]
    return models.keep(folder, nodes, given, [("y", TensorProto.FLOAT, shape)], {})


def test_infinities_that_the_model_answers_are_kept(tmp_path) -> None:
    mask = np.zeros_like(X)
    mask[:, 3:] = -np.inf
    evalset = load_evalset(saved(tmp_path, x=X, mask=mask), masked(tmp_path))
    assert any("200 infinite values" in note and "kept" in note for note in evalset.notes)
    assert np.isinf(evalset.feeds("validation")[0]["mask"]).sum() == 5


def test_numbers_that_make_answers_nan_are_refused_without_advice_to_fill(tmp_path) -> None:
    broken = X.copy()
    broken[7, 2] = np.nan
    with pytest.raises(InputError, match="sample 7, and the model's answer to it is NaN") as told:
        load_evalset(saved(tmp_path, x=broken), models.classifier(tmp_path))
    assert "fill" not in str(told.value).lower()


def test_an_input_may_be_called_like_a_reserved_word(tmp_path) -> None:
    model = models.keep(
        tmp_path,
        [helper.make_node("MatMul", ["labels", "w"], ["logits"])],
        [("labels", TensorProto.FLOAT, [1, models.FEATURES])],
        [("logits", TensorProto.FLOAT, [1, models.CLASSES])],
        {"w": np.ones((models.FEATURES, models.CLASSES), np.float32)},
    )
    evalset = load_evalset(saved(tmp_path, labels=X, evalset_labels=LABELS), model)
    assert evalset.inputs == ("labels",) and sorted_labels(evalset) == sorted(LABELS)
    assert not load_evalset(saved(tmp_path, labels=X), model).labelled


def cached(folder):
    """A step of a decoder: the keys so far, of which there may be none, and one more."""
    shape = [1, 2, "past", 4]
    graph = helper.make_graph(
        [helper.make_node("Concat", ["labels", "x"], ["present"], axis=2)],
        "step",
        [
            helper.make_tensor_value_info("labels", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 1, 4]),
        ],
        [helper.make_tensor_value_info("present", TensorProto.FLOAT, [1, 2, "past + 1", 4])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(made, folder / "step.onnx")
    return folder / "step.onnx"


def test_a_cache_may_begin_with_a_length_of_0_and_be_called_like_a_reserved_word(tmp_path) -> None:
    step = np.ones((6, 2, 1, 4), np.float32)
    path = saved(tmp_path, x=step, labels=np.zeros((6, 2, 0, 4), np.float32))
    model = ingest(cached(tmp_path), evalset=path)
    assert {spec.name: spec.shape for spec in model.inputs}["labels"] == (1, 2, 0, 4)
    evalset = load_evalset(path, model)
    assert evalset.feeds("validation")[0]["labels"].shape == (1, 2, 0, 4)
    recipe = Recipe.parse("onnxruntime")
    assert quality_of(model, model, recipe, evalset).fidelity.sqnr_db is None
    with pytest.raises(InputError, match="would hold no sample"):
        ingest(batched(tmp_path), dims={"batch": 0})


def batched(folder):
    shape = ["batch", 4]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "rows",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(made, folder / "rows.onnx")
    return folder / "rows.onnx"


def test_trees_take_missing_values_of_a_real_case() -> None:
    model = ingest(CASES / "nan_features_model.onnx", evalset=CASES / "nan_features_evalset.npz")
    evalset = load_evalset(CASES / "nan_features_evalset.npz", model)
    assert any("272 NaN values" in note for note in evalset.notes)
    quality = quality_of(model, model, Recipe.parse("onnxruntime"), evalset)
    assert quality.baseline_value == pytest.approx(0.313, abs=0.02)
