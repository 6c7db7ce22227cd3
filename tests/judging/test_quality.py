import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support import evalset_models as models
from support.judging import judged

from optim.errors import StepError
from optim.evalset import load_evalset, relabelled, synthesize
from optim.judging import outputs
from optim.judging.judgement import judge
from optim.judging.quality import ALL, QUICK, Extent, Quality, quality_of
from optim.judging.sequential import looks
from optim.recipe import Recipe
from optim.settings import settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]


@pytest.fixture
def original(tmp_path):
    return models.classifier(tmp_path)


def labelled(folder, model, count=2000, flipped=0.1):
    """Samples labelled by the model's own weights, a tenth of them wrongly."""
    weight = onnx.numpy_helper.to_array(onnx.load(model.path).graph.initializer[0])
    random = np.random.default_rng(5)
    x = random.standard_normal((count, models.FEATURES)).astype(np.float32)
    labels = (x @ weight).argmax(axis=1)
    wrong = random.random(count) < flipped
    labels[wrong] = random.integers(0, models.CLASSES, wrong.sum())
    np.savez(folder / "labelled.npz", x=x, labels=labels)
    return load_evalset(folder / "labelled.npz", model)


def codes(quality):
    return {warning.code for warning in quality.warnings}


def custom(folder, *nodes):
    """A model with the classifier's input and output made of other nodes."""
    return models.keep(
        folder,
        list(nodes),
        [("x", TensorProto.FLOAT, [1, models.FEATURES])],
        [("logits", TensorProto.FLOAT, [1, models.CLASSES])],
        {"w": np.ones((models.FEATURES, models.CLASSES), np.float32)},
    )


def test_the_original_itself_is_judged_in_a_child_as_no_loss(tmp_path, original):
    evalset = labelled(tmp_path, original)
    quality = quality_of(original, original, Recipe.parse("onnxruntime"), evalset)
    assert quality.value == quality.baseline_value == pytest.approx(0.925, abs=0.02)
    assert (quality.difference, quality.difference_ci, quality.p_value) == (0, (0, 0), 1)
    assert quality.verdict.startswith("No measurable loss: the outputs are identical")
    assert quality.n == evalset.validation_count == 1500 and quality.complete
    assert quality.fidelity.cosine == 1 and quality.fidelity.sqnr_db is None
    assert quality.fidelity.top1_agreement == 1 and quality.fidelity.max_error == 0
    assert not quality.collapsed and not quality.warnings


def test_a_first_look_at_the_original_runs_it_once_and_says_what_the_whole_says(
    tmp_path, original, monkeypatch
):
    evalset = labelled(tmp_path, original)
    begun = []
    real = outputs.outputs_of
    monkeypatch.setattr(outputs, "outputs_of", lambda *a: begun.append(a[0]) or real(*a))

    def looked(extent, engine="onnxruntime"):
        begun.clear()
        folders = (str(tmp_path / "kept"), str(tmp_path))
        source = original.model_dump(mode="json")
        said = judge(
            str(original.path), source, engine, evalset.digest, extent.model_dump(), folders
        )
        return Quality.model_validate(said), len(begun)

    first, runs = looked(QUICK)
    assert runs == 1 and first.fidelity.sqnr_db is None and first.value == first.baseline_value
    assert looked(ALL)[1] == 2  # whether it answers twice alike is seen there
    assert looked(QUICK, "onnxruntime:threads=2")[1] == 2


def test_values_agree_with_numpy(tmp_path, original):
    evalset = labelled(tmp_path, original)
    worse = models.classifier(tmp_path, noise=0.3)
    quality = judged(worse, original, evalset)
    x = np.concatenate([f["x"] for f in evalset.feeds("validation")])
    labels = evalset.labels("validation")
    weights = (
        onnx.numpy_helper.to_array(onnx.load(m.path).graph.initializer[0])
        for m in (original, worse)
    )
    a, b = (x @ weight for weight in weights)
    assert quality.baseline_value == pytest.approx((a.argmax(1) == labels).mean())
    assert quality.value == pytest.approx((b.argmax(1) == labels).mean())
    drift = quality.fidelity
    assert drift.top1_agreement == pytest.approx((a.argmax(1) == b.argmax(1)).mean())
    cosine = np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)
    assert drift.cosine == pytest.approx(cosine, rel=1e-4)
    noise = 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum())
    assert drift.sqnr_db == pytest.approx(noise, rel=1e-3)
    assert drift.max_error == pytest.approx(np.abs(a - b).max(), rel=1e-4)
    assert quality.difference < 0 and quality.difference_ci[1] < 0 and quality.p_value < 0.01
    assert "points worse (95 % interval" in quality.verdict and not quality.collapsed


