"""Patterns that engines fuse, where a graph spells them out."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import onnx
import pytest

from optim.explaining.executed import Executed
from optim.graph.analysis import analyse
from optim.graph.values import Analysis, NodeRow
from optim.recipe import Recipe
from optim.why.evidence import Evidence
from optim.why.findings import attention_not_fused
from optim.why.patterns import attentions, normalizations


def rows(text: str) -> Analysis:
    """A graph in ONNX's text, of rows without shapes."""
    nodes = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]> g {text}').graph.node
    found = tuple(
        NodeRow(
            name=n.name or n.output[0],
            op=n.op_type,
            reads=tuple(n.input),
            writes=tuple(n.output),
        )
        for n in nodes
    )
    return Analysis.model_construct(nodes=found, weights=(), outputs=("y",))


def test_a_normalization_by_two_moments_is_one() -> None:
    """The mean of squares less the square of the mean."""
    text = """(float[2,8] x, float e) => (float[2,8] y) {
      [mean] m = ReduceMean<axes=[-1]>(x)  [square] s = Mul(x, x)
      [squares] q = ReduceMean<axes=[-1]>(s)  [other] o = Mul(m, m)  [less] v = Sub(q, o)
      [safe] a = Add(v, e)  [root] r = Sqrt(a)  [centred] c = Sub(x, m)  [last] y = Div(c, r) }"""
    (found,) = normalizations(rows(text))
    assert found.anchor == "root" and {"mean", "squares", "last"} <= set(found.nodes)


