"""Networks of the eighth set: little nets as people write them."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional

FloatArray = NDArray[np.float32]


def digits(size: int) -> tuple[FloatArray, NDArray[np.int64]]:
    """Handwritten digits from 0 to 1, enlarged: [1797, 1, size, size], and their classes."""
    data = load_digits()
    pictures = torch.tensor(data.images / 16, dtype=torch.float32)[:, None]
    return functional.interpolate(pictures, size=size, mode="bilinear").numpy(), data.target.astype(
        np.int64
    )


def coloured(size: int) -> tuple[FloatArray, NDArray[np.int64]]:
    """The same in orange on a dark blue ground: [1797, 3, size, size]."""
    grey, classes = digits(size)
    ink, ground = (
        np.array(one, np.float32)[None, :, None, None]
        for one in ((1.0, 0.6, 0.1), (0.0, 0.05, 0.3))
    )
    return (ground + grey * (ink - ground)).astype(np.float32), classes


def trained(
    net: nn.Module, inputs: FloatArray, classes: NDArray[np.int64], rounds: int = 6
) -> nn.Module:
    """Learnt on all but the last 500 samples."""
    torch.manual_seed(0)
    seen, wanted = torch.from_numpy(inputs[:-500]), torch.from_numpy(classes[:-500])
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3)
    for _ in range(rounds):
        for part in torch.randperm(len(seen)).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(net(seen[part]), wanted[part]).backward()
            optimizer.step()
    return net.eval()


def small_vgg(channels: int, width: int = 32, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    """Three stages of convolutions and a classifier of ten classes."""
    layers: list[nn.Module] = []
    for stage in (width, 2 * width, 4 * width):
        layers += [nn.Conv2d(channels, stage, 3, padding=1), nn.BatchNorm2d(stage), activation()]
        layers += [nn.Conv2d(stage, stage, 3, padding=1), activation(), nn.MaxPool2d(2)]
        channels = stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class ConvNeXtBlock(nn.Module):
    """As its authors write it: the normalization and the products see channels last."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.wide, self.narrow = (
            nn.Linear(channels, 2 * channels),
            nn.Linear(2 * channels, channels),
        )
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.narrow(functional.relu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


def convnext() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 4, stride=2, padding=1),
        *(ConvNeXtBlock(16) for _ in range(6)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


class DoubleNorm(nn.Module):
    """A normalization in float64 "for stability"."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.double()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-12)
        return self.weight * wide.float()


def double_mlp() -> nn.Module:
    parts = [part for _ in range(6) for part in (DoubleNorm(192), nn.Linear(192, 192), nn.ReLU())]
    return nn.Sequential(*parts, nn.Linear(192, 8))


class RelativeAttention(nn.Module):
    """T5's: no scale, and a bias by the distance of two words, looked up in a table."""

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.bias = nn.Embedding(2 * length, heads)
        place = torch.arange(length)
        self.register_buffer("distance", place[None, :] - place[:, None] + length)

    def split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        scores = self.split(self.q(x)) @ self.split(self.k(x)).transpose(2, 3)
        scores = scores + self.bias(self.distance).permute(2, 0, 1)[None]
        scores = scores.masked_fill(mask[:, None, None, :] == 0, -1e9)
        mixed = scores.softmax(-1) @ self.split(self.v(x))
        return self.o(mixed.transpose(1, 2).reshape(x.shape))


class AnnotatedNorm(nn.Module):
    """The Annotated Transformer's: the deviation of a sample, and epsilon outside of the root."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        mean, deviation = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return self.a * (x - mean) / (deviation + 1e-6) + self.b


class Encoder(nn.Module):
    """Words to a class: embedding, blocks of attention and products, the first word's answer."""

    def __init__(
        self, width: int, depth: int, norm: type[nn.Module], length: int = 64, t5: bool = False
    ) -> None:
        super().__init__()
        self.words, self.t5 = nn.Embedding(2000, width, padding_idx=0), t5
        make = (
            (lambda: RelativeAttention(width, 4, length))
            if t5
            else (lambda: nn.MultiheadAttention(width, 4, batch_first=True))
        )
        self.attention = nn.ModuleList([make() for _ in range(depth)])
        self.dense = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
                for _ in range(depth)
            ]
        )
        self.norms = nn.ModuleList([norm(width) for _ in range(2 * depth)])
        self.out = nn.Linear(width, 4)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.words(ids)
        for place, (attention, dense) in enumerate(zip(self.attention, self.dense, strict=True)):
            y = self.norms[2 * place](x)
            x = x + (
                attention(y, mask) if self.t5 else attention(y, y, y, key_padding_mask=mask == 0)[0]
            )
            x = x + dense(self.norms[2 * place + 1](x))
        return self.out(x[:, 0])