def test_few_samples_cannot_show_that_nothing_was_lost(tmp_path, original):
    evalset = labelled(tmp_path, original)
    quality = judged(models.classifier(tmp_path, noise=0.01), original, evalset, limit=40)
    assert quality.n == 40 and not quality.complete
    assert codes(quality) == {"few_samples", "partly_judged"}
    assert "40 samples cannot rule out one of up to" in quality.verdict


def test_scaling_the_scores_loses_nothing(tmp_path, original):
    evalset = labelled(tmp_path, original)
    quality = judged(models.classifier(tmp_path, scale=0.5), original, evalset)
    assert quality.difference == 0 and quality.fidelity.cosine == pytest.approx(1)
    assert quality.verdict.startswith("No measurable loss (at most")


def test_collapses_are_flagged(tmp_path, original):
    evalset = labelled(tmp_path, original, count=400)
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    cases = {
        "NaN or infinite": [product, helper.make_node("Sqrt", ["y"], ["logits"])],
        "same for every input": [
            helper.make_node("Sub", ["x", "x"], ["z"]),
            helper.make_node("MatMul", ["z", "w"], ["logits"]),
        ],
        "cosine": [helper.make_node("MatMul", ["x", "w"], ["logits"])],
    }
    for reason, nodes in cases.items():
        quality = judged(custom(tmp_path, *nodes), original, evalset)
        assert quality.collapsed and reason in quality.verdict, quality.verdict
        assert "collapsed" in codes(quality)
        assert Quality.model_validate_json(quality.model_dump_json()) == quality


@pytest.mark.parametrize(("noise", "drifted"), [(0.1, False), (0.3, False), (0.6, True)])
def test_outputs_that_are_far_off_are_cautioned_whatever_the_metric_says(
    tmp_path, original, noise, drifted
):
    quality = judged(models.classifier(tmp_path, noise=noise), original, synthesize(original, 256))
    assert not quality.collapsed, quality.verdict
    assert quality.drifted is drifted and quality.sound is not drifted, quality.fidelity
    assert ("outputs_drifted" in codes(quality)) is drifted


def test_scores_of_half_the_size_have_not_drifted_and_of_a_fifth_have(tmp_path, original):
    evalset = labelled(tmp_path, original, count=400)
    half, fifth = (
        judged(models.classifier(tmp_path, scale=scale), original, evalset) for scale in (0.5, 0.2)
    )
    assert half.sound and not fifth.sound and not fifth.collapsed
    assert half.difference == fifth.difference == 0


def test_labels_in_another_order_are_told_with_the_change_that_mends_them(tmp_path, original):
    evalset = labelled(tmp_path, original, count=400)
    wrong = relabelled(evalset, "order=2|0|3|1")
    told = judged(original, original, wrong)
    assert told.relabelling == "order=1|3|0|2" and "labels_do_not_fit" in codes(told)
    mended = judged(original, original, relabelled(wrong, told.relabelling))
    assert mended.baseline_value == judged(original, original, evalset).baseline_value > 0.9
    assert not mended.relabelling and "labels_do_not_fit" not in codes(mended)


def shifted(folder, first_class):
    """logits = the first four features + 8, and `first_class` for class 0."""
    bias = np.array([[first_class, 8, 8, 8]], np.float32)
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    return models.keep(
        folder,
        [product, helper.make_node("Add", ["y", "b"], ["logits"])],
        [("x", TensorProto.FLOAT, [1, models.FEATURES])],
        [("logits", TensorProto.FLOAT, [1, models.CLASSES])],
        {"w": np.eye(models.FEATURES, models.CLASSES, dtype=np.float32), "b": bias},
    )


