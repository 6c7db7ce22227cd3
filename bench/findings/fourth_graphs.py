"""Graphs of the fourth set that are written node by node, and its samples."""

import numpy as np
import onnx

from bench.findings.case import SAMPLES, Arrays, answers, drawn, name_of_input, written

_PAIRS = {"s": np.float32(0.025), "z": np.uint8(118), "ws": np.float32(0.004), "wz": np.int8(0)}


def bytes_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(29).integers(-80, 80, shape).astype(np.int8)


def changes() -> onnx.ModelProto:
    """Brought quantized: what two pictures differ in, between convolutions."""
    return written(
        """(float[1,32,32,32] x, float[1,32,32,32] t) => (float[1,32,32,32] y) {
          xq = QuantizeLinear(x, s, z)  xd = DequantizeLinear(xq, s, z)
          tq = QuantizeLinear(t, s, z)  td = DequantizeLinear(tq, s, z)
          w = DequantizeLinear(q, ws, wz)  v = DequantizeLinear(q, ws, wz)
          u = DequantizeLinear(q, ws, wz)
          a = Conv<pads=[1,1,1,1]>(xd, w)
          aq = QuantizeLinear(a, s, z)  ad = DequantizeLinear(aq, s, z)
          b = Conv<pads=[1,1,1,1]>(td, v)
          bq = QuantizeLinear(b, s, z)  bd = DequantizeLinear(bq, s, z)
          d = Sub(ad, bd)
          dq = QuantizeLinear(d, s, z)  dd = DequantizeLinear(dq, s, z)
          c = Conv<pads=[1,1,1,1]>(dd, u)
          cq = QuantizeLinear(c, s, z)  y = DequantizeLinear(cq, s, z) }""",
        opset=13,
        q=bytes_of(32, 32, 3, 3),
        **_PAIRS,
    )


def watched() -> onnx.ModelProto:
    """Brought quantized: a convolution whose result is read in float beside its pair."""
    return written(
        """(float[1,40,34,34] x) => (float[1,40,34,34] y, float[1,40,1,1] m) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)
          c = Conv<pads=[1,1,1,1]>(b, w)  m = GlobalMaxPool(c)
          d = QuantizeLinear(c, s, z)  y = DequantizeLinear(d, s, z) }""",
        opset=17,
        q=bytes_of(40, 40, 3, 3),
        **_PAIRS,
    )


def sixteen() -> onnx.ModelProto:
    """Brought quantized: activations of 16 bits, weights of 8."""
    return written(
        """(float[24,192] x) => (float[24,192] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)  c = MatMul(b, w)
          d = QuantizeLinear(c, s, z)  y = DequantizeLinear(d, s, z) }""",
        opset=21,
        q=bytes_of(192, 192),
        s=np.float32(1e-4),
        z=np.uint16(32768),
        ws=_PAIRS["ws"],
        wz=_PAIRS["wz"],
    )


def scanned() -> onnx.ModelProto:
    """A leaky sum over 200 steps, as a Scan."""
    return written(
        """(float[200,24] x, float[24] h) => (float[24] e, float[200,24] y) {
          e, y = Scan<num_scan_inputs=1, body = b (float[24] a, float[24] v)
            => (float[24] c, float[24] o) {
              k = Mul(a, leak)  c = Add(k, v)  o = Sigmoid(c) }>(h, x) }""",
        opset=14,
        leak=np.float32(0.9),
    )


def thermostat() -> onnx.ModelProto:
    return written(
        """(float[1,2] x) => (float[1,2] y) { a = Mul(x, k)  b = Add(a, c)  y = Clip(b, o, p) }""",
        opset=13,
        k=np.array([0.5, 2], np.float32),
        c=np.float32(1),
        o=np.float32(0),
        p=np.float32(3),
    )


def picked() -> onnx.ModelProto:
    """The next word, drawn by its probability, and embedded."""
    return written(
        """(float[1,40] x) => (float[1,1,16] y) {
          h = MatMul(x, w)  i = Multinomial<sample_size=1>(h)  y = Gather(t, i) }""",
        opset=15,
        w=(40, 90),
        t=(90, 16),
    )


def prototypes() -> onnx.ModelProto:
    """Squared distances to prototypes in 64 bits, as scikit-learn's converter writes them."""
    chance = np.random.default_rng(31)
    return written(
        """(double[64,96] x) => (double[64,128] y) {
          p = MatMul(x, c)  n = Neg(p)  q = Mul(x, x)  r = ReduceSum<keepdims=1>(q, one)
          t = Add(n, r)  y = Add(t, half) }""",
        opset=13,
        c=chance.standard_normal((96, 128)),
        half=chance.standard_normal((1, 128)),
        one=np.array([1], np.int64),
    )


def labelled(made: onnx.ModelProto, count: int = 220) -> Arrays:
    found = drawn(made, count)
    return found | {"labels": answers(made, found), "metric": np.array("top1")}


def two_swapped(made: onnx.ModelProto) -> Arrays:
    """Two of six classes have each other's number."""
    found = labelled(made)
    order = np.array([0, 4, 2, 3, 1, 5])
    return found | {"labels": order[found["labels"]]}


def shares_of_one(made: onnx.ModelProto) -> Arrays:
    """Numbers from 0 to 1 where the model expects bytes."""
    found = drawn(made, 220)
    pixels = {n: np.clip(x * 60 + 120, 0, 255).astype(np.float32) for n, x in found.items()}
    labels = answers(made, pixels)
    return {name: x / np.float32(255) for name, x in pixels.items()} | {
        "labels": labels,
        "metric": np.array("top1"),
    }


def filled_with_ones(made: onnx.ModelProto) -> Arrays:
    """Sentences of 6 to 22 ids, then the id 1, which RoBERTa fills with."""
    chance, ids = np.random.default_rng(12), np.ones((SAMPLES, 1, 64), np.int64)
    for row in ids:
        length = chance.integers(6, 23)
        row[0, :length] = chance.integers(2, 300, length)
    return {name_of_input(made): ids}


def whispered(made: onnx.ModelProto) -> Arrays:
    """Calibrated on recordings fifty times as quiet."""
    (x,) = drawn(made).values()
    calibrating = np.arange(len(x)) % 2 == 0
    x[calibrating] /= 50
    return {name_of_input(made): x, "calibration": calibrating}


def one_broken(made: onnx.ModelProto) -> Arrays:
    """One of the samples to calibrate with is a thousand times too large."""
    found = labelled(made, 240)
    calibrating = np.arange(240) < 40
    found[name_of_input(made)][7] *= 1000
    return found | {"calibration": calibrating}
