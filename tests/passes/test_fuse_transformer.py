"""Fusion by ONNX Runtime's transformer optimizer."""

import pytest
from support import pass_models

from optim.errors import InputError
from optim.passes.base import Calibration, Context
from optim.passes.dynamic_int8 import DynamicInt8
from optim.passes.fuse_transformer import FuseTransformer
from optim.passes.simplify import Simplify
from optim.passes.static_int8 import StaticInt8
from optim.passes.support.tools import count_ops

NOTHING = Context(calibration=Calibration([]))


def test_attention_normalization_and_gelu_are_fused_and_counted() -> None:
    outcome = FuseTransformer().run(pass_models.load("spam"), NOTHING)
    ops = count_ops(outcome.model)
    assert (ops["Attention"], ops["SkipLayerNormalization"], ops["BiasGelu"]) == (4, 8, 4)
    assert ops["Softmax"] == 0
    assert "Attention 4" in outcome.notes[0]


def test_simplify_before_it_does_not_hide_attention() -> None:
    simple = Simplify().run(pass_models.load("spam"), NOTHING).model
    outcome = FuseTransformer().run(simple, NOTHING)
    assert count_ops(outcome.model)["Attention"] == 4


def test_attention_can_be_left_alone() -> None:
    outcome = FuseTransformer(attention=False).run(pass_models.load("spam"), NOTHING)
    assert count_ops(outcome.model)["Attention"] == 0
    assert count_ops(outcome.model)["Softmax"] == 4


def test_padding_is_still_ignored() -> None:
    """The optimizer's own default mask format is wrong unless padding comes last."""
    model = pass_models.load("spam")
    fused = FuseTransformer().run(model, NOTHING).model
    samples = []
    for feeds in pass_models.feeds("spam")[:4]:
        length = int(feeds["attention_mask"].sum()) // 2
        mask = feeds["attention_mask"].copy()
        mask[:, 1:length] = 0  # a hole in the middle
        samples.append({**feeds, "attention_mask": mask})
    expected = pass_models.outputs(model, samples)
    assert abs(pass_models.outputs(fused, samples) - expected).max() < 1e-4


def test_nothing_to_fuse_says_why() -> None:
    outcome = FuseTransformer().run(pass_models.load("cnn"), NOTHING)
    assert not outcome.modified
    assert outcome.notes == ("Nothing was fused: the graph has no attention.",)


def test_fused_models_can_be_quantized() -> None:
    fused = FuseTransformer().run(pass_models.load("spam"), NOTHING).model
    dynamic = DynamicInt8().run(fused, NOTHING)
    assert count_ops(dynamic.model)["QAttention"] == 4
    static = StaticInt8(samples=2).run(fused, pass_models.context("spam"))
    assert "12 of 12 MatMul nodes were quantized." in static.notes
    with pytest.raises(InputError, match="quantized already"):
        FuseTransformer().run(static.model, NOTHING)
