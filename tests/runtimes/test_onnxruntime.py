"""What is particular to ONNX Runtime."""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper
from support.paths import ROOT

from optim.part import parse_part
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
loop (float[1,8] x) => (float[1,8] y) {
  [wide] a = Mul(x, x)
  [one] n = Constant<value = int64 {3}>()
  [yes] c = Constant<value = bool {1}>()
  [repeat] y = Loop(n, c, a) <body = step (int64 i, bool go, float[1,8] s) =>
    (bool again, float[1,8] t) {
      [inner] again = Identity(go)
      [grow] t = Add(s, s)
  }>
}"""


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(onnx.parser.parse_model(MODEL), path)
    return path


def test_profile_counts_a_loop_once(model):
    feeds = {"x": np.ones((1, 8), np.float32)}
    rows = Recipe.parse("onnxruntime:graph=off").runtime.profile(model, feeds, runs=5)
    assert {row.op for row in rows} <= {"Mul", "Constant", "Loop"}
    assert "repeat" in {node for row in rows for node in row.nodes}


def test_an_operator_without_a_kernel_has_the_time_of_what_runs_in_its_place(tmp_path):
    text = """<ir_version: 8, opset_import: ["": 14]> g (float[1,64,64] x) => (float[1,64,64] y) {
      [first] a = HardSwish(x)  [root] b = Sqrt(a)  [second] y = HardSwish(b) }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    feeds = {"x": np.ones((1, 64, 64), np.float32)}
    rows = Recipe.baseline().runtime.profile(tmp_path / "model.onnx", feeds, runs=3)
    assert [row.op for row in rows] == [*("HardSigmoid", "Mul"), "Sqrt", *("HardSigmoid", "Mul")]
    assert [row.nodes for row in rows] == [("first",)] * 2 + [("root",)] + [("second",)] * 2


def test_what_runs_in_its_place_between_pairs_has_its_name(tmp_path):
    """The node that reads it is the model's own, and would claim it."""
    text = """<ir_version: 8, opset_import: ["": 14]>
    g (float[1,64,64] x, float s, uint8 z) => (float[1,64,64] y) {
      [a] q = QuantizeLinear(x, s, z)  [b] d = DequantizeLinear(q, s, z)  [gate] h = HardSwish(d)
      [c] r = QuantizeLinear(h, s, z)  [e] y = DequantizeLinear(r, s, z) }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    feeds = {
        "x": np.ones((1, 64, 64), np.float32),
        "s": np.array(0.1, np.float32),
        "z": np.array(0, np.uint8),
    }
    rows = Recipe.baseline().runtime.profile(tmp_path / "model.onnx", feeds, runs=3)
    ran = {(row.op, row.nodes) for row in rows}
    assert {("HardSigmoid", ("gate",)), ("Mul", ("gate",)), ("QuantizeLinear", ("c",))} <= ran


@pytest.mark.parametrize(
    ("spelling", "option", "value"),
    [
        ("onnxruntime", "graph_optimization_level", "ORT_ENABLE_ALL"),
        ("onnxruntime:graph=layout", "graph_optimization_level", "ORT_ENABLE_LAYOUT"),
        ("onnxruntime:graph=off", "graph_optimization_level", "ORT_DISABLE_ALL"),
        ("onnxruntime:mode=parallel", "execution_mode", "ORT_PARALLEL"),
        ("onnxruntime:threads=3", "intra_op_num_threads", "3"),
        ("onnxruntime:inter_op=2", "inter_op_num_threads", "2"),
        ("onnxruntime:arena=false", "enable_cpu_mem_arena", "False"),
        ("onnxruntime:mem_pattern=false", "enable_mem_pattern", "False"),
    ],
)
def test_settings_reach_the_engine(spelling, option, value):
    options = parse_part(spelling, all_runtimes())._options()
    found = getattr(options, option)
    assert getattr(found, "name", str(found)) == value


def test_kernels_may_be_left_without_their_own_order_of_weights():
    entry = "session.disable_prepacking"
    without = parse_part("onnxruntime:prepacking=false", all_runtimes())
    assert without._options().get_session_config_entry(entry) == "1"
    assert entry in without.script() and entry not in all_runtimes()["onnxruntime"]().script()


HEADER = '<ir_version: 8, opset_import: ["": 17]> g (float[1,16,8,8] x) => (float[1,16,8,8] y) '
FLOATS = HEADER + "{ [c] y = Conv<pads=[1,1,1,1]>(x, w) }"
EIGHT = f"""{HEADER} {{ q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)
  v = DequantizeLinear(w, s, t)  [c] c = Conv<pads=[1,1,1,1]>(d, v)
  r = QuantizeLinear(c, s, z)  y = DequantizeLinear(r, s, z) }}"""


def convolution(text, path):
    """A convolution of 16 channels, in floats or in 8 bits."""
    kind = np.float32 if text == FLOATS else np.int8
    values = {"w": (np.random.default_rng(0).normal(size=(16, 16, 3, 3)) * 10).astype(kind)}
    if text == EIGHT:
        zeros = {"z": np.array(128, np.uint8), "t": np.array(0, np.int8)}
        values |= {"s": np.array(0.1, np.float32), **zeros}
    made = onnx.parser.parse_model(text)
    made.graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in values.items())
    onnx.save(made, path)
    return path


@pytest.mark.parametrize(
    ("layout", "floats", "eight"),
    [
        ("auto", "ReorderOutput", "Transpose"),
        ("nchwc", "ReorderOutput", ""),
        ("nhwc", "", "Transpose"),
        ("nchw", "", ""),
    ],
)
def test_the_layout_of_convolutions_is_a_toggle_of_its_own(tmp_path, layout, floats, eight):
    engine = parse_part(f"onnxruntime:layout={layout}", all_runtimes())
    feeds = {"x": np.random.default_rng(1).normal(size=(1, 16, 8, 8)).astype(np.float32)}
    for expected, text in ((floats, FLOATS), (eight, EIGHT)):
        path = convolution(text, tmp_path / "model.onnx")
        changes = {node.op for node in engine.engine_graph(path)} & {"ReorderOutput", "Transpose"}
        assert changes == ({expected} if expected else set())
        answers = [one.open(path).run(feeds)["y"] for one in (engine, Recipe.baseline().runtime)]
        np.testing.assert_allclose(*answers, rtol=1e-3, atol=1e-3)
        written = {"MODEL": path}
        exec(engine.script(), written)  # noqa: S102
        np.testing.assert_array_equal(written["run"](feeds)["y"], answers[0])


def test_spinning_reaches_the_engine():
    for spelling, value in (("onnxruntime", "1"), ("onnxruntime:spinning=false", "0")):
        options = parse_part(spelling, all_runtimes())._options()
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == value


PROGRAM = """
import json, sys, optim
from pathlib import Path
from optim.recipe import Recipe
for spelling in ("onnxruntime", "openvino"):
    Recipe.parse(spelling).runtime.open(Path(sys.argv[1]))
print(json.dumps([name for name in sys.modules if name.startswith("openvino_telemetry.")]))
"""


def test_no_engine_reports_its_use(model, tmp_path):
    """Both would leave an identifier in the home folder before they call home."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH"}
    environment = {key: value for key, value in os.environ.items() if key in kept}
    root = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(model)],
        env={**environment, "HOME": str(home), "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == []
    assert [path for path in home.rglob("*") if path.is_file()] == []
