"""Graphs of the fifth set that are written node by node, and its samples."""

import numpy as np
import onnx

from bench.findings.case import SAMPLES, Arrays, answers, drawn, name_of_input, written
from bench.findings.fourth_graphs import labelled


def squashed() -> onnx.ModelProto:
    """Brought quantized: a hyperbolic tangent between convolutions, each between pairs."""
    weight = np.random.default_rng(41).integers(-90, 90, (40, 40, 3, 3)).astype(np.int8)
    return written(
        """(float[1,40,30,30] x) => (float[1,40,30,30] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)  v = DequantizeLinear(q, ws, wz)
          c = Conv<pads=[1,1,1,1]>(b, w)
          d = QuantizeLinear(c, s, z)  e = DequantizeLinear(d, s, z)
          f = Tanh(e)
          g = QuantizeLinear(f, s, z)  h = DequantizeLinear(g, s, z)
          i = Conv<pads=[1,1,1,1]>(h, v)
          j = QuantizeLinear(i, s, z)  y = DequantizeLinear(j, s, z) }""",
        opset=15,
        q=weight,
        s=np.float32(0.02),
        z=np.uint8(125),
        ws=np.float32(0.003),
        wz=np.int8(0),
    )


def summed() -> onnx.ModelProto:
    """Brought quantized: a product as Einsum between pairs."""
    return written(
        """(float[8,64,96] x) => (float[8,64,96] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)
          c = Einsum<equation="bti,io->bto">(b, w)
          d = QuantizeLinear(c, s, z)  y = DequantizeLinear(d, s, z) }""",
        opset=13,
        q=np.random.default_rng(43).integers(-90, 90, (96, 96)).astype(np.int8),
        s=np.float32(0.03),
        z=np.uint8(128),
        ws=np.float32(0.003),
        wz=np.int8(0),
    )


def scaler() -> onnx.ModelProto:
    """Facts brought to one scale, then weighed."""
    return written(
        "(float[1,6] x) => (float[1,1] y) { a = Sub(x, m)  b = Div(a, d)  y = MatMul(b, w) }",
        opset=12,
        m=(6,),
        d=np.full(6, 2, np.float32),
        w=(6, 1),
    )


def of_the_row_before(made: onnx.ModelProto) -> Arrays:
    """Each sample has the label of the one before it."""
    found = labelled(made)
    return found | {"labels": np.roll(found["labels"], 1)}


def around_zero(made: onnx.ModelProto) -> Arrays:
    """Numbers from -1 to 1 where the model expects 0 to 1."""
    found = drawn(made, 220)
    shares = {name: np.clip(x / 5 + 0.5, 0, 1) for name, x in found.items()}
    labels = answers(made, shares)
    return {name: 2 * x - 1 for name, x in shares.items()} | {
        "labels": labels,
        "metric": np.array("top1"),
    }


def at_night(made: onnx.ModelProto) -> Arrays:
    """Calibrated by day, judged at night: darker and of less contrast."""
    (x,) = drawn(made).values()
    judged = np.arange(len(x)) >= len(x) // 2
    x[~judged] = x[~judged] * 3 + 6
    return {name_of_input(made): x, "calibration": ~judged}


def two_lengths(made: onnx.ModelProto) -> Arrays:
    """Short sentences among a few long ones, filled up with zeros."""
    chance, ids = np.random.default_rng(17), np.zeros((SAMPLES, 1, 96), np.int64)
    for place, row in enumerate(ids):
        length = 96 if place % 9 == 0 else chance.integers(10, 30)
        row[0, :length] = chance.integers(1, 200, length)
    return {name_of_input(made): ids}


def nearly_full(made: onnx.ModelProto) -> Arrays:
    """Sentences of nearly one length."""
    chance, ids = np.random.default_rng(18), np.zeros((SAMPLES, 1, 48), np.int64)
    for row in ids:
        length = chance.integers(43, 49)
        row[0, :length] = chance.integers(1, 200, length)
    return {name_of_input(made): ids}


def with_margins(made: onnx.ModelProto) -> Arrays:
    """Pictures with dark margins, as of digits."""
    found = labelled(made)
    x = found[name_of_input(made)]
    x[..., :5], x[..., -5:] = 0, 0
    x[..., :5, :], x[..., -5:, :] = 0, 0
    return found | {"labels": answers(made, {name_of_input(made): x})}
