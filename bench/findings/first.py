"""The first set: cases of every kind, on which findings were mended afterwards."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from bench.findings.case import SAMPLES, Arrays, Case, answers, drawn, exported, written
from bench.findings.torch_nets import (
    Block,
    Decoder,
    Reader,
    Recurrent,
    Two,
    conv,
    convnet,
    head,
    mlp,
    resnet,
    separable,
)

IMAGE = (1, 3, 32, 32)
IDS = torch.zeros(1, 48, dtype=torch.long)


def _sound() -> nn.Module:
    layers: list[nn.Module] = []
    for inside, outside in ((1, 32), (32, 64), (64, 64)):
        layers += [nn.Conv1d(inside, outside, 9, stride=2, padding=4), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 8))


def _gates() -> onnx.ModelProto:
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


def _transposed() -> onnx.ModelProto:
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


class _Normalized(nn.Module):
    """Convolutions whose results are squashed by what the blocked layout does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(32, 32, 1) for _ in range(5))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.atan(layer(x))
        return x


class _Watched(nn.Module):
    """A normalization that gives its deviation as a second output."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        centred = x - x.mean(-1, keepdim=True)
        deviation = torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)
        return centred / deviation, deviation


class _Groups(nn.Module):
    """A convolution whose groups are no blocks and no single channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = conv(3, 96)
        self.grouped = nn.Conv2d(96, 96, 5, padding=2, groups=24)

    def forward(self, x: Tensor) -> Tensor:
        return self.grouped(self.first(x))


class _Sampled(nn.Module):
    """An encoder whose middle is drawn, as variational ones are when trained."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread, self.out = (nn.Linear(20, 20) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        spread = torch.exp(self.spread(x))
        return self.out(self.mean(x) + spread * torch.randn_like(spread))


class _Masked(nn.Module):
    """Ids and a mask beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader(width=48)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        h = self.reader.blocks(self.reader.embedding(ids)) * mask.unsqueeze(-1)
        return self.reader.head(h.sum(1) / mask.sum(1, keepdim=True))


def _faded(scale: float = 1e-40) -> nn.Module:
    """A convolution most of whose weights have decayed."""
    net = convnet()
    with torch.no_grad():
        net[1][0].weight[:, ::2] *= scale
    return net


class _Shrinking(nn.Module):
    """Values that are scaled down until they are hardly there, then multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(128, 128, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x * 1e-20 * 1e-20)


class _Dead(nn.Module):
    """Activations that never fire: only a bias is left."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(24, 32), nn.Linear(32, 3)
        nn.init.constant_(self.first.bias, -50.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))


def _deep(depth: int = 150) -> nn.Module:
    return mlp(*[24] * depth)


def _padded(made: onnx.ModelProto) -> Arrays:
    """Sentences of 8 to 20 ids in 48 places, filled up with 0 before them."""
    chance, ids = np.random.default_rng(5), np.zeros((SAMPLES, 1, 48), np.int64)
    for row in ids:
        row[0, -chance.integers(8, 21) :] = chance.integers(1, 200)
    return {made.graph.input[0].name: ids}


def _masked(made: onnx.ModelProto) -> Arrays:
    ids, mask = np.ones((SAMPLES, 1, 48), np.int64), np.zeros((SAMPLES, 1, 48), np.float32)
    for row, kept in zip(ids, mask, strict=True):
        length = np.random.default_rng(int(row.sum())).integers(8, 21)
        row[0, :length], kept[0, :length] = 5, 1
    chance = np.random.default_rng(6)
    for row, kept in zip(ids, mask, strict=True):
        length = chance.integers(8, 21)
        row[0], kept[0] = 1, 0
        row[0, :length], kept[0, :length] = chance.integers(2, 200, length), 1
    names = [one.name for one in made.graph.input]
    return dict(zip(names, (ids, mask), strict=True))


def _other_brightness(made: onnx.ModelProto) -> Arrays:
    """Calibrated on 0 to 1, judged on 0 to 255."""
    (x,) = drawn(made).values()
    x = np.abs(x)
    x[16:] *= 255
    name = made.graph.input[0].name
    return {name: x, "calibration": np.arange(len(x)) < 16}


def _labelled(made: onnx.ModelProto, count: int = 200, positive: bool = False) -> Arrays:
    found = drawn(made, count)
    if positive:
        found = {name: np.abs(x) / 4 for name, x in found.items()}
    return found | {"labels": answers(made, found), "metric": np.array("top1")}