def test_what_hides_a_normalization_is_its_axis_not_the_layer_before_it(tmp_path: Path) -> None:
    """A convolution makes what is normalized, a constant the square's exponent."""
    text = """<ir_version: 8, opset_import: ["": 13]>
    g (float[1,4,6,6] x, float[4,4,1,1] w, float e) => (float[1,4,6,6] y) {
      [layer] h = Conv(x, w)  [mean] m = ReduceMean<axes=[1]>(h)  [less] c = Sub(h, m)
      [two] t = Constant<value_float = 2.0>()  [square] s = Pow(c, t)
      [squares] q = ReduceMean<axes=[1]>(s)  [safe] a = Add(q, e)
      [root] r = Sqrt(a)  [last] y = Div(c, r) }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    (found,) = normalizations(analyse(tmp_path / "model.onnx"))
    assert found.unusual == "that means are taken over axis 1, not the last"
    assert "layer" not in found.nodes


def test_attention_is_found_where_its_softmax_is_spelled_out() -> None:
    graph = rows(
        """(float[4,8,8] q, float[4,8,8] k, float[4,8,8] v, int64[1] last) => (float[4,8,8] y) {
          [scores] s = MatMul(q, k)  [most] m = ReduceMax<axes=[-1]>(s)  [less] d = Sub(s, m)
          [powers] e = Exp(d)  [sum] t = ReduceSum(e, last)  [shares] p = Div(e, t)
          [mix] y = MatMul(p, v) }"""
    )
    (found,) = attentions(graph)
    assert found.anchor == "shares"
    assert found.unusual == "a softmax that is itself spelled out"
    assert set(found.nodes) == {row.name for row in graph.nodes}


def test_a_quotient_between_products_is_no_attention() -> None:
    graph = rows(
        """(float[4,8,8] q, float[4,8,8] k, float[4,8,8] v, int64[1] last) => (float[4,8,8] y) {
          [scores] s = MatMul(q, k)  [sum] t = ReduceSum(s, last)  [shares] p = Div(s, t)
          [mix] y = MatMul(p, v) }"""
    )
    assert not list(attentions(graph))


def test_a_normalization_by_a_power_is_one_and_its_square_is_none() -> None:
    graph = rows(
        """(float[2,8] x, float e, float two, float half) => (float[2,8] y) {
          [mean] m = ReduceMean<axes=[-1]>(x)  [less] c = Sub(x, m)  [square] s = Pow(c, two)
          [variance] v = ReduceMean<axes=[-1]>(s)  [safe] a = Add(v, e)  [root] r = Pow(a, half)
          [last] y = Mul(c, r) }"""
    )
    (found,) = normalizations(graph)
    assert found.anchor == "root" and found.unusual == "the power in place of a root (root)"
    assert "last" in found.nodes


def attended(between: str) -> Analysis:
    """Scores, what makes shares `p` of them, and the values that those weigh."""
    return rows(
        f"""(float[4,8,8] q, float[4,8,8] k, float[4,8,8] v, float c, int64[1] last)
        => (float[4,8,8] y) {{ s = MatMul(q, k)  {between}  y = MatMul(p, v) }}"""
    )


def test_attention_is_found_however_its_scores_are_bound_and_shared() -> None:
    for between in (
        "a = Div(s, c)  b = Tanh(a)  d = Mul(b, c)  e = Softplus(d)  p = Softmax(e)",
        "e = Exp(s)  t = ReduceSum(e, last)  r = Reciprocal(t)  p = Mul(e, r)",
        "a = LogSoftmax(s)  p = Exp(a)",
    ):
        assert len(list(attentions(attended(between)))) == 1, between
    assert not list(attentions(attended("e = Exp(s)  t = ReduceSum(s, last)  p = Mul(e, t)")))


@pytest.mark.parametrize(("mask_us", "notes"), [(0.0, [True]), (40.0, [True]), (200.0, [False])])
def test_attention_node_by_node_costs_what_is_neither_product_nor_softmax(
    mask_us: float, notes: list[bool]
) -> None:
    mask = "b = Add(a, k)" if mask_us else "b = Identity(a)"
    graph = attended(f"a = Transpose(s)  {mask}  p = Softmax(b)")
    took = {"Softmax": 200.0, "Transpose": 200.0, "Add": mask_us}
    ran = [
        Executed(
            name=row.name,
            op=row.op,
            executed_op=row.op,
            precision="fp32",
            microseconds=took[row.op],
            multiplies=False,
        )
        for row in graph.nodes
        if row.op in took
    ]
    here = SimpleNamespace(
        graph=graph,
        executed=ran,
        recipe=Recipe.parse("onnxruntime"),
        ms=lambda works: sum(one.microseconds for one in works) / 1e3,
        share=lambda works: sum(one.microseconds for one in works) / 1e3,
    )
    found = list(attention_not_fused.find(cast("Evidence", here)))
    assert [one.note for one in found] == notes
    assert all(one.cost_ms == mask_us / 1e3 for one in found)


def test_a_bias_or_mask_within_an_attention_is_named() -> None:
    (found,) = attentions(attended("a = Div(s, c)  b = Add(a, k)  p = Softmax(b)"))
    assert found.within == "Add (b)" and not found.unusual


def normalized(text: str) -> list[str]:
    graph = rows(f"(float[2,8] x, float e, float two, float n) => (float[2,8] y) {{ {text} }}")
    return [found.anchor for found in normalizations(graph)]


def test_a_normalization_is_found_whatever_takes_its_root_and_scales_it() -> None:
    centred = "m = ReduceMean<axes=[-1]>(x)  c = Sub(x, m)"
    for text in (
        "s = Pow(x, two)  v = ReduceMean<axes=[-1]>(s)  a = Add(v, e)  r = Sqrt(a)"
        "  i = Reciprocal(r)  y = Mul(x, i)",
        f"{centred}  r = ReduceL2(c)  a = Add(r, e)  d = Div(c, a)  y = Mul(d, n)",
        f"{centred}  s = Mul(c, c)  v = ReduceMean<axes=[-1]>(s)  a = Add(v, e)  r = Sqrt(a)"
        "  i = Reciprocal(r)  g = Mul(i, n)  h = Mul(x, g)  o = Mul(m, g)  y = Sub(h, o)",
    ):
        assert normalized(text) == ["r"], text
    assert not normalized("r = ReduceL2(x)  y = Div(x, r)")  # a vector of length 1
    assert not normalized("s = Mul(x, n)  m = ReduceMean(s)  r = Sqrt(m)  y = Div(x, r)")
