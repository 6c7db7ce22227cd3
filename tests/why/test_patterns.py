"""Patterns that engines fuse, where a graph spells them out."""

from pathlib import Path

import onnx

from optim.graph.analysis import analyse
from optim.graph.values import Analysis, NodeRow
from optim.why.patterns import normalizations


def test_a_normalization_by_two_moments_is_one() -> None:
    """The mean of squares less the square of the mean."""
    text = """<ir_version: 8, opset_import: ["": 17]> g (float[2,8] x, float e) => (float[2,8] y) {
      [mean] m = ReduceMean<axes=[-1]>(x)  [square] s = Mul(x, x)
      [squares] q = ReduceMean<axes=[-1]>(s)  [other] o = Mul(m, m)  [less] v = Sub(q, o)
      [safe] a = Add(v, e)  [root] r = Sqrt(a)  [centred] c = Sub(x, m)  [last] y = Div(c, r) }"""
    nodes = onnx.parser.parse_model(text).graph.node
    rows = tuple(
        NodeRow(name=n.name, op=n.op_type, reads=tuple(n.input), writes=tuple(n.output))
        for n in nodes
    )
    (found,) = normalizations(Analysis.model_construct(nodes=rows, weights=(), outputs=("y",)))
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
