"""Simplification by onnxslim."""

from onnx import numpy_helper
from support import pass_models

from optim.passes.base import Calibration, Context
from optim.passes.simplify import Simplify
from optim.passes.support.tools import count_ops

NOTHING = Context(calibration=Calibration([]))


def test_batch_normalization_joins_the_convolution_that_keeps_its_name() -> None:
    outcome = Simplify().run(pass_models.load("cnn"), NOTHING)
    assert count_ops(outcome.model)["BatchNormalization"] == 0
    names = [node.name for node in outcome.model.graph.node if node.op_type == "Conv"]
    assert names == ["first", "second"]
    assert outcome.notes == ("9 nodes became 8; fewer: BatchNormalization 1.",)


def test_without_fusion_it_stays() -> None:
    outcome = Simplify(fuse=False).run(pass_models.load("cnn"), NOTHING)
    assert count_ops(outcome.model)["BatchNormalization"] == 1


def test_again_changes_nothing() -> None:
    once = Simplify().run(pass_models.load("spam"), NOTHING)
    again = Simplify().run(once.model, NOTHING)
    assert once.modified and not again.modified
    assert again.model is once.model


def test_an_input_that_nothing_reads_is_kept() -> None:
    outcome = Simplify().run(pass_models.load("badly_named"), NOTHING)
    assert [value.name for value in outcome.model.graph.input] == ["x", "unused"]


def test_weights_listed_as_inputs_do_not_become_real_inputs() -> None:
    outcome = Simplify().run(pass_models.load("old_cnn"), NOTHING)
    assert list(pass_models.real_inputs(outcome.model)) == ["x"]


def test_shape_arithmetic_is_folded() -> None:
    before = count_ops(pass_models.load("spam"))
    after = count_ops(Simplify().run(pass_models.load("spam"), NOTHING).model)
    assert before["Shape"] > 0 and after["Shape"] == 0
    kept = Simplify(fold_constants=False).run(pass_models.load("spam"), NOTHING).model
    assert count_ops(kept)["Shape"] > 0


def test_constants_over_the_limit_are_not_folded() -> None:
    from onnx import helper

    weights = pass_models.Weights(0)
    weights.normal("a", 64, 64), weights.normal("b", 64, 64)
    nodes = [
        helper.make_node("Mul", ["a", "b"], ["ab"], name="fold_me"),
        helper.make_node("Add", ["x", "ab"], ["y"], name="add"),
    ]
    model = pass_models.model(nodes, weights, {"x": (64, 64)}, {"y": (64, 64)})
    folded = Simplify().run(model, NOTHING).model
    kept = Simplify(max_folded_kb=1).run(model, NOTHING).model
    assert "Mul" not in count_ops(folded) and "Mul" in count_ops(kept)
    product = [numpy_helper.to_array(t) for t in folded.graph.initializer if t.dims == [64, 64]]
    assert len(product) == 1