def test_few_answers_that_moved_to_one_class_are_no_collapse(tmp_path, original):
    x = np.zeros((16, models.FEATURES), np.float32)
    x[:3, 1] = 9  # class 1 of the original's four, and the others class 0
    np.savez(tmp_path / "few.npz", x=x, calibration=np.arange(16) > 12)
    evalset = load_evalset(tmp_path / "few.npz", original)
    quality = judged(shifted(tmp_path, 18), shifted(tmp_path, 8.5), evalset)
    assert quality.fidelity.top1_agreement < 0.8 and not quality.collapsed, quality.verdict


def test_one_answer_for_every_sample_is_a_collapse(tmp_path, original):
    evalset = labelled(tmp_path, original, count=400)
    quality = judged(shifted(tmp_path, 20), shifted(tmp_path, 8), evalset)
    assert quality.fidelity.cosine > 0.8
    assert quality.collapsed and "answers class 0 on every sample" in quality.verdict


def test_synthetic_inputs_give_fidelity_only(tmp_path, original):
    evalset = synthesize(original, samples=100)
    quality = judged(models.classifier(tmp_path, noise=0.05), original, evalset)
    assert quality.metric == "fidelity" and not quality.labelled and quality.p_value is None
    assert quality.value == quality.fidelity.top1_agreement and quality.baseline_value == 1
    assert quality.difference_ci[1] <= 0
    assert "synthesized inputs: fidelity only, not accuracy" in quality.verdict
    assert "synthetic_inputs" in codes(quality)


def test_a_model_that_ends_in_argmax_is_judged_by_its_answers(tmp_path, original):
    weight = onnx.numpy_helper.to_array(onnx.load(original.path).graph.initializer[0])

    def decided(folder, weight):
        folder.mkdir()
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["scores"]),
            helper.make_node("ArgMax", ["scores"], ["answer"], axis=1, keepdims=0),
        ]
        inputs = [("x", TensorProto.FLOAT, [1, models.FEATURES])]
        return models.keep(
            folder, nodes, inputs, [("answer", TensorProto.INT64, [1])], {"w": weight}
        )

    model, other = decided(tmp_path / "a", weight), decided(tmp_path / "b", weight[:, ::-1].copy())
    evalset = labelled(tmp_path, model, flipped=0.3)
    assert evalset.metric == "top1"
    same, reversed_ = (judged(built, model, evalset) for built in (model, other))
    assert same.value == pytest.approx(judged(original, original, evalset).value)
    assert same.fidelity.top1_agreement == 1 and not same.collapsed
    assert reversed_.collapsed and reversed_.fidelity.top1_agreement < 0.5
    quiet = judged(model, model, synthesize(model))
    assert quiet.value == 1 and quiet.verdict.startswith("Identical")


def test_an_embedding_is_compared_by_cosine(tmp_path):
    model = models.embedder(tmp_path)
    quality = judged(model, model, synthesize(model))
    assert quality.value == 1 and quality.fidelity.top1_agreement is None
    assert "Identical outputs" in quality.verdict


def test_auc_of_a_scorer_on_another_engine(tmp_path):
    model = models.scorer(tmp_path)
    x = np.random.default_rng(0).standard_normal((600, models.FEATURES)).astype(np.float32)
    labels = (x[:, 0] + np.random.default_rng(1).standard_normal(600) > 0).astype(int)
    np.savez(tmp_path / "e.npz", x=x, labels=labels)
    quality = judged(
        model, model, load_evalset(tmp_path / "e.npz", model), runtime="openvino:precision=f32"
    )
    assert quality.metric == "auc" and abs(quality.difference) < 1e-3
    assert quality.verdict.startswith("No measurable loss")


def test_an_original_near_chance_is_said(tmp_path, original):
    x = np.random.default_rng(0).standard_normal((400, models.FEATURES)).astype(np.float32)
    np.savez(tmp_path / "e.npz", x=x, labels=np.random.default_rng(1).integers(0, 4, 400))
    quality = judged(original, original, load_evalset(tmp_path / "e.npz", original))
    assert "original_near_chance" in codes(quality)


