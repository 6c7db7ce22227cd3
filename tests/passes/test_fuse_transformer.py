"""Fusion by ONNX Runtime's transformer optimizer."""

from pathlib import Path

import onnx
import pytest
from support import kinds, pass_models
from support.building import Through

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


def test_a_residual_sum_can_be_left_apart() -> None:
    outcome = FuseTransformer(residual=False).run(pass_models.load("spam"), NOTHING)
    ops = count_ops(outcome.model)
    assert (ops["Attention"], ops["SkipLayerNormalization"]) == (4, 0)


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


def test_an_old_opset_is_raised_for_normalization(tmp_path: Path) -> None:
    """The optimizer writes LayerNormalization, which opset 12 does not have."""
    made = kinds.normalizing()
    done = Through(made, "fuse_transformer", tmp_path, kinds.samples(made))
    assert count_ops(done.model)["LayerNormalization"] == 1
    assert "the opset was raised from 12 to 17" in done.notes
    assert done.agreement() > 0.9999


def test_without_raising_it_that_fusion_is_left_out() -> None:
    outcome = FuseTransformer().run(kinds.normalizing(), NOTHING)
    assert not outcome.modified
    assert "Left out" in outcome.notes[-1] and "layer normalization" in outcome.notes[-1]


def test_a_fusion_that_does_not_work_is_left_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fuse = FuseTransformer._fused

    def spoiled(self, model: onnx.ModelProto, left_out: tuple[str, ...]) -> onnx.ModelProto:
        fused = fuse(self, model, left_out)
        if "enable_attention" not in left_out:
            next(n for n in fused.graph.node if n.op_type == "Attention").input[0] = "nowhere"
        return fused

    monkeypatch.setattr(FuseTransformer, "_fused", spoiled)
    outcome = FuseTransformer().run(pass_models.load("spam"), NOTHING)
    assert count_ops(outcome.model)["BiasGelu"] == 4
    assert count_ops(outcome.model)["Attention"] == 0
    assert "fusion of attention" in outcome.notes[-1]


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
