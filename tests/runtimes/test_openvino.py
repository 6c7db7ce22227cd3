"""What is particular to OpenVINO."""

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from fuzz.bundled import stored
from optim.errors import StepError
from optim.machine.environment import cpu_flags
from optim.part import Circumstances
from optim.recipe import Recipe
from optim.runtimes import openvino

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
FLOAT = (
    HEADER
    + """ g (float[1,3,16,16] x) => (float[1,16,16,16] y) {
  [conv] c = Conv<pads=[1,1,1,1]>(x, w)
  [relu] y = Relu(c)
}"""
)
QDQ = (
    HEADER
    + """ g (float[1,3,16,16] x) => (float[1,16,16,16] y) {
  [xq] a = QuantizeLinear(x, s, z)
  [xd] b = DequantizeLinear(a, s, z)
  [wd] v = DequantizeLinear(w8, sw, zw)
  [conv] c = Conv<pads=[1,1,1,1]>(b, v)
  [cq] d = QuantizeLinear(c, s, z)
  [cd] y = DequantizeLinear(d, s, z)
}"""
)
RNG = np.random.default_rng(0)
WEIGHTS = {
    "w": RNG.normal(0, 0.3, (16, 3, 3, 3)).astype(np.float32),
    "w8": RNG.integers(-127, 127, (16, 3, 3, 3)).astype(np.int8),
    "s": np.float32(0.05),
    "sw": np.float32(0.002),
    "z": np.uint8(128),
    "zw": np.int8(0),
    "sc": np.full(16, 0.002, np.float32),
    "zc": np.zeros(16, np.int8),
    "up": RNG.integers(-127, 127, (32, 32)).astype(np.int8),
    "down": RNG.integers(-127, 127, (32, 8)).astype(np.int8),
}
FEEDS = {"x": RNG.normal(size=(1, 3, 16, 16)).astype(np.float32)}


def save(text, path):
    model = onnx.parser.parse_model(text)
    used = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in WEIGHTS.items()
        if name in used
    )
    onnx.save(model, path)
    return path


def test_a_qdq_model_runs_in_int8_whatever_the_precision(tmp_path):
    path = save(QDQ, tmp_path / "model.onnx")
    for spelling in ("openvino", "openvino:precision=bf16"):
        rows = Recipe.parse(spelling).runtime.profile(path, FEEDS, runs=3)
        convolution = next(row for row in rows if "conv" in row.nodes)
        assert convolution.precision in {"i8", "u8"}


@pytest.mark.parametrize(("spelling", "pinned"), [("on", True), ("off", False)])
def test_pinning_reaches_the_engine(tmp_path, spelling, pinned):
    path = save(FLOAT, tmp_path / "model.onnx")
    runtime = Recipe.parse(f"openvino:pinning={spelling}").runtime
    assert runtime._compile(path).get_property("ENABLE_CPU_PINNING") is pinned
    assert "ENABLE_CPU_PINNING" not in Recipe.parse("openvino").runtime.script()


def test_facts_tell_the_precision_that_was_executed(tmp_path):
    path = save(FLOAT, tmp_path / "model.onnx")
    plain = Recipe.parse("openvino").runtime.open(path).facts()
    assert (plain["precision_asked"], plain["precision"]) == ("f32", "f32")
    half = Recipe.parse("openvino:precision=bf16").runtime.open(path).facts()
    assert half["precision_asked"] == "bf16"
    assert ("bf16" in half["layers"]) == (half["precision"] == "bf16")


@pytest.mark.skipif(
    not {"avx512_bf16", "amx_bf16"} & cpu_flags(), reason="the CPU has no bf16 instructions"
)
def test_bf16_is_executed_where_the_cpu_has_it(tmp_path):
    path = save(FLOAT, tmp_path / "model.onnx")
    rows = Recipe.parse("openvino:precision=bf16").runtime.profile(path, FEEDS, runs=3)
    assert next(row for row in rows if "conv" in row.nodes).precision == "bf16"
    exact = Recipe.parse("openvino").runtime.open(path).run(FEEDS)["y"]
    rounded = Recipe.parse("openvino:precision=bf16").runtime.open(path).run(FEEDS)["y"]
    assert 0 < np.abs(exact - rounded).max() < 0.1