def _from_one(made: onnx.ModelProto) -> Arrays:
    """Counted from 1; the last class does not occur, or they would be refused."""
    found = _labelled(made)
    kept = found["labels"] < 9
    rows = {name: array[kept] for name, array in found.items() if array.ndim}
    return found | rows | {"labels": rows["labels"] + 1}


def _exchanged(made: onnx.ModelProto) -> Arrays:
    """Classes in another order."""
    found = _labelled(made)
    order = np.random.default_rng(9).permutation(10)
    return found | {"labels": order[found["labels"]]}


def _bgr(made: onnx.ModelProto) -> Arrays:
    found = _labelled(made)
    return {name: x[:, :, ::-1].copy() if x.ndim == 5 else x for name, x in found.items()}


def _bytes(made: onnx.ModelProto) -> Arrays:
    found = _labelled(made, positive=True)
    return {name: x * np.float32(255) if x.ndim == 5 else x for name, x in found.items()}


def _linear(size: int = 10) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, 10), nn.Tanh(), nn.Linear(10, 10))


def _boxes() -> onnx.ModelProto:
    return written(
        """(float[1,3000,4] x, float[1,1,3000] s) => (int64[n,3] y) {
          y = NonMaxSuppression(x, s, most, iou, score) }""",
        opset=11,
        most=np.array([200], np.int64),
        iou=np.array([0.5], np.float32),
        score=np.array([-9.0], np.float32),
    )


def _looped() -> onnx.ModelProto:
    return written(
        """(float[1,16] x) => (float[1,16] y) {
          y = Loop(trips, go, x) <body = b (int64 i, bool c, float[1,16] a)
            => (bool d, float[1,16] e) { d = Identity(c)  f = MatMul(a, w)  e = Tanh(f) }> }""",
        opset=16,
        trips=np.array(60, np.int64),
        go=np.array(True),
        w=(16, 16),
    )


def _net(make: Any, *shapes: Any, **options: Any) -> Callable[[], onnx.ModelProto]:
    return lambda: exported(make, *shapes, **options)


