"""Several outputs with labels: each is judged by its own metric, and a limit holds for each."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support import evalset_models as models
from support.judging import judged

from optim.errors import InputError
from optim.evalset import adopt_evalset, load_evalset
from optim.judging.head import Head
from optim.metrics.base import find_metric
from optim.model import Model, TensorSpec

pytestmark = pytest.mark.usefixtures("home")
COUNT = 400
X = np.random.default_rng(1).standard_normal((COUNT, models.FEATURES)).astype(np.float32)


def two_heads(folder, noise=0.0) -> Model:
    """x[1, 8] -> kind[1, 4] scores of classes, age[1, 1] with `noise` in its weights."""
    random = np.random.default_rng(0)
    kinds, ages = random.standard_normal((models.FEATURES, 4)), np.ones((models.FEATURES, 1))
    ages += noise * np.random.default_rng(9).standard_normal(ages.shape)
    return models.keep(
        folder,
        [
            helper.make_node("MatMul", ["x", "k"], ["kind"]),
            helper.make_node("MatMul", ["x", "a"], ["age"]),
        ],
        [("x", TensorProto.FLOAT, [1, models.FEATURES])],
        [("kind", TensorProto.FLOAT, [1, 4]), ("age", TensorProto.FLOAT, [1, 1])],
        {"k": kinds.astype(np.float32), "a": ages.astype(np.float32)},
    )


def weights(model: Model) -> dict:
    graph = onnx.load(model.path).graph
    return {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}


@pytest.fixture
def model(tmp_path) -> Model:
    return two_heads(tmp_path)


def given(model: Model) -> dict:
    """Right labels of the first output, those of the second off by 1 on average."""
    held = weights(model)
    noise = np.random.default_rng(3).choice([-1, 1], COUNT)
    return {"kind": (X @ held["k"]).argmax(axis=1), "age": (X @ held["a"])[:, 0] + noise}


def brought(folder, model: Model, **arrays):
    np.savez(folder / "given.npz", x=X, **arrays)
    return load_evalset(folder / "given.npz", model)


@pytest.mark.parametrize("names", [("kind", "age"), ("labels_kind", "labels_1"), ("labels", "age")])
def test_each_output_is_judged_by_its_own_metric(tmp_path, model, names) -> None:
    labels = dict(zip(names, given(model).values(), strict=True))
    evalset = brought(tmp_path, model, **labels)
    assert (evalset.metric, [(o.output, o.metric) for o in evalset.others]) == (
        "top1",
        [("age", "mae")],
    )
    assert "age by Mean absolute error as well" in evalset.notes[-1]
    worse = two_heads(tmp_path, noise=0.05)
    quality = judged(worse, model, evalset)
    assert quality.value == quality.baseline_value == 1
    (other,) = quality.others
    rows = np.concatenate([f["x"] for f in evalset.feeds("validation")])
    errors = [
        np.abs((rows @ weights(one)["a"])[:, 0] - evalset.labels_of(0, "validation")).mean()
        for one in (model, worse)
    ]
    assert (other.baseline_value, other.value) == pytest.approx(errors, rel=1e-4)


def test_a_limit_holds_for_the_worst_output(tmp_path, model) -> None:
    evalset = brought(tmp_path, model, **given(model))
    quality = judged(two_heads(tmp_path, noise=0.5), model, evalset)
    assert quality.difference == 0 and quality.others[0].loss.low > 0
    assert quality.loss.low == quality.others[0].loss.low
    assert "Output 'age'" in quality.verdict and "worse" in quality.verdict
    same = judged(model, model, evalset)
    assert same.loss.high == 0 and "age" not in same.verdict
    assert {w.code: w.severity for w in same.warnings}["other_outputs"] == "info"
    within = judged(two_heads(tmp_path, noise=0.5), model, evalset, within=0.01)
    assert within.n < quality.n, "it stops as soon as one output has lost too much"


def test_a_metric_and_names_for_one_output(tmp_path, model) -> None:
    labels = given(model)
    texts = np.array(["ant", "bee", "cat", "dog"])[labels["kind"]]
    evalset = brought(tmp_path, model, age=labels["age"], metric="rmse", kind=texts,
                      metric_kind="top5")  # fmt: skip
    assert (evalset.metric, evalset.output) == ("top5", "kind")
    assert evalset.classes == ("ant", "bee", "cat", "dog")
    assert [o.metric for o in evalset.others] == ["mae"]


def test_a_stored_file_of_several_outputs_is_checked(tmp_path, model) -> None:
    evalset = brought(tmp_path, model, **given(model))
    assert adopt_evalset(evalset.path, model) == evalset
    with np.load(evalset.path) as stored:
        arrays = dict(stored)
    arrays["validation_labels_0"] = arrays["validation_labels_0"][:-1]
    np.savez(tmp_path / "spoiled.npz", **arrays)
    with pytest.raises(InputError, match="labels for"):
        adopt_evalset(tmp_path / "spoiled.npz", model)


def test_labels_of_no_output_are_refused_with_the_outputs_names(tmp_path, model) -> None:
    with pytest.raises(InputError, match="'labels_height'.*called as the outputs: kind, age"):
        brought(tmp_path, model, labels_height=np.zeros(COUNT), kind=given(model)["kind"])


def test_without_labels_no_accuracy_is_said_to_be_lost() -> None:
    scores = TensorSpec(name="y", dtype="float32", shape=(1, 3))
    head = Head(find_metric("fidelity").on(scores_classes=True), scores, None)
    for sample in np.eye(3)[[0, 1, 2, 0] * 5]:
        sides = {"y": sample[None, ::-1] * 0.5 + 0.1}, {"y": sample[None]}
        head.add(sides, sides)
    assert head.lost_most(head.difference()) == "It answers as the original does on 25.00 % only."
