"""SmoothQuant: the same answers in float, better ones in 8 bits where there are outliers."""

import numpy as np
from onnx import helper
from support import outliers, pass_models
from support.pass_models import Weights, model

from optim.passes.base import Calibration, Context
from optim.passes.smooth_quant import SmoothQuant
from optim.passes.static_int8 import StaticInt8
from optim.passes.support.tools import count_ops

node = helper.make_node


def test_it_saves_a_network_that_one_loud_channel_ruins_in_8_bits() -> None:
    made = outliers.outlier_mlp()
    random = np.random.default_rng(3)
    feeds = [
        {"x": random.standard_normal((1, outliers.FEATURES)).astype(np.float32)} for _ in range(48)
    ]
    context, held_out = Context(calibration=Calibration(feeds[:32])), feeds[32:]
    smooth = SmoothQuant().run(made, context)
    expected = pass_models.outputs(made, held_out)
    np.testing.assert_allclose(pass_models.outputs(smooth.model, held_out), expected, atol=1e-3)
    quantizing = StaticInt8().settled(())[0]
    plain, better = (
        np.linalg.norm(pass_models.outputs(quantizing.run(m, context).model, held_out) - expected)
        for m in (made, smooth.model)
    )
    assert better < plain / 3
    assert "times the median one" in smooth.notes[-1]


def test_a_scale_that_only_products_read_takes_the_factor_without_a_node() -> None:
    w = Weights(9)
    gamma = np.ones(16, np.float32)
    gamma[3] = 100
    w.constant("gamma", gamma), w.constant("beta", np.zeros(16, np.float32))
    w.normal("w1", 16, 8, scale=0.25), w.normal("w2", 16, 8, scale=0.25)
    nodes = [
        node("LayerNormalization", ["x", "gamma", "beta"], ["n"], name="norm"),
        node("MatMul", ["n", "w1"], ["a"], name="one"),
        node("MatMul", ["n", "w2"], ["b"], name="two"),
        node("Add", ["a", "b"], ["y"], name="sum"),
    ]
    made = model(nodes, w, {"x": (4, 16)}, {"y": (4, 8)})
    random = np.random.default_rng(3)
    feeds = [{"x": random.standard_normal((4, 16)).astype(np.float32)} for _ in range(8)]
    outcome = SmoothQuant().run(made, Context(calibration=Calibration(feeds)))
    assert outcome.modified and not count_ops(outcome.model)["Mul"]
    before, after = (pass_models.outputs(m, feeds) for m in (made, outcome.model))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-3)