POSITIVE = (
    Case("depthwise network, dynamic int8 on Conv", _net(separable, IMAGE, opset=13),
         "dynamic_convolutions", "dynamic_int8:op_types=Conv", "conv"),
    Case("sound by Conv1d, dynamic int8 on Conv and MatMul", _net(_sound, (1, 1, 2000), opset=14),
         "dynamic_convolutions", "dynamic_int8:op_types=Conv|MatMul", "conv"),
    Case("perceptron, signed activations", _net(lambda: mlp(128, 256, 256, 16), (8, 128)),
         "signed_activations", "static_int8:activations=s8", "s8"),
    Case("residual network, signed activations", _net(resnet, IMAGE, opset=18, dynamo=True),
         "signed_activations", "static_int8:activations=s8", "s8"),
    Case("residual network, 8-bit weights", _net(resnet, IMAGE), "saturation",
         "static_int8:reduce_range=off", "reduce_range"),
    Case("reader, 8-bit weights", _net(Reader, IDS), "saturation",
         "dynamic_int8:reduce_range=off", "reduce_range"),
    Case("brought quantized, an error function between pairs", _gates, "pairs_not_fused"),
    Case("brought quantized, a transposed convolution", _transposed, "fell_back_to_float"),
    Case("recurrent network, static int8", _net(Recurrent, (1, 40, 32), opset=14),
         "kept_in_float", "static_int8", "LSTM"),
    Case("convolutions and arc tangents", _net(_Normalized, (1, 32, 56, 56)), "conversions"),
    Case("attention in torch's own words", _net(lambda: nn.Sequential(Block(64, 4), Block(64, 4)),
         (1, 48, 64)), "attention_not_fused"),
    Case("attention, the newer exporter", _net(Reader, IDS, opset=20, dynamo=True),
         "attention_not_fused"),
    Case("normalization with an output inside", _net(_Watched, (1, 64, 512)),
         "normalization_not_fused"),
    Case("normalization, graph=basic", _net(lambda: Block(64, 4), (1, 48, 64), opset=13),
         "normalization_not_fused", "onnxruntime:graph=basic"),
    Case("convolution in 24 groups", _net(_Groups, (1, 3, 40, 40)), "slow_kernel", names="grouped"),
    Case("non-maximum suppression", _boxes, "one_operator_dominates", names="NonMaxSuppression"),
    Case("a loop of 60 trips", _looped, "one_operator_dominates", names="Loop"),
    Case("perceptron of 8 numbers", _net(lambda: mlp(8, 8, 2), (1, 8), opset=11), "below_dispatch"),
    Case("normalized row", lambda: written("(float[1,3] x) => (float[1,3] y) { y = Softmax(x) }"),
         "below_dispatch"),
    Case("wide perceptron, one row", _net(lambda: mlp(2048, 4096, 2048, 10), (1, 2048)),
         "memory_bound"),
    Case("two wide heads", lambda: written(
         """(float[1,3000] x) => (float[1,4000] y, float[1,2000] z) {
            y = Gemm(x, a, b)  z = MatMul(x, c) }""",
         a=(3000, 4000), b=(4000,), c=(3000, 2000)), "memory_bound"),
    Case("faded convolution", _net(_faded, IMAGE), "denormals"),
    Case("values that shrink", _net(_Shrinking, (1, 128)), "denormals"),
    Case("small perceptron, two threads", _net(lambda: mlp(32, 64, 64, 4), (1, 32)), "threads",
         "onnxruntime:threads=2"),
    Case("150 small layers on OpenVINO", _net(_deep, (1, 24)), "slow_start", "openvino"),
    Case("ids filled up before", _net(Reader, IDS, opset=16), "padding", arrays=_padded),
    Case("ids and mask", _net(_Masked, IDS, torch.ones(1, 48)), "padding", arrays=_masked),
    Case("residual network, fp16", _net(resnet, IMAGE), "only_looks_kept", "fp16"),
    Case("reader, fp16", _net(Reader, IDS), "only_looks_kept", "fp16"),
    Case("drawn in the middle", _net(_Sampled, (1, 20)), "draws_at_random", names="Random"),
    Case("calibrated in another brightness", _net(convnet, IMAGE), "calibration_unlike",
         "static_int8", arrays=_other_brightness),
    Case("labels from one", _net(_linear, (1, 3, 10, 10)), "labels_do_not_fit", arrays=_from_one,
         names="shift"),
    Case("classes exchanged", _net(_linear, (1, 3, 10, 10)), "labels_do_not_fit",
         arrays=_exchanged),
    Case("blue, green, red", _net(_linear, (1, 3, 10, 10)), "inputs_prepared_otherwise",
         arrays=_bgr, names="order"),
    Case("bytes where shares are meant", _net(_linear, (1, 3, 10, 10)), "inputs_prepared_otherwise",
         arrays=_bytes, names="255"),
    Case("dead activations", _net(_Dead, (1, 24)), "constant_output"),
    Case("transformer passes on convolutions", _net(Two, IMAGE), "changed_nothing",
         "fuse_transformer", "fuse_transformer"),
    Case("pruned perceptron", _net(lambda: mlp(256, 512, 32), (4, 256)), "zeros_not_skipped",
         "magnitude_prune:sparsity=0.7"),
    Case("16-bit activations", _net(resnet, IMAGE), "wide_activations",
         "static_int8:activations=u16"),
    Case("in 64 bits", lambda: exported(mlp(128, 256, 64).double(), torch.zeros(8, 128).double()),
         "doubles"),
    Case("collapsed by calibration", _net(convnet, IMAGE), "quality_lost", "static_int8",
         arrays=_other_brightness),
)  # fmt: skip
CLEAN = (
    Case("residual network", _net(resnet, (1, 3, 64, 64))),
    Case("residual network, the newer exporter",
         _net(resnet, (1, 3, 64, 64), opset=20, dynamo=True)),
    Case("separable network on OpenVINO", _net(separable, (1, 3, 96, 96)), recipe="openvino"),
    Case("wide convolutions, static int8", _net(lambda: nn.Sequential(conv(3, 64, stride=2),
         conv(64, 128), conv(128, 128), *head(128, 10)), (1, 3, 64, 64)), recipe="static_int8"),
    Case("perceptron on 64 rows", _net(lambda: mlp(256, 512, 512, 10), (64, 256), opset=12)),
    Case("two heads", _net(Two, (1, 3, 64, 64), opset=15)),
    Case("recurrent network", _net(Recurrent, (1, 40, 32))),
    Case("gated recurrent network", _net(lambda: Recurrent(nn.GRU), (1, 40, 32), opset=13)),
    Case("decoder", _net(Decoder, (1, 3, 64, 64))),
    Case("sound", _net(_sound, (1, 1, 8000))),
    Case("convolutions in bf16", _net(lambda: convnet(nn.SiLU), (1, 3, 96, 96)),
         recipe="openvino:precision=bf16"),
    Case("labelled as it is", _net(convnet, IMAGE), arrays=_labelled),
    Case("simplified", _net(lambda: convnet(nn.Hardswish), (1, 3, 64, 64)), recipe="simplify"),
)  # fmt: skip
