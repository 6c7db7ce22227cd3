"""Dynamic quantization."""

import pytest
from support import pass_models

from optim.errors import InputError
from optim.part import parse_part
from optim.passes.base import Calibration, Context, all_passes
from optim.passes.dynamic_int8 import DynamicInt8
from optim.passes.support.tools import count_ops

NOTHING = Context(calibration=Calibration([]))


def test_convolutions_are_left_alone_unless_asked_for() -> None:
    ops = count_ops(DynamicInt8().run(pass_models.load("cnn"), NOTHING).model)
    assert (ops["Conv"], ops["ConvInteger"], ops["MatMulInteger"]) == (2, 0, 1)
    ops = count_ops(DynamicInt8(op_types=("Conv",)).run(pass_models.load("cnn"), NOTHING).model)
    assert (ops["Conv"], ops["ConvInteger"], ops["MatMulInteger"]) == (0, 2, 0)


def test_recurrent_layers_are_quantized_and_shrink() -> None:
    model = pass_models.load("weather")
    outcome = DynamicInt8().run(model, NOTHING)
    assert count_ops(outcome.model)["DynamicQuantizeLSTM"] == 2
    assert outcome.model.ByteSize() < 0.3 * model.ByteSize()
    assert "2 of 2 LSTM nodes were quantized." in outcome.notes


def test_embeddings_on_request() -> None:
    outcome = DynamicInt8(op_types=("MatMul", "Gather")).run(pass_models.load("spam"), NOTHING)
    left = "left in float for want of constant weights: /Gather."
    assert f"1 of 2 Gather nodes were quantized; {left}" in outcome.notes
    assert outcome.model.ByteSize() < 0.3 * pass_models.load("spam").ByteSize()


def test_a_gemm_can_be_excluded_by_its_name() -> None:
    """The library renames it first, and then does not find it."""
    outcome = DynamicInt8(exclude=("readout",)).run(pass_models.load("lstm"), NOTHING)
    assert count_ops(outcome.model)["MatMulInteger"] == 0
    left = "0 of 1 MatMul nodes were quantized; left in float as asked: readout_MatMul."
    assert left in outcome.notes


def test_nothing_to_quantize_says_why() -> None:
    outcome = DynamicInt8().run(pass_models.load("arithmetic"), NOTHING)
    assert not outcome.modified
    assert "no MatMul or Attention or LSTM node" in outcome.notes[0]


def test_quantizing_twice_is_refused() -> None:
    once = DynamicInt8().run(pass_models.load("mlp"), NOTHING).model
    with pytest.raises(InputError, match="quantized already"):
        DynamicInt8().run(once, NOTHING)


def test_unknown_op_types_are_refused_when_read() -> None:
    with pytest.raises(InputError, match="Softmax is not one of MatMul"):
        parse_part("dynamic_int8:op_types=Softmax", all_passes())
