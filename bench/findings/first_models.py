"""Models and samples of the first set."""

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from bench.findings.case import SAMPLES, Arrays, answers, drawn, written
from bench.findings.torch_nets import (
    Reader,
    conv,
    convnet,
    mlp,
)

IMAGE = (1, 3, 32, 32)
IDS = torch.zeros(1, 48, dtype=torch.long)


def sound() -> nn.Module:
    layers: list[nn.Module] = []
    for inside, outside in ((1, 32), (32, 64), (64, 64)):
        layers += [nn.Conv1d(inside, outside, 9, stride=2, padding=4), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 8))


def gates() -> onnx.ModelProto:
    """Brought quantized: pairs around an error function, which has no integer kernel."""
    facts = {"s": np.float32(0.02), "z": np.uint8(128), "ws": np.float32(0.002), "wz": np.int8(0)}
    weight = np.random.default_rng(3).integers(-100, 100, (48, 48, 3, 3)).astype(np.int8)
    return written(
        """(float[1,48,28,28] x) => (float[1,48,28,28] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)
          c = Conv<pads=[1,1,1,1]>(b, w)
          d = QuantizeLinear(c, s, z)  e = DequantizeLinear(d, s, z)
          f = Erf(e)
          h = QuantizeLinear(f, s, z)  i = DequantizeLinear(h, s, z)
          w2 = DequantizeLinear(q, ws, wz)
          j = Conv<pads=[1,1,1,1]>(i, w2)
          k = QuantizeLinear(j, s, z)  y = DequantizeLinear(k, s, z) }""",
        opset=13,
        q=weight,
        **facts,
    )


def transposed() -> onnx.ModelProto:
    """Brought quantized: a transposed convolution between pairs, which runs in float."""
    weight = np.random.default_rng(3).integers(-100, 100, (32, 32, 4, 4)).astype(np.int8)
    return written(
        """(float[1,32,24,24] x) => (float[1,32,48,48] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)
          c = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(b, w)
          d = QuantizeLinear(c, s, z)  y = DequantizeLinear(d, s, z) }""",
        opset=16,
        q=weight,
        s=np.float32(0.03),
        z=np.uint8(128),
        ws=np.float32(0.002),
        wz=np.int8(0),
    )


class Normalized(nn.Module):
    """Convolutions whose results are squashed by what the blocked layout does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(32, 32, 1) for _ in range(5))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.atan(layer(x))
        return x


class Watched(nn.Module):
    """A normalization that gives its deviation as a second output."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        centred = x - x.mean(-1, keepdim=True)
        deviation = torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)
        return centred / deviation, deviation


class Groups(nn.Module):
    """A convolution whose groups are no blocks and no single channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = conv(3, 96)
        self.grouped = nn.Conv2d(96, 96, 5, padding=2, groups=24)

    def forward(self, x: Tensor) -> Tensor:
        return self.grouped(self.first(x))


class Sampled(nn.Module):
    """An encoder whose middle is drawn, as variational ones are when trained."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread, self.out = (nn.Linear(20, 20) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        spread = torch.exp(self.spread(x))
        return self.out(self.mean(x) + spread * torch.randn_like(spread))


class Masked(nn.Module):
    """Ids and a mask beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader(width=48)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        h = self.reader.blocks(self.reader.embedding(ids)) * mask.unsqueeze(-1)
        return self.reader.head(h.sum(1) / mask.sum(1, keepdim=True))


def faded(scale: float = 1e-40) -> nn.Module:
    """A convolution most of whose weights have decayed."""
    net = convnet()
    with torch.no_grad():
        net[1][0].weight[:, ::2] *= scale
    return net


class Shrinking(nn.Module):
    """Values that are scaled down until they are hardly there, then multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(128, 128, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x * 1e-20 * 1e-20)


class Dead(nn.Module):
    """Activations that never fire: only a bias is left."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(24, 32), nn.Linear(32, 3)
        nn.init.constant_(self.first.bias, -50.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))


def deep(depth: int = 150) -> nn.Module:
    return mlp(*[24] * depth)


def padded(made: onnx.ModelProto) -> Arrays:
    """Sentences of 8 to 20 ids in 48 places, filled up with 0 before them."""
    chance, ids = np.random.default_rng(5), np.zeros((SAMPLES, 1, 48), np.int64)
    for row in ids:
        row[0, -chance.integers(8, 21) :] = chance.integers(1, 200)
    return {made.graph.input[0].name: ids}


def masked(made: onnx.ModelProto) -> Arrays:
    ids, mask = np.ones((SAMPLES, 1, 48), np.int64), np.zeros((SAMPLES, 1, 48), np.float32)
    chance = np.random.default_rng(6)
    for row, kept in zip(ids, mask, strict=True):
        length = chance.integers(8, 21)
        row[0, :length], kept[0, :length] = chance.integers(2, 200, length), 1
    names = [one.name for one in made.graph.input]
    return dict(zip(names, (ids, mask), strict=True))


def other_brightness(made: onnx.ModelProto) -> Arrays:
    """Calibrated on 0 to 1, judged on 0 to 255."""
    (x,) = drawn(made).values()
    x = np.abs(x)
    x[16:] *= 255
    name = made.graph.input[0].name
    return {name: x, "calibration": np.arange(len(x)) < 16}


def labelled(made: onnx.ModelProto, count: int = 200, positive: bool = False) -> Arrays:
    found = drawn(made, count)
    if positive:
        found = {name: np.abs(x) / 4 for name, x in found.items()}
    return found | {"labels": answers(made, found), "metric": np.array("top1")}


def from_one(made: onnx.ModelProto) -> Arrays:
    """Counted from 1; the last class does not occur, or they would be refused."""
    found = labelled(made)
    kept = found["labels"] < 9
    rows = {name: array[kept] for name, array in found.items() if array.ndim}
    return found | rows | {"labels": rows["labels"] + 1}


def exchanged(made: onnx.ModelProto) -> Arrays:
    """Classes in another order."""
    found = labelled(made)
    order = np.random.default_rng(9).permutation(10)
    return found | {"labels": order[found["labels"]]}


def bgr(made: onnx.ModelProto) -> Arrays:
    found = labelled(made)
    return {name: x[:, :, ::-1].copy() if x.ndim == 5 else x for name, x in found.items()}


def in_bytes(made: onnx.ModelProto) -> Arrays:
    found = labelled(made, positive=True)
    return {name: x * np.float32(255) if x.ndim == 5 else x for name, x in found.items()}


class Centred(nn.Module):
    """A linear classifier of numbers from 0 to 1, which it centres first."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = linear()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer((x - 0.2) * 6)


def linear(size: int = 10) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, 10), nn.Tanh(), nn.Linear(10, 10))


def boxes() -> onnx.ModelProto:
    return written(
        """(float[1,3000,4] x, float[1,1,3000] s) => (int64[n,3] y) {
          y = NonMaxSuppression(x, s, most, iou, score) }""",
        opset=11,
        most=np.array([200], np.int64),
        iou=np.array([0.5], np.float32),
        score=np.array([-9.0], np.float32),
    )


def looped() -> onnx.ModelProto:
    return written(
        """(float[1,16] x) => (float[1,16] y) {
          y = Loop(trips, go, x) <body = b (int64 i, bool c, float[1,16] a)
            => (bool d, float[1,16] e) { d = Identity(c)  f = MatMul(a, w)  e = Tanh(f) }> }""",
        opset=16,
        trips=np.array(60, np.int64),
        go=np.array(True),
        w=(16, 16),
    )
