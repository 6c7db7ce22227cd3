"""Causes in forms that graphs of other makers have: turned weights, islands, loops, tied tables."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from optim.explaining.executed import Executed, Side
from optim.explaining.profile import ProfiledNode
from optim.graph.analysis import analyse
from optim.graph.values import Analysis, NodeRow
from optim.graph.wiring import Wiring
from optim.recipe import Recipe
from optim.why.findings import (
    denormals,
    emulated_precision,
    memory_bound,
    normalization_not_fused,
    pairs_not_fused,
    saturation,
    slow_kernel,
)
from optim.why.observing import Observed, _inside
from optim.why.overflowing import overflowing
from optim.why.quantized import quantized_products
from optim.why.standardizing import standardizing

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
    for noise, precision, count in ((0.02, "int8", 1), (0.02, "fp32", 0), (0.001, "int8", 0)):
        ran = [work("y", "MatMul").model_copy(update={"multiplies": True, "precision": precision})]
        here = seen(analysis, ran, observed=Observed(overflows={"y": noise}))
        found = list(saturation.find(here))
        assert len(found) == count
        assert all("noise of up to 2" in one.text and one.note for one in found)


@pytest.mark.parametrize(("weight", "least"), [(127, 0.05), (60, 0.0)])
@pytest.mark.parametrize("op", ["MatMul", "Conv", "QLinearMatMul"])
def test_sums_that_leave_16_bits_are_recomputed(
    op: str, weight: int, least: float, tmp_path: Path
) -> None:
    """Two products of 255 by 127 do not fit; two by 60 do."""
    kernel = (8, 2, 3, 3) if op == "Conv" else (8, 8)
    shape = "1,2,8,8" if op == "Conv" else "4,8"
    product = {
        "MatMul": "b = DequantizeLinear(a, s, z) w = DequantizeLinear(q, s, n) y = MatMul(b, w)",
        "Conv": "b = DequantizeLinear(a, s, z) w = DequantizeLinear(q, s, n)"
        " y = Conv<pads=[1,1,1,1]>(b, w)",
        "QLinearMatMul": "c = QLinearMatMul(a, s, z, q, s, n, s, z) y = DequantizeLinear(c, s, z)",
    }[op]
    text = f"(float[{shape}] x) => (float[n,m] y) {{ a = QuantizeLinear(x, s, z) {product} }}"
    values = {"s": np.float32(0.01), "z": np.uint8(0), "n": np.int8(0)}
    made = model(text, q=np.full(kernel, weight, np.int8), **values)
    sample = np.full([int(n) for n in shape.split(",")], 9, np.float32)
    (noise,) = overflowing(made, [{"x": sample}], tmp_path).values()
    assert (noise > least) if least else (noise == 0)


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


DEVIATIONS = {
    "of a sample, scaled before": """m = ReduceMean<axes=[-1]>(x) c = Sub(x, m) q = Mul(c, c)
        v = ReduceMean<axes=[-1]>(q) u = Mul(v, more) r = Sqrt(u) d = Add(r, e)
        n = Mul(c, scale) y = Div(n, d)""",
    "means by products": """m = MatMul(x, mean) c = Sub(x, m) q = Mul(c, c) v = MatMul(q, mean)
        u = Add(v, e) h = Log(u) g = Mul(h, half) r = Exp(g) y = Mul(c, r)""",
}
OTHERS = {
    "a softmax": "q = Exp(x) v = ReduceSum<keepdims=1>(q, last) y = Div(q, v)",
    "a vector of length one": "r = ReduceL2<axes=[-1]>(x) y = Div(x, r)",
    "a gate": "m = ReduceMean<axes=[-1]>(x) g = Sigmoid(m) y = Mul(x, g)",
}


@pytest.mark.parametrize("form", [*DEVIATIONS, *OTHERS])
def test_what_is_divided_by_its_deviation_is_known_by_its_values(form: str, tmp_path: Path) -> None:
    text = (DEVIATIONS | OTHERS)[form]
    weights = {
        "more": np.float32(16 / 15), "e": np.float32(1e-6), "half": np.float32(-0.5),
        "scale": np.linspace(0.1, 3, 16, dtype=np.float32),
        "mean": np.full((16, 1), 1 / 16, np.float32), "last": np.array([-1]),
    }  # fmt: skip
    text = f"(float[8,16] x) => (float[8,16] y) {{ {text} }}"
    analysis = graph(tmp_path, text, **weights)
    draws = np.random.default_rng(0).standard_normal((8, 16)) * np.arange(1, 9)[:, None]
    sample = {"x": draws.astype(np.float32)}
    found = standardizing(tmp_path / "model.onnx", model(text, **weights), [sample], tmp_path)
    ran = [work(row.name, row.op) for row in analysis.nodes]
    here = seen(analysis, ran, observed=Observed(standardizing=tuple(found)))
    named = [one.nodes for one in normalization_not_fused.find(here)]
    assert named == ([("y",)] if form in DEVIATIONS else [])


@pytest.mark.parametrize(
    ("us", "unknown", "count"), [(900.0, "", 1), (60.0, "", 0), (900.0, "the shape is not", 0)]
)
def test_what_crawls_through_its_bytes_has_no_fast_kernel(
    us: float, unknown: str, count: int
) -> None:
    """Products are held against others; this is held against memory. Bytes that are not counted
    (of a length that is known inside of the graph only) tell no rate.
    """
    row = NodeRow(name="warp", op="GridSample", bytes=200_000, unknown=unknown)
    node = ProfiledNode(name="warp", op=row.op, microseconds=us, share=1, rows=(row,))
    side = Side(analysis=Analysis.model_construct(nodes=(row,), weights=()), profile=(node,))
    here = seen(side.analysis, [], after=side, p50_ms=us / 1e3)
    assert len(list(slow_kernel.find(here))) == count


@pytest.mark.parametrize(("kind", "ran", "count"), [
    ("fp16", "fp32", 1), ("bf16", "fp32", 1), ("fp16", "fp16", 0), ("fp32", "fp32", 0),
])  # fmt: skip
def test_halves_that_run_in_float_are_emulated(kind: str, ran: str, count: int) -> None:
    row = NodeRow(name="y", op="MatMul", flops=100, precision=kind)
    graph = Analysis.model_construct(nodes=(row,), weights=(), outputs=())
    works = [work("y", "MatMul").model_copy(update={"precision": ran})]
    assert len(list(emulated_precision.find(seen(graph, works)))) == count
