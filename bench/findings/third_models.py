"""Models and samples of the third set."""

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from bench.findings.case import SAMPLES, Arrays, answers, drawn, written
from bench.findings.torch_nets import Residual, conv, head, mlp

IMAGE = (1, 3, 36, 36)
_PAIRS = {"s": np.float32(0.03), "z": np.uint8(120), "ws": np.float32(0.003), "wz": np.int8(0)}


def bytes_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(23).integers(-90, 90, shape).astype(np.int8)


class Shaped(nn.Module):
    """Down and up again with a shortcut across, as in U-Net."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.first, self.down = conv(3, width), conv(width, 2 * width, stride=2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.last = nn.Conv2d(3 * width, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        return self.last(torch.cat([first, self.up(self.down(first))], 1))


def signed_convolutions() -> onnx.ModelProto:
    """Brought as QLinearConv whose activations are signed."""
    facts = "s, wz, q, ws, wz, s, wz"
    return written(
        f"""(int8[1,32,40,40] x) => (int8[1,32,40,40] y) {{
          a = QLinearConv<pads=[1,1,1,1]>(x, {facts})
          y = QLinearConv<pads=[1,1,1,1]>(a, {facts}) }}""",
        opset=10,
        q=bytes_of(32, 32, 3, 3),
        s=_PAIRS["s"],
        ws=_PAIRS["ws"],
        wz=_PAIRS["wz"],
    )


def gated_rows() -> onnx.ModelProto:
    """Brought quantized: pairs around Softplus, between products of rows."""
    return written(
        """(float[64,256] x) => (float[64,256] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)  c = MatMul(b, w)
          d = QuantizeLinear(c, s, z)  e = DequantizeLinear(d, s, z)
          f = Softplus(e)
          g = QuantizeLinear(f, s, z)  h = DequantizeLinear(g, s, z)
          v = DequantizeLinear(q, ws, wz)  i = MatMul(h, v)
          j = QuantizeLinear(i, s, z)  y = DequantizeLinear(j, s, z) }""",
        opset=20,
        q=bytes_of(256, 256),
        **_PAIRS,
    )


def enlarging() -> onnx.ModelProto:
    """Brought quantized: a transposed convolution over time."""
    return written(
        """(float[1,64,250] x) => (float[1,64,500] y) {
          a = QuantizeLinear(x, s, z)  b = DequantizeLinear(a, s, z)
          w = DequantizeLinear(q, ws, wz)
          c = ConvTranspose<strides=[2], pads=[1,1]>(b, w)
          d = QuantizeLinear(c, s, z)  y = DequantizeLinear(d, s, z) }""",
        opset=18,
        q=bytes_of(64, 64, 4),
        **_PAIRS,
    )


class Softened(nn.Module):
    """Thin convolutions, each followed by what no blocked layout knows."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(64, 64, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.sin(layer(x))
        return x


