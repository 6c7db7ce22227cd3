"""Graphs of the sixth set that are written node by node, and its samples."""

import numpy as np
import onnx

from bench.findings.case import SAMPLES, Arrays, answers, drawn, name_of_input, written
from bench.findings.fourth_graphs import bytes_of
from optim.arrays import Array

_PAIRS = {"s": np.float32(0.025), "z": np.uint8(118), "ws": np.float32(0.004), "wz": np.int8(0)}


def channels_last() -> onnx.ModelProto:
    """As converted from a framework of channels last: turned before and after each convolution."""
    body, read = [], "x"
    for at in "abcd":
        body.append(f"{at}t = Transpose<perm=[0,3,1,2]>({read})")
        body.append(f"{at}c = Conv<pads=[1,1,1,1]>({at}t, {'f' if at == 'a' else 'w'})")
        body.append(f"{at}u = Transpose<perm=[0,2,3,1]>({at}c)  {at} = CumSum({at}u, axis)")
        read = at
    return written(
        f"(float[1,64,64,3] x) => (float[1,64,64,16] d) {{ {' '.join(body)} }}",
        opset=14,
        f=(16, 3, 3, 3),
        w=(16, 16, 3, 3),
        axis=np.int64(3),
    )


def sampled_in_a_loop() -> onnx.ModelProto:
    """A walk: on each trip of a loop a random step is added."""
    return written(
        """(float[1,32] x) => (float[1,32] y) {
          y = Loop<body = b (int64 i, bool c, float[1,32] h) => (bool g, float[1,32] o) {
              g = Identity(c)  n = RandomNormalLike(h)  t = MatMul(h, w)  u = Tanh(t)
              o = Add(u, n) }>(trips, go, x) }""",
        opset=15,
        w=(32, 32),
        trips=np.int64(12),
        go=np.array(True),
    )


def gated_by_hand() -> onnx.ModelProto:
    """Brought quantized: x times the sigmoid of x, between pairs, between convolutions."""
    return written(
        """(float[1,32,32,32] x) => (float[1,32,32,32] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)  v = DequantizeLinear(q, ws, wz)
          c = Conv<pads=[1,1,1,1]>(b, w)
          d = QuantizeLinear(c, s, z)  e = DequantizeLinear(d, s, z)
          f = Erf(e)  g = QuantizeLinear(f, s, z)  h = DequantizeLinear(g, s, z)
          i = Mul(e, h)
          j = QuantizeLinear(i, s, z)  k = DequantizeLinear(j, s, z)
          l = Conv<pads=[1,1,1,1]>(k, v)
          m = QuantizeLinear(l, s, z)  y = DequantizeLinear(m, s, z) }""",
        opset=16,
        q=bytes_of(32, 32, 3, 3),
        **_PAIRS,
    )


def volumes() -> onnx.ModelProto:
    """Brought quantized: a recurrent-free product of two activations beside one with weights."""
    return written(
        """(float[4,64,64] x, float[4,64,64] t) => (float[4,64,64] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          c = QuantizeLinear(t, s, z)  d = DequantizeLinear(c, s, z)
          e = Einsum<equation="bij,bjk->bik">(b, d)
          f = QuantizeLinear(e, s, z)  g = DequantizeLinear(f, s, z)
          w = DequantizeLinear(q, ws, wz)
          h = MatMul(g, w)
          i = QuantizeLinear(h, s, z)  y = DequantizeLinear(i, s, z) }""",
        opset=13,
        q=bytes_of(64, 64),
        **_PAIRS,
    )


def scores(made: onnx.ModelProto, arrays: Arrays) -> Array:
    """The model's first number for each sample."""
    import onnxruntime as ort

    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = range(len(next(iter(arrays.values()))))
    given = ({name: rows_of[row] for name, rows_of in arrays.items()} for row in rows)
    return np.array([np.ravel(session.run(None, feeds)[0])[0] for feeds in given], np.float32)


def unscaled(made: onnx.ModelProto) -> Arrays:
    """Numbers below what a 32-bit float holds in full, as of densities in SI units."""
    (x,) = drawn(made).values()
    return {name_of_input(made): (x * 1e-39).astype(np.float32)}


def quietly_ended(made: onnx.ModelProto) -> Arrays:
    """Log spectrograms, filled up with the logarithm of next to nothing."""
    chance = np.random.default_rng(61)
    x = chance.standard_normal((SAMPLES, 1, 40, 200)).astype(np.float32) - 4
    for row in x:
        row[..., chance.integers(60, 130) :] = np.log(np.float32(1e-5))
    return {name_of_input(made): x}


def of_many_scales(made: onnx.ModelProto) -> Arrays:
    """Facts of many scales: shares, years, euros; split at random."""
    (x,) = drawn(made).values()
    return {name_of_input(made): (x * np.logspace(0, 4, 12) + 3).astype(np.float32)}


def hour_of_another_year(made: onnx.ModelProto) -> Arrays:
    """One small fact of twelve has moved since the samples to calibrate with were taken."""
    x = of_many_scales(made)[name_of_input(made)]
    judged = np.arange(len(x)) >= len(x) // 2
    x[judged, ..., 2] += 60
    return {name_of_input(made): x, "calibration": ~judged}


def in_other_units(made: onnx.ModelProto) -> Arrays:
    """Labels in Fahrenheit where the model answers in Celsius."""
    found = drawn(made, 220)
    labels = 1.8 * scores(made, found) + 32
    return found | {"labels": labels.astype(np.float32), "metric": np.array("mae")}


def inverted(made: onnx.ModelProto) -> Arrays:
    """Labels of 1 where the model says 0."""
    found = drawn(made, 220)
    given = scores(made, found)
    labels = (given < np.median(given)).astype(np.int64)
    return found | {"labels": labels, "metric": np.array("auc")}


def standardized(made: onnx.ModelProto) -> Arrays:
    """Facts in their own units where the model was trained on standardized ones."""
    found = drawn(made, 220)
    labels = answers(made, found)
    chance = np.random.default_rng(67)
    by, plus = chance.uniform(0.01, 50, 20), chance.uniform(-100, 100, 20)
    return {name: (x * by + plus).astype(np.float32) for name, x in found.items()} | {
        "labels": labels,
        "metric": np.array("top1"),
    }


def priced(made: onnx.ModelProto) -> Arrays:
    """Labels near the answers."""
    found = drawn(made, 120)
    given = scores(made, found)
    noise = np.random.default_rng(71).standard_normal(len(given)) * given.std() / 4
    return found | {"labels": (given + noise).astype(np.float32), "metric": np.array("mae")}


def chosen(made: onnx.ModelProto) -> Arrays:
    """Labels of two classes as the model says."""
    found = drawn(made, 120)
    given = scores(made, found)
    labels = (given > np.median(given)).astype(np.int64)
    return found | {"labels": labels, "metric": np.array("auc")}
