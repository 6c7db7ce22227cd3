"""Models and samples of the second set."""

from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from bench.findings.case import SAMPLES, Arrays, answers, drawn, written
from bench.findings.torch_nets import Residual, conv, head

IMAGE = (1, 3, 40, 40)
_PAIRS = {"s": np.float32(0.02), "z": np.uint8(128), "ws": np.float32(0.002), "wz": np.int8(0)}


def bytes_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(17).integers(-100, 100, shape).astype(np.int8)


def signed() -> onnx.ModelProto:
    """Brought quantized with signed activations."""
    return written(
        """(float[16,256] x) => (float[16,256] y) {
          a = QuantizeLinear(x, s, wz)  b = DequantizeLinear(a, s, wz)
          w = DequantizeLinear(q, ws, wz)  c = MatMul(b, w)
          d = QuantizeLinear(c, s, wz)  y = DequantizeLinear(d, s, wz) }""",
        opset=19,
        q=bytes_of(256, 256),
        s=_PAIRS["s"],
        ws=_PAIRS["ws"],
        wz=_PAIRS["wz"],
    )


def swish() -> onnx.ModelProto:
    """Brought quantized: pairs around HardSwish, between convolutions over time."""
    return written(
        """(float[1,64,400] x) => (float[1,64,400] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)  c = Conv<pads=[2,2]>(b, w)
          d = QuantizeLinear(c, s, z)  e = DequantizeLinear(d, s, z)
          f = HardSwish(e)
          g = QuantizeLinear(f, s, z)  h = DequantizeLinear(g, s, z)
          v = DequantizeLinear(q, ws, wz)  i = Conv<pads=[2,2]>(h, v)
          j = QuantizeLinear(i, s, z)  y = DequantizeLinear(j, s, z) }""",
        opset=14,
        q=bytes_of(64, 64, 5),
        **_PAIRS,
    )


def open() -> onnx.ModelProto:
    """Brought quantized: a convolution whose result stays in float."""
    return written(
        """(float[1,48,30,30] x) => (float[1,48,30,30] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)  c = Conv<pads=[1,1,1,1]>(b, w)  y = Tanh(c) }""",
        opset=15,
        q=bytes_of(48, 48, 3, 3),
        **_PAIRS,
    )


def instances() -> onnx.ModelProto:
    """Thin convolutions with InstanceNormalization between them."""
    steps, x = [], "x"
    for place in range(5):
        steps.append(f"c{place} = Conv({x}, w{place})")
        steps.append(f"n{place} = InstanceNormalization(c{place}, g, b)")
        x = f"n{place}"
    body = "  ".join(steps)
    weights: dict[str, Any] = {f"w{place}": (32, 32, 1, 1) for place in range(5)}
    return written(
        f"(float[1,32,48,48] x) => (float[1,32,48,48] y) {{ {body}  y = Identity({x}) }}",
        g=np.ones(32, np.float32),
        b=np.zeros(32, np.float32),
        **weights,
    )


def crossed() -> onnx.ModelProto:
    """Attention from one sequence to another, masked."""
    return written(
        """(float[1,40,64] x, float[1,60,64] m, bool[1,1,60] k) => (float[1,40,64] y) {
          q = MatMul(x, a)  t = MatMul(m, b)  v = MatMul(m, c)
          u = Transpose<perm=[0,2,1]>(t)  r = MatMul(q, u)  e = Div(r, eight)
          f = Where(k, e, low)  p = Softmax<axis=-1>(f)  o = MatMul(p, v)  y = MatMul(o, d) }""",
        opset=16,
        a=(64, 64),
        b=(64, 64),
        c=(64, 64),
        d=(64, 64),
        eight=np.float32(8),
        low=np.float32(-1e4),
    )


class Moments(nn.Module):
    """A normalization by the mean of squares less the square of the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(256, 256)

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer(x)
        mean, squares = h.mean(-1, keepdim=True), (h * h).mean(-1, keepdim=True)
        return (h - mean) / torch.sqrt(squares - mean * mean + 1e-5)


def waves() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(1, 128, 15, stride=4), nn.ReLU(), nn.Conv1d(128, 128, 9, padding=4, groups=16)
    )


def cubic() -> nn.Module:
    size, kind = (400, 400), "bicubic"
    return nn.Sequential(nn.Conv2d(3, 3, 1), nn.Upsample(size=size, mode=kind, align_corners=False))


def best_of() -> onnx.ModelProto:
    return written(
        "(float[1,100000] x) => (float[1,50000] y, int64[1,50000] i) { y, i = TopK(x, k) }",
        opset=11,
        k=np.array([50000], np.int64),
    )


def logistic() -> onnx.ModelProto:
    return written(
        "(float[1,12] x) => (float[1,1] y) { h = Gemm(x, w, b)  y = Sigmoid(h) }",
        opset=9,
        w=(12, 1),
        b=(1,),
    )


def words() -> onnx.ModelProto:
    """The last layer of a language model, for one word."""
    return written(
        "(float[1,512] x) => (float[1,16000] y) { y = MatMul(x, w) }", opset=13, w=(512, 16000)
    )


def faded() -> nn.Module:
    net = nn.Sequential(nn.Conv1d(16, 64, 5), nn.ReLU(), nn.Conv1d(64, 64, 5))
    with torch.no_grad():
        net[2].weight[::2] *= 1e-39
    return net


def many() -> nn.Module:
    layers = [layer for _ in range(80) for layer in (nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())]
    return nn.Sequential(*layers)


class Certain(nn.Module):
    """A score that is always one."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(30, 2)
        nn.init.constant_(self.layer.bias, 25.0)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.layer(x))


def dropped() -> onnx.ModelProto:
    return written(
        """(float[1,40] x) => (float[1,10] y) {
          h = MatMul(x, w)  d = Dropout(h, half, yes)  r = Relu(d)  y = MatMul(r, v) }""",
        opset=12,
        w=(40, 40),
        v=(40, 10),
        half=np.float32(0.3),
        yes=np.array(True),
    )


def short(made: onnx.ModelProto) -> Arrays:
    """Sequences of 10 to 25 steps, then steps of zeros."""
    (x,) = drawn(made).values()
    for row, length in zip(x, np.random.default_rng(8).integers(10, 26, len(x)), strict=True):
        row[:, length:] = 0
    return {made.graph.input[0].name: x}


def moved(made: onnx.ModelProto) -> Arrays:
    (x,) = drawn(made).values()
    calibrating = np.arange(len(x)) >= SAMPLES // 2
    x[~calibrating] -= 2
    return {made.graph.input[0].name: x, "calibration": calibrating}


def labelled(made: onnx.ModelProto) -> Arrays:
    found = drawn(made, 160)
    return found | {"labels": answers(made, found), "metric": np.array("top1")}


def backwards(made: onnx.ModelProto) -> Arrays:
    found = labelled(made)
    return found | {"labels": 5 - found["labels"]}


def channels_last(made: onnx.ModelProto) -> Arrays:
    """The numbers lie as height, width, channels in an array of the other shape."""
    found = labelled(made)
    (name,) = (one.name for one in made.graph.input)
    given = found[name]
    return found | {name: given.transpose(0, 1, 3, 4, 2).reshape(given.shape)}


def flat(classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, classes))


def wide() -> nn.Module:
    return nn.Sequential(conv(3, 64, 7, stride=2), Residual(64), Residual(64), *head(64, 9))