class Warp(nn.Module):
    """Looks for motion between two pictures and moves the first by it."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = nn.Sequential(nn.Conv2d(6, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 2, 3, 1, 1))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        flow = functional.interpolate(
            self.flow(torch.cat([first, second], 1)), scale_factor=2, mode="nearest"
        )
        grid = functional.affine_grid(torch.eye(2, 3)[None], [1, 3, 96, 96], align_corners=False)
        moved = grid + 0.05 * flow.permute(0, 2, 3, 1)
        return functional.grid_sample(first, moved, mode="bicubic", align_corners=False)


class Segmenter(nn.Module):
    """A thin trunk, and the scores of 21 classes enlarged to the size of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 16, 3, 4, 1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 4, 1),
            nn.ReLU(),
            nn.Conv2d(32, 21, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(
            self.trunk(x), size=x.shape[-2:], mode="bilinear", align_corners=False
        )


class Filter(nn.Module):
    """A recurrence written by hand, which scripting keeps as a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.state = nn.Linear(16, 24), nn.Linear(24, 24)
        self.out = nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.shape[0], 24)
        y = self.first(x)
        for step in range(x.shape[1]):
            h = torch.tanh(y[:, step] + self.state(h))
        return self.out(h)


class Keywords(nn.Module):
    """Convolutions over a second of sound, and the mean of what they find."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 32, 80, 4),
            nn.ReLU(),
            nn.Conv1d(32, 48, 9, 4),
            nn.ReLU(),
            nn.Conv1d(48, 64, 9, 2),
            nn.ReLU(),
        )
        self.out = nn.Linear(64, 12)

    def forward(self, sound: Tensor) -> Tensor:
        return self.out(self.body(sound).mean(-1))


class Tagger(nn.Module):
    """A recurrent net over a long sequence, one step after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.cells, self.out = nn.LSTM(24, 48, batch_first=True), nn.Linear(48, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cells(x)[0][:, -1])


class Catalogue(nn.Module):
    """A large table of which each run reads a few rows."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(300_000, 96)
        self.out = nn.Sequential(nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, ids: Tensor) -> Tensor:
        return torch.sigmoid(self.out(self.table(ids).mean(1)))


def bayes() -> nn.Module:
    """Dropout that was never switched off."""
    return nn.Sequential(
        nn.Linear(40, 256),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(256, 4),
    )


def decayed(net: nn.Module, share: float) -> nn.Module:
    """So much of the channels' weights as a too strong decay leaves them."""
    generator = torch.Generator().manual_seed(3)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            dead = torch.rand(layer.out_channels, generator=generator) < share
            layer.weight.data[dead] *= 1e-38 / 4
            layer.bias.data[dead] = 0
    return net


def head() -> nn.Module:
    """The classifier of a VGG."""
    return nn.Sequential(
        nn.Linear(6272, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU(), nn.Linear(2048, 100)
    )


def imbalanced() -> nn.Module:
    """Almost never says yes: what it learnt is the share of the classes."""
    torch.manual_seed(5)
    net = nn.Sequential(
        nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid()
    )
    last = net[4]
    assert isinstance(last, nn.Linear)
    last.weight.data *= 1e-4
    last.bias.data[:] = math.log(0.02 / 0.98)
    return net