def test_facts_do_not_pretend_where_the_cpu_lacks_bf16(tmp_path, monkeypatch):
    path = save(FLOAT, tmp_path / "model.onnx")
    session = Recipe.parse("openvino:precision=bf16").runtime.open(path)
    monkeypatch.setattr("optim.runtimes.openvino.cpu_flags", lambda: frozenset({"avx512f"}))
    assert session.facts()["precision"] in {"f32", "emulated bf16"}


CHANNELS = (
    HEADER
    + """ g (uint8[1,3,16,16] x) => (uint8[1,16,14,14] y) {
  [odd] y = QLinearConv(x, s, z, w8, sc, zc, s, z)
}"""
)


def test_a_conversion_that_loses_an_input_is_refused_and_not_run():
    """Of sequences it takes other members than the model says, and memory that is nobody's."""
    session = Recipe.parse("openvino").runtime.open(dict(stored(0, 1000))["test_sequence_model3"])
    feeds = {name: np.ones((2, 3, 4), np.float32) for name in "XYZ"}
    for start in (session.run, session.bind):
        with pytest.raises(StepError, match="its conversion loses the input Z"):
            start(feeds)


def test_what_it_cannot_convert_is_named_and_not_started(tmp_path):
    path = save(CHANNELS, tmp_path / "model.onnx")
    engine = Recipe.parse("openvino").runtime
    with pytest.raises(StepError) as caught:
        engine.open(path)
    assert caught.value.what == (
        "OpenVINO cannot open this model: it cannot convert QLinearConv (which makes y)."
    )
    assert not engine.takes(Circumstances(ops={"QLinearConv": 1}))
    assert engine.takes(Circumstances(ops={"Conv": 1, "QuantizeLinear": 1}))


def test_a_conversion_that_fails_late_names_its_operator_too() -> None:
    said = (
        "Model wasn't fully converted. Failed operations detailed log:\n"
        "-- Loop-15 with a message:\nWhile validating ONNX node '<Node(Loop): loop:0>':\n"
        "The provided loop body graph canonical inputs size (10), does not match\n"
    )
    unknown = "Summary:\nNo conversion rule found for operations: CumProd-26, ai.onnx.ml.Scaler-1."
    assert openvino._reason(unknown) == "it has no CumProd, ai.onnx.ml.Scaler"
    assert openvino._reason(said) == "it cannot convert Loop (which makes loop:0)"
    both = f"{said}Summary:\n-- {unknown.splitlines()[1]}\n-- Conversion is failed for: Loop-15\n"
    assert openvino._reason(both) == "it has no CumProd, ai.onnx.ml.Scaler"


def test_types_and_modes_that_it_lacks_are_told_in_our_words() -> None:
    doubles = (
        "Exception from src/plugin.cpp:54:\nCheck 'a' failed at src/subgraph.cpp:381:\n"
        "Subgraph node with name 'y.0' Subgraph doesn't support f64 precision at input port 0.\n"
    )
    assert openvino._reason(doubles) == "it has no kernel in f64 for the node 'y.0'"
    training = (
        "-- Dropout-17 with a message:\nWhile validating ONNX node '<Node(Dropout): d>':\n"
        "Training mode is not supported for Dropout op\n"
    )
    said = "it cannot convert Dropout (which makes d), which is in training mode"
    assert openvino._reason(training) == said


@pytest.mark.parametrize("rows", [1, 4])
def test_small_products_in_8_bits_one_behind_the_other_are_right(tmp_path, rows: int) -> None:
    """OpenVINO 2026 puts them into one kernel, on one thread at least, that computes nonsense."""
    text = f"""{HEADER} g (float[{rows},32] x) => (float[{rows},8] y) {{
      a = QuantizeLinear(x, s, z) b = DequantizeLinear(a, s, z)
      v = DequantizeLinear(up, sw, zw) c = MatMul(b, v) r = Relu(c)
      d = QuantizeLinear(r, s, z) e = DequantizeLinear(d, s, z)
      u = DequantizeLinear(down, sw, zw) y = MatMul(e, u)
    }}"""
    path = save(text, tmp_path / "m.onnx")
    feeds = {"x": RNG.normal(size=(rows, 32)).astype(np.float32)}
    right = Recipe.parse("onnxruntime").runtime.open(path).run(feeds)["y"].ravel()
    session = Recipe.parse("openvino:threads=1").runtime.open(path)
    assert np.corrcoef(right, session.run(feeds)["y"].ravel())[0, 1] > 0.999
    assert "i8" in session.facts()["layers"] or "u8" in session.facts()["layers"]
