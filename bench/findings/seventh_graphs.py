"""Graphs of the seventh set that are written node by node, and its samples."""

import numpy as np
import onnx
from onnx import helper, parser

from bench.findings.case import SAMPLES, Arrays, drawn, name_of_input, written
from bench.findings.fourth_graphs import bytes_of
from bench.findings.sixth_graphs import scores
from optim.arrays import Array

_PAIRS = {"s": np.float32(0.025), "z": np.uint8(118), "ws": np.float32(0.004), "wz": np.int8(0)}


def rooted() -> onnx.ModelProto:
    """Brought quantized: the root of a softplus between convolutions, two nodes between pairs."""
    return written(
        """(float[1,32,32,32] x) => (float[1,32,32,32] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)  v = DequantizeLinear(q, ws, wz)
          c = Conv<pads=[1,1,1,1]>(b, w)
          d = QuantizeLinear(c, s, z)  e = DequantizeLinear(d, s, z)
          f = Softplus(e)  g = Sqrt(f)
          i = QuantizeLinear(g, s, z)  k = DequantizeLinear(i, s, z)
          l = Conv<pads=[1,1,1,1]>(k, v)
          m = QuantizeLinear(l, s, z)  y = DequantizeLinear(m, s, z) }""",
        opset=15,
        q=bytes_of(32, 32, 3, 3),
        **_PAIRS,
    )


def turned_weights() -> onnx.ModelProto:
    """Brought quantized: weights are turned behind their pair, for a transposed convolution."""
    return written(
        """(float[1,32,24,24] x) => (float[1,32,48,48] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          r = DequantizeLinear(q, ws, wz)  w = Transpose<perm=[1,0,2,3]>(r)
          c = ConvTranspose<strides=[2,2]>(b, w)
          d = QuantizeLinear(c, s, z)  y = DequantizeLinear(d, s, z) }""",
        opset=17,
        q=bytes_of(32, 32, 2, 2),
        **_PAIRS,
    )


def full_range() -> onnx.ModelProto:
    """Brought quantized: weights of all 8 bits, which sums of 16 bits do not hold."""
    weight = np.random.default_rng(81).integers(-127, 128, (256, 256)).astype(np.int8)
    return written(
        """(float[64,256] x) => (float[64,256] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)  c = MatMul(b, w)
          d = QuantizeLinear(c, s, z)  y = DequantizeLinear(d, s, z) }""",
        opset=17,
        q=weight,
        **_PAIRS,
    )


def developed() -> onnx.ModelProto:
    """A picture of four million points is made of a row, and its curve of brightness changed."""
    return written(
        """(float[1,1,1,2000] x) => (float[1,1,1,2000] y) {
          a = Add(x, c)  b = Mul(a, k)  d = Sub(a, b)  e = Max(b, d)
          y = ReduceMax<axes=[2]>(e) }""",
        opset=13,
        c=(1, 1, 2000, 1),
        k=np.float32(0.9),
    )


def forgotten() -> onnx.ModelProto:
    """A state that decays on each trip of a loop, and is seen outside only added to something."""
    return written(
        """(float[1,256] x) => (float[1,256] y) {
          n = Mul(x, tiny)
          h = Loop<body = b (int64 i, bool c, float[1,256] p) => (bool g, float[1,256] o) {
              g = Identity(c)  m = MatMul(p, w)  o = Mul(m, leak) }>(trips, go, n)
          y = Add(h, x) }""",
        opset=15,
        w=(256, 256),
        tiny=np.float32(1e-37),
        leak=np.float32(0.7),
        trips=np.int64(20),
        go=np.array(True),
    )


def regularized() -> onnx.ModelProto:
    """Dropout that still trains, within a function of the model's own."""
    made = written("(float[1,40] x) => (float[1,8] y) { y = MatMul(x, w) }", w=(40, 8))
    made.functions.append(
        parser.parse_function(
            """<domain: "own", opset_import: ["" : 17]> Layer (x) => (y) {
              r = Constant<value = float {0.3}>()  t = Constant<value = bool {1}>()
              d, m = Dropout(x, r, t)  y = Relu(d) }"""
        )
    )
    made.opset_import.append(helper.make_opsetid("own", 1))
    node = helper.make_node("Layer", ["x"], ["h"], domain="own")
    made.graph.node.insert(0, node)
    made.graph.node[1].input[0] = "h"
    return made


