"""Causes in forms that graphs of other makers have: turned weights, islands, loops, tied tables."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from optim.explaining.executed import Executed
from optim.graph.analysis import analyse
from optim.graph.values import Analysis
from optim.graph.wiring import Wiring
from optim.recipe import Recipe
from optim.why.findings import denormals, memory_bound, pairs_not_fused, saturation
from optim.why.observing import Observed, _full_bytes, _inside
from optim.why.quantized import quantized_products

PAIRS = {"s": np.float32(0.02), "z": np.uint8(120), "ws": np.float32(0.004), "wz": np.int8(0)}


def model(text: str, **weights: np.ndarray) -> onnx.ModelProto:
    made = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]> g {text}')
    made.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()
    )
    for node in made.graph.node:
        node.name = node.output[0]
    return made


def graph(folder: Path, text: str, **weights: np.ndarray) -> Analysis:
    onnx.save(model(text, **weights), folder / "model.onnx")
    return analyse(folder / "model.onnx")


def seen(analysis: Analysis, works: list[Executed], **facts: object) -> SimpleNamespace:
    """As far as one finding looks at it."""
    known = {
        "graph": analysis,
        "wiring": Wiring(analysis),
        "rows": {row.name: row for row in analysis.nodes},
        "executed": works,
        "before": SimpleNamespace(analysis=analysis),
        "recipe": Recipe.parse("onnxruntime"),
        "engine": "onnxruntime",
        "names_before": frozenset(),
        "p50_ms": 1.0,
        "part": lambda name: None,
        "probe": None,
        "ms": lambda some: sum(work.microseconds for work in some) / 1e3,
        "share": lambda some: sum(work.microseconds for work in some) / 1e3,
        "trial": SimpleNamespace(warnings=()),
        "original": SimpleNamespace(inputs=()),
        "observed": Observed(),
    }
    return SimpleNamespace(**known | facts)


def work(name: str, op: str, us: float = 300.0, converts: bool = False) -> Executed:
    facts = {"multiplies": op == "MatMul", "precision": "" if converts else "fp32"}
    return Executed(name=name, op=op, executed_op=op, microseconds=us, converts=converts, **facts)


ISLAND = """(float[4,8] x{more}) => (float[4,8] y) {{
  a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)  c = Softplus(b)  d = {second}
  e = QuantizeLinear(d, s, z)  y = DequantizeLinear(e, s, z) }}"""


@pytest.mark.parametrize(
    ("more", "second", "named"),
    [("", "Sqrt(c)", ("c", "d")), (", float[4,8] t", "Add(c, t)", ())],
)
def test_an_island_of_nodes_between_pairs_is_named_and_an_open_one_is_not(
    more: str, second: str, named: tuple[str, ...], tmp_path: Path
) -> None:
    analysis = graph(tmp_path, ISLAND.format(more=more, second=second), **PAIRS)
    works = [work("c", "Softplus"), work("d", "Sqrt"), work("a", "QuantizeLinear", converts=True)]
    found = list(pairs_not_fused.find(seen(analysis, works)))
    assert tuple(node for one in found for node in one.nodes) == named


def test_weights_that_are_turned_behind_their_pair_are_quantized(tmp_path: Path) -> None:
    text = """(float[4,8] x) => (float[4,6] y) {
      a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
      r = DequantizeLinear(q, ws, wz)  w = Transpose(r)  y = MatMul(b, w) }"""
    analysis = graph(tmp_path, text, q=np.full((6, 8), 100, np.int8), **PAIRS)
    (one,) = quantized_products(analysis)
    assert (one.row.op, one.activations, one.weights) == ("MatMul", "uint8", "int8")
    for full, count in ((("q",), 1), ((), 0)):
        here = seen(analysis, [], observed=Observed(full_bytes=full))
        assert len(list(saturation.find(here))) == count


def test_weights_of_all_bits_are_seen_and_those_of_seven_are_not() -> None:
    for most, count in ((127, 1), (63, 0)):
        made = model("(float[1] x) => (float[1] y) { y = Identity(x) }",
                     q=np.full((4, 4), most, np.int8))  # fmt: skip
        assert len(list(_full_bytes(made))) == count


def test_a_table_that_is_read_turned_waits_for_memory_as_weights_do(tmp_path: Path) -> None:
    text = "(float[1,256] x) => (float[1,4000] y) { w = Transpose(t)  y = MatMul(x, w) }"
    analysis = graph(tmp_path, text, t=np.zeros((4000, 256), np.float32))
    (found,) = memory_bound.find(seen(analysis, [work("y", "MatMul", 800)]))
    assert found.nodes == ("y",) and "weights" in found.advice


def test_what_passes_over_large_tensors_at_the_rate_of_memory_waits_for_it(tmp_path: Path) -> None:
    text = "(float[1000,2000] x) => (float[1000,2000] y) { y = Relu(x) }"
    analysis = graph(tmp_path, text)
    for us, count in ((900.0, 1), (9_000.0, 0)):
        here = seen(analysis, [work("y", "Relu", us)])
        assert len(list(memory_bound.find(here))) == count


def test_subnormal_numbers_are_seen_inside_of_a_loop(tmp_path: Path) -> None:
    made = model(
        """(float[1,8] x) => (float[1,8] y) {
          n = Mul(x, tiny)
          h = Loop<body = b (int64 i, bool c, float[1,8] p) => (bool g, float[1,8] o) {
              g = Identity(c)  m = Mul(p, leak)  o = Sub(m, m) }>(trips, go, n)
          y = Add(h, x) }""",
        tiny=np.float32(1e-38), leak=np.float32(0.5), trips=np.int64(3), go=np.array(True),
    )  # fmt: skip
    onnx.save(made, tmp_path / "model.onnx")
    feeds = [{"x": np.ones((1, 8), np.float32)}]
    values, bodies = _inside(tmp_path / "model.onnx", feeds, tmp_path)
    assert values["y"] == 0 and bodies["h"] > 0.3
    here = seen(analyse(tmp_path / "model.onnx"), [], before=None, observed=Observed(bodies=bodies))
    here.before = SimpleNamespace(analysis=here.graph)
    (found,) = denormals.find(here)
    assert "values within (h" in found.text and "h" in found.nodes
