"""The single steps of graph optimization: each does its own work and says how often."""

import numpy as np
import onnx
import pytest
from onnx import helper
from support import pass_models
from support.pass_models import Weights, model

from optim.passes.base import Calibration, Context, Outcome, all_passes
from optim.passes.support.tools import count_ops
from optim.recipe import Recipe

NOTHING = Context(calibration=Calibration([]))
SHAPE = (1, 4, 6, 6)
node = helper.make_node


def run(recipe: str, made: onnx.ModelProto) -> Outcome:
    """The one pass of the recipe; the answers stay."""
    (one,) = Recipe.parse(recipe).passes
    outcome = one.run(made, NOTHING)
    onnx.checker.check_model(outcome.model)
    samples = [
        {
            value.name: np.random.default_rng(seed)
            .standard_normal([dim.dim_value for dim in value.type.tensor_type.shape.dim])
            .astype(np.float32)
            for value in made.graph.input
        }
        for seed in range(3)
    ]
    expected, got = pass_models.outputs(made, samples), pass_models.outputs(outcome.model, samples)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    return outcome


def chain(*ops: tuple[str, list[str], dict], weights: Weights | None = None, out=SHAPE):
    """Nodes one after another from `x` to `y`; each tuple: operator, further inputs, attributes."""
    nodes, last = [], "x"
    for at, (op, more, attributes) in enumerate(ops):
        made = "y" if at == len(ops) - 1 else f"v{at}"
        nodes.append(node(op, [last, *more], [made], name=f"{op}_{at}", **attributes))
        last = made
    return model(nodes, weights or Weights(0), {"x": SHAPE}, {"y": out})


def test_batch_normalization_goes_into_weights_that_keep_their_layers_name() -> None:
    outcome = run("fold_batchnorm", pass_models.load("cnn"))
    assert outcome.notes[0] == "BatchNormalization into Conv: 1."
    assert [n.name for n in outcome.model.graph.node if n.op_type == "Conv"] == ["first", "second"]


@pytest.mark.parametrize("step", ["fold_batchnorm", "freeze_shapes"])
def test_what_is_not_its_work_is_left_to_the_step_whose_it_is(step: str) -> None:
    weights = Weights(0)
    weights.normal("a", *SHAPE), weights.normal("b", *SHAPE)
    nodes = [
        node("Add", ["a", "b"], ["constant"]),
        node("Identity", ["x"], ["same"]),
        node("Mul", ["same", "constant"], ["y"]),
    ]
    made = model(nodes, weights, {"x": SHAPE}, {"y": SHAPE})
    outcome = run(step, made)
    assert not outcome.modified and outcome.notes == (all_passes()[step].nothing,)
    assert run("fold_constants", made).notes[0] == "nodes computed ahead: 2."


def test_transposes_around_what_does_not_mind_cancel() -> None:
    weights = Weights(1)
    weights.normal("last", 4), weights.normal("w", 4, 4, 3, 3)
    made = chain(
        ("Transpose", [], {"perm": [0, 2, 3, 1]}),
        ("Add", ["last"], {}),
        ("Relu", [], {}),
        ("Transpose", [], {"perm": [0, 3, 1, 2]}),
        ("Conv", ["w"], {"pads": [1, 1, 1, 1]}),
        weights=weights,
    )
    outcome = run("sink_transposes", made)
    assert outcome.notes[0] == "Transposes cancelled: 2."
    assert count_ops(outcome.model)["Transpose"] == 0
    assert {n.name for n in outcome.model.graph.node} <= {n.name for n in made.graph.node}


def test_a_transpose_that_meets_no_other_stays() -> None:
    made = chain(("Transpose", [], {"perm": [0, 2, 3, 1]}), ("Relu", [], {}), out=(1, 6, 6, 4))
    assert not run("sink_transposes", made).modified


@pytest.mark.parametrize(
    ("op", "ops"),
    [
        ("HardSwish", [node("HardSigmoid", ["x"], ["s"], alpha=1 / 6, beta=0.5)]),
        ("QuickGelu", [node("Sigmoid", ["x"], ["s"])]),
    ],
)
def test_an_activation_written_in_two_nodes_becomes_one(op: str, ops: list) -> None:
    made = model([*ops, node("Mul", ["x", "s"], ["y"])], Weights(0), {"x": SHAPE}, {"y": SHAPE})
    outcome = run("fuse_activations", made)
    assert [n.op_type for n in outcome.model.graph.node] == [op]


def test_gelu_is_the_standards_where_the_opset_has_it() -> None:
    old = pass_models.load("spam")
    assert "GELU: 4" in run_spam("fuse_activations", old).notes[0]
    new = run_spam("raise_opset", old).model
    fused = run_spam("fuse_activations", new).model
    assert {n.domain for n in fused.graph.node if n.op_type == "Gelu"} == {""}


def run_spam(recipe: str, made: onnx.ModelProto) -> Outcome:
    (one,) = Recipe.parse(recipe).passes
    return one.run(made, pass_models.context("spam"))


def test_what_is_computed_twice_is_computed_once() -> None:
    nodes = [
        node("Sin", ["x"], ["a"]),
        node("Sin", ["x"], ["b"]),
        node("Add", ["a", "b"], ["y"]),
    ]
    outcome = run("share_subexpressions", model(nodes, Weights(0), {"x": SHAPE}, {"y": SHAPE}))
    assert outcome.notes[0] == "nodes that did the same as another: 1."


def test_dead_nodes_and_nodes_without_effect_go() -> None:
    weights = Weights(2)
    weights.constant("zero", np.zeros((), np.float32)), weights.normal("unread", 3)
    nodes = [
        node("Add", ["x", "zero"], ["a"]),
        node("Dropout", ["a"], ["b"]),
        node("Exp", ["x"], ["nobody"]),
        node("Relu", ["b"], ["y"]),
    ]
    outcome = run("remove_dead", model(nodes, weights, {"x": SHAPE}, {"y": SHAPE}))
    assert [n.op_type for n in outcome.model.graph.node] == ["Relu"]
    assert not outcome.model.graph.initializer


def test_shapes_are_frozen_only_by_the_step_that_says_so() -> None:
    spam = pass_models.load("spam")
    assert count_ops(run_spam("fold_constants", spam).model)["Shape"] == 32
    assert count_ops(run_spam("freeze_shapes", spam).model)["Shape"] == 0


@pytest.mark.parametrize(("pads", "folded"), [([0] * 4, True), ([1] * 4, False)])
def test_a_mean_goes_into_a_convolution_unless_it_is_padded(pads: list, folded: bool) -> None:
    weights = Weights(3)
    weights.normal("w", 2, 4, 3, 3), weights.normal("mean", 4, 1, 1), weights.normal("std", 4, 1, 1)
    side = 6 if any(pads) else 4
    ops = [("Sub", ["mean"], {}), ("Div", ["std"], {}), ("Conv", ["w"], {"pads": pads})]
    made = chain(*ops, weights=weights, out=(1, 2, side, side))
    outcome = run("fold_preprocessing", made)
    assert outcome.modified == folded
    if folded:
        assert [n.op_type for n in outcome.model.graph.node] == ["Conv"]


def test_an_opset_that_a_model_has_already_changes_nothing() -> None:
    outcome = run("raise_opset:to=13", pass_models.load("cnn"))
    assert outcome.notes == ("The model has opset 17 already.",)
