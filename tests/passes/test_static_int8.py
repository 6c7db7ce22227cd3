"""Static quantization."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import pass_models

from optim.errors import InputError
from optim.passes.base import Calibration, Context
from optim.passes.static_int8 import StaticInt8
from optim.passes.support.tools import count_ops


def test_every_convolution_and_what_lies_between() -> None:
    outcome = StaticInt8().run(pass_models.load("cnn"), pass_models.context("cnn"))
    assert "2 of 2 Conv nodes were quantized." in outcome.notes
    assert "1 of 1 Gemm nodes were quantized." in outcome.notes
    inputs = {n.op_type: n.input[0] for n in outcome.model.graph.node}
    for op in ("Conv", "Gemm", "Add", "GlobalAveragePool"):
        assert inputs[op] in _outputs_of(outcome.model, "DequantizeLinear"), op


def test_without_the_chain_sums_stay_in_float() -> None:
    outcome = StaticInt8(chain=False).run(pass_models.load("cnn"), pass_models.context("cnn"))
    total = next(n for n in outcome.model.graph.node if n.op_type == "Add")
    assert not set(total.output) & _inputs_of(outcome.model, "QuantizeLinear")


def test_what_feeds_a_float_node_is_not_kept_in_8_bits() -> None:
    """A sum that Softmax reads gains nothing from 8 bits and loses precision."""
    w, node = pass_models.Weights(7), helper.make_node
    w.normal("w1", 8, 3, 3, 3), w.normal("w2", 8, 3, 3, 3)
    nodes = [
        node("Conv", ["x", "w1"], ["c1"], name="one"),
        node("Conv", ["x", "w2"], ["c2"], name="two"),
        node("Add", ["c1", "c2"], ["sum"], name="sum"),
        node("Softmax", ["sum"], ["y"], name="softmax"),
    ]
    model = pass_models.model(nodes, w, {"x": (1, 3, 8, 8)}, {"y": (1, 8, 6, 6)})
    samples = [{"x": feeds["x"][:, :, :8, :8]} for feeds in pass_models.feeds("cnn")]
    outcome = StaticInt8().run(model, Context(calibration=Calibration(samples)))
    assert "2 of 2 Conv nodes were quantized." in outcome.notes
    assert "sum" not in _inputs_of(outcome.model, "QuantizeLinear")


def test_only_products_with_constant_weights() -> None:
    """Quantizing attention's scores is what makes small transformers collapse."""
    outcome = StaticInt8(samples=2).run(pass_models.load("spam"), pass_models.context("spam"))
    assert "26 of 26 Gemm nodes were quantized." in outcome.notes
    dequantized = _outputs_of(outcome.model, "DequantizeLinear")
    for node in outcome.model.graph.node:
        if node.op_type in ("MatMul", "Softmax"):
            assert not dequantized.intersection(node.input)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("cnn", {"QLinearConv": 2, "QLinearAdd": 1, "QLinearGlobalAveragePool": 1, "QGemm": 1}),
        ("mlp", {"QGemm": 2}),
    ],
)
def test_onnx_runtime_really_computes_in_integers(
    model: str, expected: dict[str, int], tmp_path: Path
) -> None:
    """A product apart from its bias would be merged into a float Gemm, slower than before."""
    outcome = StaticInt8().run(pass_models.load(model), pass_models.context(model))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(outcome.model.SerializeToString(), options)
    executed = count_ops(onnx.load(tmp_path / "optimized.onnx"))
    assert {op: executed[op] for op in expected} == expected
    assert not {"Conv", "Gemm", "MatMul", "Add"} & set(executed)


def test_op_types_choose() -> None:
    cnn, context = pass_models.load("cnn"), pass_models.context("cnn")
    only = StaticInt8(op_types=("MatMul",)).run(cnn, context)
    assert only.notes[0] == "1 of 1 Gemm nodes were quantized."
    assert "Conv nodes" not in "".join(only.notes)


def test_excluded_nodes_keep_their_names_and_their_floats() -> None:
    pass_ = StaticInt8(exclude=("first",))
    outcome = pass_.run(pass_models.load("cnn"), pass_models.context("cnn"))
    assert "1 of 2 Conv nodes were quantized; left in float as asked: first." in outcome.notes
    first = next(n for n in outcome.model.graph.node if n.name == "first")
    assert first.input[0] == "x"


@pytest.mark.parametrize(
    ("activations", "expected"),
    [("u8", TensorProto.UINT8), ("s8", TensorProto.INT8), ("u16", TensorProto.UINT16)],
)
def test_activation_types(activations: str, expected: int) -> None:
    pass_ = StaticInt8.model_validate({"activations": activations})
    model = pass_.run(pass_models.load("cnn"), pass_models.context("cnn")).model
    points = {t.name: t.data_type for t in model.graph.initializer}
    kinds = {points[n.input[2]] for n in model.graph.node if n.op_type == "QuantizeLinear"}
    assert kinds == {expected}