def heard() -> onnx.ModelProto:
    """Spectra are taken inside of the model, then classified."""
    return written(
        """(float[1,8000,1] x) => (float[1,6] y) {
          s = STFT<onesided=1>(x, step, window, length)
          p = Mul(s, s)  e = ReduceSum<keepdims=0>(p, last)  m = ReduceMean<axes=[1], keepdims=0>(e)
          y = MatMul(m, w) }""",
        opset=17,
        step=np.int64(80),
        window=np.hanning(400).astype(np.float32),
        length=np.int64(400),
        last=np.array([3]),
        w=(201, 6),
    )


def several_filled(made: onnx.ModelProto) -> Arrays:
    """Four sentences in one run, each filled up with zeros to the same length."""
    chance, ids = np.random.default_rng(85), np.zeros((SAMPLES, 4, 48), np.int64)
    for row in ids.reshape(-1, 48):
        length = chance.integers(10, 48)
        row[:length] = chance.integers(1, 200, length)
    return {name_of_input(made): ids}


def cut_recordings(made: onnx.ModelProto) -> Arrays:
    """Recordings of many lengths, with zeros behind them."""
    (x,) = drawn(made).values()
    chance = np.random.default_rng(87)
    for row in x:
        row[..., chance.integers(1500, 5000) :] = 0
    return {name_of_input(made): x}


def louder(made: onnx.ModelProto) -> Arrays:
    """Calibrated on recordings twenty times as loud as those that are judged."""
    (x,) = drawn(made).values()
    judged = np.arange(len(x)) >= len(x) // 2
    x[~judged] *= 20
    return {name_of_input(made): x, "calibration": ~judged}


def in_blue(made: onnx.ModelProto) -> Arrays:
    """Calibrated on pictures in blue, green, red; judged in red, green, blue."""
    (x,) = drawn(made).values()
    x = x / 4 + np.array([1.2, 0.0, -1.2], np.float32).reshape(3, 1, 1)
    judged = np.arange(len(x)) >= len(x) // 2
    x[~judged] = x[~judged][:, :, ::-1]
    return {name_of_input(made): x.astype(np.float32), "calibration": ~judged}


def prices(made: onnx.ModelProto) -> Arrays:
    """Labels are prices where the model answers their logarithm."""
    found = drawn(made, 220)
    return found | {"labels": np.exp(scores(made, found)), "metric": np.array("mae")}


def rows_of_answers(made: onnx.ModelProto, arrays: Arrays) -> Array:
    """float[samples, numbers]: the model's first output for each sample."""
    import onnxruntime as ort

    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = range(len(next(iter(arrays.values()))))
    given = ({name: rows_of[row] for name, rows_of in arrays.items()} for row in rows)
    return np.array([np.ravel(session.run(None, feeds)[0]) for feeds in given], np.float32)


def places(made: onnx.ModelProto) -> Arrays:
    """Labels are longitude and latitude where the model answers latitude and longitude."""
    found = drawn(made, 220)
    return found | {
        "labels": rows_of_answers(made, found)[:, ::-1].copy(),
        "metric": np.array("mae"),
    }


def nearly_right(made: onnx.ModelProto) -> Arrays:
    """Labels near the answers, of several numbers."""
    found = drawn(made, 120)
    rows = rows_of_answers(made, found)
    noise = np.random.default_rng(89).standard_normal(rows.shape) * rows.std(0) / 4
    return found | {"labels": (rows + noise).astype(np.float32), "metric": np.array("mae")}


def sparse(made: onnx.ModelProto) -> Arrays:
    """Counts of words, most of them zero."""
    (x,) = drawn(made).values()
    kept = np.random.default_rng(93).random(x.shape) < 0.03
    return {name_of_input(made): np.where(kept, np.abs(x) + 1, 0).astype(np.float32)}


def by_day_and_night(made: onnx.ModelProto) -> Arrays:
    """Pictures of all brightnesses and contrasts, split at random."""
    (x,) = drawn(made).values()
    chance = np.random.default_rng(95)
    spread = chance.lognormal(0, 0.7, (len(x), 1, 1, 1, 1))
    return {name_of_input(made): (x * spread + chance.normal(0, 1, spread.shape)).astype("f4")}
