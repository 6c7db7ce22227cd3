"""GRUs written out as products answer as before, and 8 bits then reach them."""

from itertools import product

import numpy as np
import onnx
import pytest
from onnx import helper
from support import pass_models
from support.pass_models import Weights

from optim.passes.base import Calibration, Context
from optim.passes.dynamic_int8 import DynamicInt8
from optim.passes.support.tools import count_ops
from optim.passes.unroll_gru import UnrollGru

NOTHING = Context(calibration=Calibration([]))
STEPS, BATCH, INTO, UNITS = 5, 2, 6, 8


def gru(directions: int = 1, inputs: str = "x w r b", steps: int = STEPS, **how: object):
    """A GRU with all its outputs."""
    w = Weights(9)
    w.normal("w", directions, 3 * UNITS, INTO, scale=0.5)
    w.normal("r", directions, 3 * UNITS, UNITS, scale=0.5)
    w.normal("b", directions, 6 * UNITS, scale=0.5)
    w.normal("h", directions, BATCH, UNITS)
    w.constant("n", np.array([steps, 2], np.int32))
    names = ["" if name == "_" else name for name in inputs.split()]
    node = helper.make_node("GRU", names, ["all", "last"], name="gru", hidden_size=UNITS, **how)
    outputs = {"all": (steps, directions, BATCH, UNITS), "last": (directions, BATCH, UNITS)}
    return pass_models.model([node], w, {"x": (steps, BATCH, INTO)}, outputs)


def feeds(steps: int = STEPS) -> list:
    rng = np.random.default_rng(0)
    return [{"x": rng.standard_normal((steps, BATCH, INTO)).astype(np.float32)} for _ in range(2)]


@pytest.mark.parametrize(
    ("late", "direction", "inputs"),
    product((0, 1), ("forward", "reverse", "bidirectional"), ("x w r", "x w r b", "x w r b _ h")),
)
def test_it_answers_as_the_gru(late: int, direction: str, inputs: str) -> None:
    directions = 2 if direction == "bidirectional" else 1
    made = gru(directions, inputs, linear_before_reset=late, direction=direction)
    outcome = UnrollGru().run(made, NOTHING)
    onnx.checker.check_model(outcome.model, full_check=True)
    assert outcome.modified and count_ops(outcome.model)["GRU"] == 0
    np.testing.assert_allclose(
        pass_models.outputs(outcome.model, feeds()), pass_models.outputs(made, feeds()), atol=1e-5
    )


def test_one_step_is_enough() -> None:
    made = gru(steps=1)
    found = UnrollGru().run(made, NOTHING).model
    np.testing.assert_allclose(
        pass_models.outputs(found, feeds(1)), pass_models.outputs(made, feeds(1)), atol=1e-5
    )


def test_8_bits_reach_what_was_a_gru() -> None:
    """ONNX Runtime's quantizer leaves a GRU in float."""
    made = gru(linear_before_reset=1)
    assert not DynamicInt8().run(made, NOTHING).modified
    found = DynamicInt8().run(UnrollGru().run(made, NOTHING).model, NOTHING)
    assert count_ops(found.model)["MatMulInteger"] == STEPS, "the first state is zero"
    weights = [t for t in found.model.graph.initializer if t.name.endswith("_quantized")]
    assert len(weights) == 2, "all steps share one weight"
    similar = pass_models.cosine(
        pass_models.outputs(found.model, feeds()), pass_models.outputs(made, feeds())
    )
    assert similar > 0.98


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: gru(steps=200), "its sequence of 200 is longer than 128"),
        (lambda: gru(inputs="x w r b n"), "sequences have lengths of their own"),
        (lambda: gru(clip=1.0), "a layout, a clip or activations"),
        (lambda: gru(activations=["Relu", "Tanh"]), "a layout, a clip or activations"),
    ],
)
def test_what_stays_a_gru_says_why(made, why: str) -> None:
    outcome = UnrollGru().run(made(), NOTHING)
    assert not outcome.modified
    assert outcome.notes[0] == "No GRU was written out." and why in outcome.notes[1]


def test_what_is_excluded_stays() -> None:
    outcome = UnrollGru(exclude=("gru",)).run(gru(), NOTHING)
    assert not outcome.modified and outcome.notes[1] == "gru stays a GRU: as asked."
