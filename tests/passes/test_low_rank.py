"""Products split in two: exact at full rank, closer the more is kept, and fewer FLOPs."""

import numpy as np
import onnx
import pytest
from onnx import helper
from support import pass_models
from support.pass_models import Weights

from optim.errors import InputError
from optim.passes.base import Calibration, Context
from optim.passes.low_rank import LowRank


def _narrow_conv(kernel: int = 3, rank: int = 8) -> onnx.ModelProto:
    """A strided convolution whose weight is of a low rank, with a bias."""
    w = Weights(3)
    random = np.random.default_rng(0)
    weight = random.standard_normal((32, rank)) @ random.standard_normal((rank, 24 * kernel**2))
    w.constant("w", weight.reshape(32, 24, kernel, kernel).astype(np.float32))
    w.normal("b", 32)
    node = helper.make_node(
        "Conv", ["x", "w", "b"], ["y"], name="conv", pads=[kernel // 2] * 4, strides=[2, 2]
    )
    return pass_models.model([node], w, {"x": (1, 24, 8, 8)}, {"y": (1, 32, 4, 4)})


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_weight_of_low_rank_is_split_exactly(kernel: int) -> None:
    model = _narrow_conv(kernel)
    outcome = LowRank(energy=0.9999).run(model, pass_models.context("cnn"))
    assert [node.name for node in outcome.model.graph.node] == ["conv_narrow", "conv"]
    onnx.checker.check_model(outcome.model, full_check=True)
    feed = [{"x": np.random.default_rng(1).standard_normal((1, 24, 8, 8)).astype(np.float32)}]
    np.testing.assert_allclose(
        pass_models.outputs(outcome.model, feed), pass_models.outputs(model, feed), atol=1e-3
    )
    assert _weights(outcome.model) < _weights(model)


def _weights(model: onnx.ModelProto) -> int:
    return sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)


@pytest.mark.parametrize("name", ["mlp", "credit"])
def test_the_more_is_kept_the_closer_the_answers(name: str) -> None:
    model, context = pass_models.load(name), pass_models.context(name)
    feeds = pass_models.feeds(name)[-4:]
    expected = pass_models.outputs(model, feeds)
    similar = []
    for share in (0.7, 0.1):
        outcome = LowRank(rank="share", share=share).run(model, context)
        assert outcome.modified and _weights(outcome.model) < _weights(model)
        similar.append(pass_models.cosine(pass_models.outputs(outcome.model, feeds), expected))
    assert similar[0] < similar[1]


def test_what_would_save_nothing_stays() -> None:
    outcome = LowRank(energy=1.0).run(pass_models.load("mlp"), pass_models.context("mlp"))
    assert not outcome.modified
    excluded = LowRank(rank="share", share=0.5, exclude=("up",)).run(
        pass_models.load("mlp"), pass_models.context("mlp")
    )
    assert not any(node.name == "up_narrow" for node in excluded.model.graph.node)


def _wide() -> tuple[onnx.ModelProto, Context]:
    """A product so large that a tenth of its rank is faster on any machine, and inputs for it."""
    w = Weights(3)
    w.normal("w", 768, 768)
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="wide")
    model = pass_models.model([node], w, {"x": (128, 768)}, {"y": (128, 768)})
    return model, Context(Calibration([{"x": np.ones((128, 768), np.float32)}]))


def test_ranks_that_measuring_decided_give_the_same_model_again() -> None:
    model, context = _wide()
    outcome = LowRank(rank="gain", gain=1.0).run(model, context)
    assert outcome.modified and outcome.ran and "less time" in outcome.notes[-1]
    again = outcome.ran.run(model, context)
    assert again.model == outcome.model and again.ran is None


def test_layers_that_no_split_makes_so_fast_stay_whole() -> None:
    model, context = pass_models.load("mlp"), pass_models.context("mlp")
    outcome = LowRank(rank="gain", gain=10.0).run(model, context)
    assert not outcome.modified and "measured" in outcome.notes[0]


@pytest.mark.parametrize("ranks", [("8", "8"), ("no",), ("100000",)])
def test_ranks_of_another_model_are_refused(ranks: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="`ranks` gives"):
        LowRank(ranks=ranks).run(pass_models.load("mlp"), pass_models.context("mlp"))