class Looking(nn.Module):
    """Cross attention: queries of one input, keys and values of another, with a bias by place."""

    def __init__(self, width: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.out, self.bias = nn.Linear(width, width), nn.Parameter(torch.randn(heads, 40, 60))

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        def split(y: Tensor) -> Tensor:
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q, k, v = split(self.q(x)), split(self.k(memory)), split(self.v(memory))
        scores = torch.clamp(q @ k.transpose(-1, -2) * 0.25, -50, 50) + self.bias
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class ChannelNorm(nn.Module):
    """A convolution whose channels are normalized at each pixel, as in ConvNeXt."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 48, 4, stride=4)

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer(x)
        centred = h - h.mean(1, keepdim=True)
        return centred / torch.sqrt(centred.pow(2).mean(1, keepdim=True) + 1e-6)


def long_filters() -> nn.Module:
    """Depthwise filters over time, 63 long, as in speech recognition."""
    return nn.Sequential(
        nn.Conv1d(256, 256, 63, padding=31, groups=256), nn.SiLU(), nn.Conv1d(256, 32, 1)
    )


class Warp(nn.Module):
    """A picture moved along a flow that a small convolution finds."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        flow = torch.tanh(self.flow(x)).permute(0, 2, 3, 1)
        return nn.functional.grid_sample(x, flow, align_corners=False)


def choices() -> onnx.ModelProto:
    """Probabilities over a large vocabulary."""
    return written(
        "(float[8,16] x) => (float[8,60000] y) { h = MatMul(x, w)  y = Softmax<axis=-1>(h) }",
        opset=13,
        w=(16, 60000),
    )


def price() -> onnx.ModelProto:
    return written("(float[1,5] x) => (float[1,1] y) { y = Gemm(x, w, b) }", w=(5, 1), b=(1,))


def one_pixel() -> nn.Module:
    """A fully convolutional head on the one pixel that is left."""
    return nn.Sequential(nn.Conv2d(1536, 2048, 1), nn.ReLU(), nn.Conv2d(2048, 1000, 1))


def decayed() -> nn.Module:
    net = mlp(256, 512, 512, 8)
    with torch.no_grad():
        net[2].weight[:, ::3] *= 1e-40
    return net


class Unrolled(nn.Module):
    """A recurrent cell, its steps written out."""

    def __init__(self, steps: int = 60) -> None:
        super().__init__()
        self.cell, self.steps = nn.Linear(32, 16), steps

    def forward(self, x: Tensor) -> Tensor:
        state = x[:, 0] * 0
        for step in range(self.steps):
            state = torch.tanh(self.cell(torch.cat([x[:, step], state], 1)))
        return state


def quiet_ends(made: onnx.ModelProto) -> Arrays:
    """Recordings of 20 to 40 frames of 100, then zeros; frames lie along the last axis."""
    (x,) = drawn(made).values()
    for row, length in zip(x, np.random.default_rng(4).integers(20, 41, len(x)), strict=True):
        row[..., length:] = 0
    return {made.graph.input[0].name: x}


def coins() -> onnx.ModelProto:
    return written(
        """(float[1,32] x) => (float[1,8] y) {
          h = MatMul(x, a)  p = Sigmoid(h)  k = Bernoulli(p)  y = MatMul(k, b) }""",
        opset=15,
        a=(32, 32),
        b=(32, 8),
    )


class Joined(nn.Module):
    """A picture and a row of facts about it."""

    def __init__(self) -> None:
        super().__init__()
        self.eye = nn.Sequential(conv(3, 32, stride=2), conv(32, 64), nn.AdaptiveAvgPool2d(1))
        self.facts, self.head = nn.Linear(12, 16), nn.Linear(80, 5)

    def forward(self, picture: Tensor, facts: Tensor) -> Tensor:
        both = [self.eye(picture).flatten(1), torch.relu(self.facts(facts))]
        return self.head(torch.cat(both, 1))


def unscaled(made: onnx.ModelProto) -> Arrays:
    """The facts of the calibration samples were not scaled."""
    found = drawn(made)
    calibrating = np.arange(SAMPLES) < SAMPLES // 2
    found["facts"][calibrating] = found["facts"][calibrating] * 50 + 300
    return found | {"calibration": calibrating}


def labelled(made: onnx.ModelProto) -> Arrays:
    found = drawn(made, 200)
    return found | {"labels": answers(made, found), "metric": np.array("top1")}


def next_class(made: onnx.ModelProto) -> Arrays:
    """Each label is the class after, the last the first."""
    found = labelled(made)
    return found | {"labels": (found["labels"] + 1) % 4}


def turned(made: onnx.ModelProto) -> Arrays:
    """Height and width are exchanged."""
    found = labelled(made)
    name = made.graph.input[0].name
    return found | {name: found[name].swapaxes(-1, -2).copy()}


def flat(inside: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(inside, 32), nn.ReLU(), nn.Linear(32, classes))


class Watching(nn.Module):
    """Scores that vary, and a second output that never does."""

    def __init__(self) -> None:
        super().__init__()
        self.scores, self.alarm = nn.Linear(20, 4), nn.Linear(20, 1)
        nn.init.constant_(self.alarm.bias, -30.0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.scores(x), torch.relu(self.alarm(x)) + 1


def island() -> onnx.ModelProto:
    """Products in 64 bits between casts, in a model of 32."""
    return written(
        """(float[32,128] x) => (float[32,128] y) {
          d = Cast<to=11>(x)  e = MatMul(d, a)  f = MatMul(e, a)  y = Cast<to=1>(f) }""",
        opset=14,
        a=np.random.default_rng(2).standard_normal((128, 128)) / 11,
    )


class Spiked(nn.Module):
    """One channel of hundreds among channels of one: eight bits hold one or the other."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(48, 96), nn.Linear(96, 10)
        with torch.no_grad():
            self.first.weight[0] *= 3000
            self.last.weight[:, 0] *= 1e-5

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))


class Inverted(nn.Module):
    """Widened, filtered channel by channel, narrowed, beside a shortcut, as in MobileNetV2."""

    def __init__(self, width: int, times: int = 4) -> None:
        super().__init__()
        wide = times * width
        self.body = nn.Sequential(
            conv(width, wide, 1, act=nn.ReLU6),
            conv(wide, wide, groups=wide, act=nn.ReLU6),
            conv(wide, width, 1, act=nn.Identity),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def inverted() -> nn.Module:
    return nn.Sequential(conv(3, 32, stride=2), Inverted(32), Inverted(32), *head(32, 10))


def normed() -> nn.Module:
    return nn.Sequential(nn.Linear(256, 768), nn.LayerNorm(768), nn.ReLU(), nn.Linear(768, 256))


def hearing() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv1d(8, 64, 7, stride=2, padding=3), nn.ReLU()]
    for _ in range(3):
        layers += [nn.Conv1d(64, 64, 5, padding=2), nn.ReLU()]
    return nn.Sequential(*layers)


def wide(width: int = 96) -> nn.Module:
    return nn.Sequential(conv(3, width, 5, stride=2), Residual(width), *head(width, 12))
