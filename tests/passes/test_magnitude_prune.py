"""Magnitude pruning."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from support import pass_models

from optim.passes.base import Calibration, Context
from optim.passes.magnitude_prune import MagnitudePrune

NOTHING = Context(calibration=Calibration([]))


def _weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9])
def test_the_smallest_weights_become_zero_and_the_others_stay(sparsity: float) -> None:
    before = _weights(pass_models.load("cnn"))
    outcome = MagnitudePrune(sparsity=sparsity).run(pass_models.load("cnn"), NOTHING)
    after = _weights(outcome.model)
    for name in ("w1", "w2", "fc"):
        zero = after[name] == 0
        assert zero.mean() == pytest.approx(sparsity, abs=1 / zero.size)
        assert np.abs(before[name][zero]).max() <= np.abs(before[name][~zero]).min()
        assert np.array_equal(before[name][~zero], after[name][~zero])
    assert np.array_equal(before["fc_bias"], after["fc_bias"])
    assert f"({100 * sparsity:.1f} %)" in outcome.notes[0]


@pytest.mark.parametrize(
    ("model", "axes"),
    [
        ("cnn", {"w2": 1, "fc": 1}),
        ("mlp", {"w1": 0, "w2": 0}),
        ("lstm", {"w": 2, "r": 2, "out": 1}),
    ],
)
def test_two_of_each_four_along_the_inputs(model: str, axes: dict[str, int]) -> None:
    before = _weights(pass_models.load(model))
    outcome = MagnitudePrune.model_validate({"pattern": "2:4"}).run(
        pass_models.load(model), NOTHING
    )
    after = _weights(outcome.model)
    for name, axis in axes.items():
        old, new = (np.moveaxis(v[name], axis, -1).reshape(-1, 4) for v in (before, after))
        assert np.all((new == 0).sum(axis=1) == 2)
        kept = np.abs(np.where(new == 0, np.inf, old)).min(axis=1)
        assert np.all(kept >= np.abs(np.where(new == 0, old, 0)).max(axis=1))


def test_an_excluded_node_keeps_its_weights() -> None:
    outcome = MagnitudePrune(exclude=("second",)).run(pass_models.load("cnn"), NOTHING)
    before, after = _weights(pass_models.load("cnn")), _weights(outcome.model)
    assert np.array_equal(before["w2"], after["w2"])
    assert not np.array_equal(before["w1"], after["w1"])


def test_a_weight_shared_through_an_identity_is_pruned_once() -> None:
    """So do exporters store equal weights."""
    w = pass_models.Weights(0)
    w.normal("w", 8, 8)
    nodes = [
        helper.make_node("Identity", ["w"], ["twin"], name="share"),
        helper.make_node("MatMul", ["x", "twin"], ["y"], name="product"),
    ]
    model = pass_models.model(nodes, w, {"x": (1, 8)}, {"y": (1, 8)})
    outcome = MagnitudePrune(sparsity=0.5).run(model, NOTHING)
    assert (_weights(outcome.model)["w"] == 0).sum() == 32


def test_no_share_is_no_change() -> None:
    outcome = MagnitudePrune(sparsity=0).run(pass_models.load("cnn"), NOTHING)
    assert not outcome.modified
    assert outcome.model is pass_models.load("cnn")


def test_it_says_that_zeros_alone_are_not_faster() -> None:
    outcome = MagnitudePrune().run(pass_models.load("cnn"), NOTHING)
    assert "Zeros alone do not make a dense engine faster." in outcome.notes
