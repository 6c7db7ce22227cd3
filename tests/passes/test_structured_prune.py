"""Channels removed for real: the answers are those of the same graph with zeros in their place."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from support import pass_models
from support.pass_models import Weights

from optim.errors import InputError
from optim.model.proto import copy_of
from optim.part import parse_part
from optim.passes import structured_prune
from optim.passes.base import Calibration, Context, all_passes
from optim.passes.structured_prune import StructuredPrune
from optim.passes.support.channel_rules import RULES
from optim.passes.support.channel_times import dearness, timed
from optim.passes.support.channels import Channels, blocks, tied
from optim.passes.support.families import by_weight, families, flops, in_streams
from optim.passes.support.gradients import by_gradient
from optim.passes.support.narrowing import narrowed, spelled_out
from optim.passes.support.thinning import Thinning, by_place

pytestmark = pytest.mark.slow

node = helper.make_node


def _zeroed(channels: Channels, labels: dict, gone: list[int]) -> onnx.ModelProto:
    """The graph as wide as it was, with zeros where products read the channels."""
    model = copy_of(channels.model)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for product in channels.products:
        for axis in (product.summed, product.out) if product.weight else ():
            weight = numpy_helper.to_array(tensors[product.weight]).copy()
            mask = np.isin(labels[product.weight, axis], gone)
            np.moveaxis(weight, axis, 0)[mask] = 0
            tensors[product.weight].CopyFrom(numpy_helper.from_array(weight, product.weight))
    return model


def _check(model: onnx.ModelProto, feeds: list, seed: int = 0) -> int:
    """Remove channels at random, one or more of every family; how many went."""
    channels = tied(spelled_out(model), RULES)
    labels = channels.labels()
    random = np.random.default_rng(seed)
    gone = [
        int(label)
        for family in families(channels, labels)
        for label in random.permutation(family.members)[: random.integers(len(family.members))]
    ]
    result = narrowed(channels, labels, gone)
    onnx.checker.check_model(result, full_check=True)
    expected = pass_models.outputs(_zeroed(channels, labels, gone), feeds)
    np.testing.assert_allclose(pass_models.outputs(result, feeds), expected, rtol=1e-3, atol=1e-4)
    assert (flops(channels, labels, gone) < flops(channels, labels)) == bool(gone)
    return len(gone)


@pytest.mark.parametrize("name", ["cnn", "old_cnn", "mlp", "credit", "fashion", "spam"])
def test_pruned_is_as_zeroed_on_real_graphs(name: str) -> None:
    assert _check(pass_models.load(name), pass_models.feeds(name)[:2]) > 0


@pytest.mark.parametrize("name", ["lstm", "branching", "huge_weights", "arithmetic", "weather"])
def test_what_is_not_known_stays(name: str) -> None:
    assert _check(pass_models.load(name), pass_models.feeds(name)[:1]) == 0


class Drawn:
    """A convolutional graph of random parts: residual sums, concatenations, groups, gates."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw, self._w, self._nodes = draw, Weights(draw(st.integers(0, 99))), []
        self._count = 0

    def _add(self, op: str, inputs: list[str], **attributes: object) -> str:
        self._count += 1
        out = f"t{self._count}"
        self._nodes.append(node(op, inputs, [out], name=f"n{self._count}", **attributes))
        return out

    def _conv(self, x: str, into: int, out: int, kernel: int = 3, groups: int = 1) -> str:
        weight = self._w.normal(f"w{self._count}", out, into // groups, kernel, kernel)
        bias = self._w.normal(f"b{self._count}", out)
        return self._add("Conv", [x, weight, bias], pads=[kernel // 2] * 4, group=groups)

    def _norm(self, x: str, width: int) -> str:
        names = [
            self._w.normal(f"{part}{self._count}", width) for part in ("scale", "shift", "mean")
        ]
        spread = np.linspace(0.5, 2, width, dtype=np.float32)
        return self._add(
            "BatchNormalization", [x, *names, self._w.constant(f"variance{self._count}", spread)]
        )

    def _part(self, x: str, width: int) -> tuple[str, int]:
        match self._draw(
            st.sampled_from(["residual", "concat", "depthwise", "groups", "gate", "split"])
        ):
            case "residual":
                inner = self._add("Relu", [self._norm(self._conv(x, width, 6), 6)])
                return self._add("Add", [x, self._conv(inner, 6, width)]), width
            case "concat":
                return self._add("Concat", [x, self._conv(x, width, 4)], axis=1), width + 4
            case "depthwise":
                return self._add("Sigmoid", [self._conv(x, width, width, groups=width)]), width
            case "groups":
                return self._conv(self._conv(x, width, 8), 8, 12, groups=4), 12
            case "gate":
                pooled = self._add("GlobalAveragePool", [x])
                squeezed = self._add("Relu", [self._conv(pooled, width, 4, 1)])
                gate = self._add("Sigmoid", [self._conv(squeezed, 4, width, 1)])
                return self._add("Mul", [x, gate]), width
            case _:
                wide = self._conv(x, width, 8)
                sizes = self._w.constant(f"s{self._count}", np.array([3, 5], np.int64))
                self._nodes.append(
                    node(
                        "Split",
                        [wide, sizes],
                        [f"{wide}a", f"{wide}b"],
                        axis=1,
                        name=f"split{wide}",
                    )
                )
                return self._add("Concat", [f"{wide}b", f"{wide}a"], axis=1), 8

    def model(self) -> onnx.ModelProto:
        x, width = self._conv("x", 3, 8), 8
        for _ in range(self._draw(st.integers(1, 4))):
            x, width = self._part(x, width)
        x = self._add("MaxPool", [self._add("Relu", [x])], kernel_shape=[2, 2], strides=[2, 2])
        flat = self._add("Flatten", [x])
        weight = self._w.normal("head", 5, width * 4)
        self._nodes.append(node("Gemm", [flat, weight], ["y"], transB=1, name="head"))
        return pass_models.model(self._nodes, self._w, {"x": (1, 3, 4, 4)}, {"y": (1, 5)})


@settings(max_examples=25, deadline=None)
@given(st.data(), st.integers(0, 99))
def test_pruned_is_as_zeroed_on_any_graph(data: st.DataObject, seed: int) -> None:
    model = Drawn(data.draw).model()
    feed = np.random.default_rng(seed).standard_normal((1, 3, 4, 4)).astype(np.float32)
    _check(model, [{"x": feed}], seed)


def test_the_share_of_flops_goes_and_channels_stay_multiples() -> None:
    model, context = pass_models.load("fashion"), pass_models.context("fashion")
    for spread in ("blocks", "uniform", "sensitivity"):
        outcome = StructuredPrune(flops=0.5, spread=spread).run(model, context)
        shares = float(outcome.notes[0].partition("%")[0])
        assert 50 <= shares < 53
        widths = [t.dims[0] for t in outcome.model.graph.initializer if len(t.dims) == 4]
        assert all(width % 8 == 0 for width in widths)


def test_a_share_of_measured_time_goes_and_the_same_is_made_again() -> None:
    """How much went was measured, so it is not asserted; what came of it can be had again."""
    model, context = pass_models.load("fashion"), pass_models.context("fashion")
    outcome = StructuredPrune(time=0.3).run(model, context)
    assert "of a run's time went, as measured" in outcome.notes[0]
    assert outcome.model.ByteSize() < 0.95 * model.ByteSize()
    again = outcome.ran.run(model, context)
    assert again.model.SerializeToString() == outcome.model.SerializeToString()
    assert parse_part(outcome.ran.spelling, all_passes()) == outcome.ran
    with pytest.raises(InputError, match="left has 1 numbers"):
        StructuredPrune(left=("8",)).run(model, context)


def test_time_counts_products_as_they_were_measured() -> None:
    model = spelled_out(pass_models.load("cnn"))
    channels = tied(model, RULES)
    labels = channels.labels()
    clock, total = timed(channels, labels, pass_models.feeds("cnn")[0])
    assert 0 < flops(clock, labels) <= total
    found = families(channels, labels)
    assert flops(clock, labels, found[0].members[:8]) < flops(clock, labels)
    dear = dearness(channels, clock, labels, found)
    assert len(dear) == len(found) and all(0.5 <= one <= 2 for one in dear)


def test_channels_are_left_as_kernels_of_this_machine_like_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its vectors, and said so; the settled pass means the same on any machine."""
    model, context = pass_models.load("fashion"), pass_models.context("fashion")
    for flags, liked in (({"avx2", "avx512f"}, 16), ({"avx2"}, 8)):
        monkeypatch.setattr(structured_prune, "cpu_flags", lambda flags=flags: frozenset(flags))
        found, why = StructuredPrune(flops=0.5).settled(())
        assert found.multiple == liked and f"multiples of {liked}" in why
        left = [t.dims[0] for t in found.run(model, context).model.graph.initializer if t.dims]
        assert {width % liked for width in left} == {0, 10 % liked}, "but the 10 classes"
        assert StructuredPrune(multiple=4).settled(()) == (StructuredPrune(multiple=4), "")


def test_residual_streams_are_thinned_last() -> None:
    """Inside of blocks first: what their sums lie on goes only where that does not suffice."""
    channels = tied(spelled_out(pass_models.load("fashion")), RULES)
    labels = channels.labels()
    found = families(channels, labels)
    streams = in_streams(channels, labels, found)
    names = [one.nodes[0] for one, stream in zip(found, streams, strict=True) if stream]
    assert [name.split("/")[-2] for name in names] == ["stem", "shortcut.0", "shortcut.0"]
    assert [len(found[at].members) for at, one in enumerate(streams) if one] == [32, 64, 128]
    network = Thinning(
        channels, labels, found, by_weight(channels, labels), by_place(channels, labels, found), 16
    )
    half, most = (network.kept(network.of(share)) for share in (0.5, 0.85))
    assert [n for n, one in zip(half, streams, strict=True) if one] == ["32", "64", "128"]
    assert [n for n, one in zip(most, streams, strict=True) if one] != ["32", "64", "128"]


def test_heads_go_whole() -> None:
    model, context = pass_models.load("spam"), pass_models.context("spam")
    outcome = StructuredPrune(flops=0.5).run(model, context)
    kept = {t.name: t.dims for t in outcome.model.graph.initializer if len(t.dims) == 2}
    assert any(dims[1] == 64 for dims in kept.values()), "2 of 4 heads of 32"
    assert all(size % 8 == 0 for dims in kept.values() for size in dims if size > 2)


def test_what_is_excluded_keeps_its_channels() -> None:
    outcome = StructuredPrune(flops=0.5, exclude=("up",)).run(
        pass_models.load("mlp"), pass_models.context("mlp")
    )
    assert not outcome.modified
    with pytest.raises(InputError, match="no node named 'nowhere'"):
        StructuredPrune(exclude=("nowhere",)).run(
            pass_models.load("mlp"), pass_models.context("mlp")
        )


def test_the_channel_that_says_nothing_goes_first() -> None:
    """By activation: a unit that is always zero, whatever its weights."""
    made = copy_of(pass_models.load("mlp"))
    bias = next(t for t in made.graph.initializer if t.name == "b1")
    values = numpy_helper.to_array(bias).copy()
    values[5:13] = -100
    bias.CopyFrom(numpy_helper.from_array(values, "b1"))
    outcome = StructuredPrune(flops=0.05, multiple=8).run(made, pass_models.context("mlp"))
    feeds = pass_models.feeds("mlp")
    np.testing.assert_allclose(
        pass_models.outputs(outcome.model, feeds), pass_models.outputs(made, feeds), atol=1e-4
    )


def test_without_calibration_inputs_weights_decide() -> None:
    outcome = StructuredPrune(flops=0.3).run(
        pass_models.load("mlp"), Context(calibration=Calibration([]))
    )
    assert outcome.modified


@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [
        ((1, 160, 128), (1, 160, 4, 32), [((0,), (0,)), ((1,), (1,)), ((2,), (2, 3))]),
        ((1, 128, 1, 1), (1, 128), [((0,), (0,)), ((1,), (1,)), ((2, 3), ())]),
        ((2, 3, 4), (6, 4), [((0, 1), (0,)), ((2,), (1,))]),
        ((7,), (1, 7), [((0,), (0, 1))]),
        ((6, 4), (3, 8), [((0, 1), (0, 1))]),
    ],
)
def test_reshaped_axes_are_matched(before: tuple, after: tuple, runs: list) -> None:
    found = blocks(before, after)
    assert [axis for run in found for axis in run[0]] == list(range(len(before)))
    assert [axis for run in found for axis in run[1]] == list(range(len(after)))
    if runs[-1][1]:
        assert found == runs


def test_by_gradients_a_channel_is_worth_what_the_answer_moves_without_it() -> None:
    """Exactly so where what reads it is linear and the answer one number."""
    w, node = Weights(3), helper.make_node
    w.normal("up", 6, 8), w.normal("down", 8, 1)
    nodes = [
        node("MatMul", ["x", "up"], ["h"], name="up_node"),
        node("Relu", ["h"], ["r"], name="relu"),
        node("MatMul", ["r", "down"], ["y"], name="down_node"),
    ]
    model = pass_models.model(nodes, w, {"x": (1, 6)}, {"y": (1, 1)})
    rng = np.random.default_rng(0)
    feeds = [{"x": rng.standard_normal((1, 6)).astype(np.float32)} for _ in range(5)]
    channels = tied(spelled_out(model), RULES)
    labels = channels.labels()
    up, down = (numpy_helper.to_array(tensor) for tensor in w.tensors)
    moved = [np.maximum(one["x"] @ up, 0)[0] * down[:, 0] for one in feeds]
    scores = by_gradient(channels, labels, feeds)
    found = [scores[int(label)] for label in labels["down", 0]]
    np.testing.assert_allclose(found, np.square(moved).sum(0), rtol=1e-4)


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_any_importance_removes_the_share_that_was_asked_for(name: str) -> None:
    model, context = pass_models.load(name), pass_models.context(name)
    for importance in ("activation", "gradient", "weight"):
        outcome = StructuredPrune(flops=0.4, multiple=1, importance=importance).run(model, context)
        assert outcome.modified and int(outcome.notes[0].partition(" ")[0]) >= 40