def test_labels_that_seem_swapped_are_said(tmp_path):
    model = models.scorer(tmp_path)
    weight = onnx.numpy_helper.to_array(onnx.load(model.path).graph.initializer[0])
    x = np.random.default_rng(5).standard_normal((200, models.FEATURES)).astype(np.float32)
    swapped = (x @ weight).ravel() < 0
    np.savez(tmp_path / "swapped.npz", x=x, labels=swapped.astype(np.int64), metric="auc")
    quality = judged(model, model, load_evalset(tmp_path / "swapped.npz", model))
    assert quality.value == 0
    assert any("swapped" in warning.text for warning in quality.warnings)
    assert quality.relabelling == "order=1|0"


def test_outputs_of_the_original_are_computed_once(tmp_path, original):
    evalset, recipe = labelled(tmp_path, original, count=400), Recipe.parse("onnxruntime")
    first = quality_of(original, original, recipe, evalset, Extent(samples=280))
    (folder,) = (settings().home / "outputs").iterdir()
    stamp = (folder / "0-256.npz").stat().st_mtime_ns
    whole = quality_of(original, original, recipe, evalset)
    assert (folder / "0-256.npz").stat().st_mtime_ns == stamp
    parts = {"0-256.npz", "256-280.npz", "280-300.npz"}
    assert {path.name for path in folder.iterdir()} == parts
    again = quality_of(original, original, recipe, evalset, afresh=True)
    assert again == whole and first.n == 280


def test_a_judgement_on_all_samples_is_given_again_whatever_is_asked_for(tmp_path, original):
    evalset = labelled(tmp_path, original, count=400)
    built = models.classifier(tmp_path, noise=0.02)
    recipe = Recipe.parse("onnxruntime")
    quick = quality_of(built, original, recipe, evalset, QUICK)
    assert not quick.complete
    whole = quality_of(built, original, recipe, evalset)
    assert quality_of(built, original, recipe, evalset, QUICK) == whole
    assert quality_of(original, original, recipe, evalset, QUICK) != whole
    assert quality_of(built, original, recipe, evalset, QUICK, afresh=True).n < whole.n


def test_judging_stops_in_time_with_what_it_has(tmp_path, original):
    evalset = labelled(tmp_path, original)
    start = time.monotonic()
    answer = judged(original, original, evalset, seconds=0.0)
    assert answer.n == 1 and time.monotonic() - start < 60
    assert [part.name for part in settings().home.glob("**/*-*.npz")] == ["0-1.npz"]


def test_a_quick_judgement_has_enough_samples_for_a_first_verdict(tmp_path, original):
    evalset = labelled(tmp_path, original, count=800)

    def judged_in(seconds, soon):
        return judged(original, original, evalset, 256, seconds=seconds, soon=soon).n

    assert judged_in(60.0, 0.0) == 64
    assert judged_in(0.0, 0.0) < 64
    assert judged_in(60.0, 60.0) == 256


def test_judging_stops_where_the_loss_is_known_to_be_within_a_limit_or_beyond_it(
    tmp_path, original
):
    evalset = labelled(tmp_path, original, count=4000)
    ruined = models.classifier(tmp_path, noise=10.0)
    near, far = (judged(one, original, evalset, within=0.05) for one in (original, ruined))
    assert near.n in looks(3200)[:-1] and -near.difference_ci[0] <= 0.05
    assert far.n in looks(3200)[:-1] and -far.difference_ci[1] > 0.05
    undecided = judged(original, original, evalset, within=0.0)
    assert undecided.complete


def test_a_model_that_cannot_run_is_a_step_error(tmp_path, original):
    evalset = labelled(tmp_path, original, count=40)
    original.path.with_name("model.onnx").write_bytes(b"damaged")
    with pytest.raises(StepError, match="quality|onnxruntime"):
        quality_of(original, original, Recipe.parse("onnxruntime"), evalset)


def test_an_original_that_gives_nan_is_said(tmp_path):
    log = onnx.helper.make_node("Log", ["x"], ["l"])
    model = custom(tmp_path, log, onnx.helper.make_node("MatMul", ["l", "w"], ["logits"]))
    quality = judged(model, model, synthesize(model))
    assert "original_not_finite" in codes(quality)
    assert any("NaN or infinite values on" in warning.text for warning in quality.warnings)