@pytest.mark.parametrize(("per_channel", "scales"), [(True, 16), (False, 1)])
def test_scales_per_channel_or_per_tensor(per_channel: bool, scales: int) -> None:
    pass_ = StaticInt8(per_channel=per_channel)
    model = pass_.run(pass_models.load("cnn"), pass_models.context("cnn")).model
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    of_weight = next(
        n for n in model.graph.node if n.input[0] in constants and constants[n.input[0]].ndim == 4
    )
    assert constants[of_weight.input[1]].size == scales


def test_old_opsets_are_raised_for_scales_per_channel() -> None:
    model = StaticInt8().run(pass_models.load("old_cnn"), pass_models.context("old_cnn")).model
    assert model.opset_import[0].version >= 13


def test_calibrations_differ_where_there_are_outliers() -> None:
    """Student's t has heavy tails: min-max keeps all in range, the others cut some off."""
    random = np.random.default_rng(0)
    shape = pass_models.feeds("cnn")[0]["x"].shape
    samples = [{"x": random.standard_t(3, shape).astype(np.float32)} for _ in range(16)]
    context = Context(calibration=Calibration(samples))
    ranges = {}
    for calibration in ("minmax", "percentile", "entropy"):
        pass_ = StaticInt8.model_validate({"calibration": calibration, "percentile": 99.0})
        model = pass_.run(pass_models.load("cnn"), context).model
        ranges[calibration] = 255 * _scale_of_input(model)
    values = np.concatenate([sample["x"].ravel() for sample in samples])
    assert ranges["minmax"] == pytest.approx(np.ptp(values), rel=0.01)
    low, high = np.percentile(values, [0.5, 99.5])
    assert ranges["percentile"] == pytest.approx(high - low, rel=0.05)
    assert ranges["percentile"] < ranges["entropy"] < 0.9 * ranges["minmax"]


def test_an_outlier_in_the_last_sample_costs_no_time() -> None:
    """The library's histograms would grow to a million times their size."""
    samples = [{"x": feeds["x"] * 1e-6} for feeds in pass_models.feeds("cnn")[:15]]
    context = Context(calibration=Calibration([*samples, pass_models.feeds("cnn")[15]]))
    pass_ = StaticInt8.model_validate({"calibration": "entropy"})
    assert pass_.run(pass_models.load("cnn"), context).modified


def test_no_more_samples_than_asked_for_are_read() -> None:
    read = []

    class Counting(Calibration):
        def __iter__(self):
            for index, feeds in enumerate(self._samples):
                read.append(index)
                yield feeds

    calibration = Counting(pass_models.feeds("cnn"))
    outcome = StaticInt8(samples=3).run(pass_models.load("cnn"), Context(calibration=calibration))
    assert read == [0, 1, 2]
    assert outcome.notes[-1] == "Ranges: minmax over 3 calibration samples."


def test_nothing_to_quantize_says_why() -> None:
    outcome = StaticInt8().run(pass_models.load("arithmetic"), pass_models.context("arithmetic"))
    assert not outcome.modified
    assert "Nothing was quantized" in outcome.notes[0]


def test_quantizing_twice_is_refused() -> None:
    once = StaticInt8().run(pass_models.load("mlp"), pass_models.context("mlp")).model
    assert count_ops(once)["QuantizeLinear"] > 0
    with pytest.raises(InputError, match="quantized already"):
        StaticInt8().run(once, pass_models.context("mlp"))


def _scale_of_input(model: onnx.ModelProto) -> float:
    constants = {t.name: t for t in model.graph.initializer}
    node = next(n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == "x")
    return float(np.ravel(numpy_helper.to_array(constants[node.input[1]]))[0])


def _outputs_of(model: onnx.ModelProto, op: str) -> set[str]:
    return {name for node in model.graph.node if node.op_type == op for name in node.output}


def _inputs_of(model: onnx.ModelProto, op: str) -> set[str]:
    return {name for node in model.graph.node if node.op_type == op for name in node.input}


def test_what_is_too_close_to_zero_for_a_scale_stays_in_float() -> None:
    """A value of 1e-39 between two factors, and a layer that answered 0 to all that was seen."""
    model = onnx.load(Path(__file__).parents[1] / "cases" / "denormals_model.onnx")
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    samples = np.random.default_rng(0).standard_normal((6, *shape)).astype(np.float32)
    feeds = [{"x": sample} for sample in samples]
    outcome = StaticInt8().run(model, Context(calibration=Calibration(feeds)))
    assert any("too close to zero for 8 bits" in note for note in outcome.notes)
    floats, integers = (
        np.stack(
            [onnxruntime.InferenceSession(one.SerializeToString()).run(None, f)[0] for f in feeds]
        )
        for one in (model, outcome.model)
    )
    assert np.corrcoef(floats.ravel(), integers.ravel())[0, 1] > 0.99
