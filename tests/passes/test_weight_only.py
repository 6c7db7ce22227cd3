"""Weights in 4 or 8 bits."""

import numpy as np
import onnx.parser
import pytest
from onnx import numpy_helper
from support import pass_models

from optim.errors import InputError
from optim.model.proto import copy_of
from optim.part import parse_part
from optim.passes.base import Calibration, Context, all_passes
from optim.passes.support.accuracy_level import Compute
from optim.passes.support.tools import count_ops
from optim.passes.weight_only import Method, WeightOnly

NOTHING = Context(calibration=Calibration([]))


def test_four_bits_are_smaller_and_less_precise_than_eight() -> None:
    model, samples = pass_models.load("mlp"), pass_models.feeds("mlp")
    expected = pass_models.outputs(model, samples)
    four = WeightOnly(compute="float32").run(model, NOTHING).model
    eight = WeightOnly(bits=8, compute="float32").run(model, NOTHING).model
    assert four.ByteSize() < eight.ByteSize() < model.ByteSize()
    error = [abs(pass_models.outputs(m, samples) - expected).max() for m in (four, eight)]
    assert error[0] > 5 * error[1] > 0


def test_gemm_counts_as_a_product() -> None:
    outcome = WeightOnly().run(pass_models.load("lstm"), NOTHING)
    assert count_ops(outcome.model)["MatMulNBits"] == 1
    assert outcome.notes == ("1 of 1 MatMul nodes were quantized.",)


def test_a_model_without_fitting_products_comes_back_unchanged_and_says_so() -> None:
    """The library returns it without a word."""
    outcome = WeightOnly().run(pass_models.load("arithmetic"), NOTHING)
    assert not outcome.modified
    assert outcome.model is pass_models.load("arithmetic")
    assert "No MatMul or Gemm has a constant matrix of float32." in outcome.notes


def test_everything_excluded_is_no_change() -> None:
    outcome = WeightOnly(exclude=("up", "down")).run(pass_models.load("mlp"), NOTHING)
    assert not outcome.modified
    assert "left in float as asked: up, down" in outcome.notes[1]


@pytest.mark.parametrize("setting", ["bits=5", "bits=2", "block_size=48", "block_size=512"])
def test_settings_that_no_kernel_has_are_refused(setting: str) -> None:
    with pytest.raises(InputError, match=setting.partition("=")[0]):
        parse_part(f"weight_only:{setting}", all_passes())


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [False, True])
def test_gptq_makes_up_for_what_rounding_loses(bits: int, symmetric: bool) -> None:
    """On inputs that go together, as a network's do; noise of the output, relative to it."""
    random = np.random.default_rng(0)
    mix = random.standard_normal((6, 64)).astype(np.float32)
    feeds = [
        {"x": (random.standard_normal((4, 6)) @ mix / 3).astype(np.float32)} for _ in range(40)
    ]
    model, context = pass_models.load("mlp"), Context(calibration=Calibration(feeds[:24]))
    expected = pass_models.outputs(model, feeds[24:])

    def noise(method: Method) -> float:
        one = WeightOnly(
            bits=bits, symmetric=symmetric, method=method, compute=Compute.FLOAT32, block_size=16
        )
        got = pass_models.outputs(one.run(model, context).model, feeds[24:])
        return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))

    assert noise(Method.GPTQ) < 0.7 * noise(Method.RTN)


def test_what_stands_for_gptq_in_a_timing_has_the_same_nodes() -> None:
    model, context = pass_models.load("mlp"), pass_models.context("mlp")
    full = WeightOnly(method=Method.GPTQ)
    assert full.cheaply() == WeightOnly()
    made = [one.run(model, context).model for one in (full, full.cheaply())]
    assert count_ops(made[0]) == count_ops(made[1])
    assert made[0].ByteSize() == made[1].ByteSize()


def test_gptq_without_samples_is_refused() -> None:
    with pytest.raises(InputError, match="calibration inputs"):
        WeightOnly(method=Method.GPTQ).run(pass_models.load("mlp"), NOTHING)


def test_hqq_fits_zero_points_and_takes_4_bits_only() -> None:
    outcome = WeightOnly(method=Method.HQQ, block_size=16).run(pass_models.load("mlp"), NOTHING)
    assert count_ops(outcome.model)["MatMulNBits"] == 2
    with pytest.raises(ValueError, match="bits=4"):
        WeightOnly(method=Method.HQQ, bits=8)


def test_products_in_8_bits_are_given_up_where_they_change_answers() -> None:
    """One loud input leaves the others a few of the 256 steps."""
    random = np.random.default_rng(0)
    feeds = []
    for _ in range(8):
        x = random.standard_normal((4, 64)).astype(np.float32)
        x[:, ::16] *= 3000
        feeds.append({"x": x})
    model = pass_models.load("mlp")
    twin = copy_of(model)
    weights = {t.name: t for t in twin.graph.initializer}
    first = numpy_helper.to_array(weights["w1"]).copy()
    first[::16] = 0
    weights["w1"].CopyFrom(numpy_helper.from_array(first, "w1"))
    outcome = WeightOnly(bits=8).run(twin, Context(calibration=Calibration(feeds)))
    assert "computed in float" in outcome.notes[-1]
    levels = {
        a.i for n in outcome.model.graph.node for a in n.attribute if a.name == "accuracy_level"
    }
    assert levels == {1}
    calm = WeightOnly(bits=8).run(model, pass_models.context("mlp"))
    assert "computed in 8 bits" in calm.notes[-1]


def test_outputs_whose_length_depends_on_values_do_not_stop_it() -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[16,64] x) => (float[n,32] y) {
          z = Constant<value = float {0.0}>()
          p = MatMul(x, w)
          first = ReduceSum<keepdims=0>(p, axes)
          kept = Greater(first, z)
          y = Compress<axis=0>(p, kept)
        }"""
    )
    random = np.random.default_rng(0)
    weight = random.standard_normal((64, 32)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "axes"))
    samples = [{"x": random.standard_normal((16, 64)).astype(np.float32)} for _ in range(40)]
    outcome = WeightOnly().run(model, Context(calibration=Calibration(samples)))
    assert count_ops(outcome.model)["MatMulNBits"] == 1
