"""Weights in 4 or 8 bits."""

import pytest
from support import pass_models

from optim.errors import InputError
from optim.part import parse_part
from optim.passes.base import Calibration, Context, all_passes
from optim.passes.support.tools import count_ops
from optim.passes.weight_only import WeightOnly

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
    assert "The model has no MatMul or Gemm with a constant matrix." in outcome.notes


def test_everything_excluded_is_no_change() -> None:
    outcome = WeightOnly(exclude=("up", "down")).run(pass_models.load("mlp"), NOTHING)
    assert not outcome.modified
    assert "left in float as asked: up, down" in outcome.notes[1]


@pytest.mark.parametrize("setting", ["bits=5", "bits=2", "block_size=48", "block_size=512"])
def test_settings_that_no_kernel_has_are_refused(setting: str) -> None:
    with pytest.raises(InputError, match=setting.partition("=")[0]):
        parse_part(f"weight_only:{setting}", all_passes())
