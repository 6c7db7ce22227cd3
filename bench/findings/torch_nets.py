"""Small networks as people write them in torch, with random weights."""

from typing import Any

import torch
from torch import Tensor, nn


def conv(inside: int, outside: int, size: int = 3, **settings: Any) -> nn.Module:
    """Convolution, batch normalization, activation."""
    act = settings.pop("act", nn.ReLU)
    pad = size // 2 * settings.get("dilation", 1)
    layer = nn.Conv2d(inside, outside, size, padding=pad, bias=False, **settings)
    return nn.Sequential(layer, nn.BatchNorm2d(outside), act())


def head(channels: int, classes: int) -> list[nn.Module]:
    """Pool and classify."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]


def convnet(act: type[nn.Module] = nn.ReLU, classes: int = 10) -> nn.Module:
    """Four convolutions of rising width."""
    return nn.Sequential(
        conv(3, 32, stride=2, act=act),
        conv(32, 64, act=act),
        conv(64, 64, act=act),
        conv(64, 128, stride=2, act=act),
        *head(128, classes),
    )


def separable(width: int = 64) -> nn.Module:
    """Depthwise and pointwise convolutions in turn, as in MobileNet."""
    body = [conv(3, width, stride=2, act=nn.ReLU6)]
    for _ in range(3):
        body += [conv(width, width, groups=width, act=nn.ReLU6), conv(width, width, 1)]
    return nn.Sequential(*body, *head(width, 12))


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), conv(width, width, act=nn.Identity))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def resnet(width: int = 48) -> nn.Module:
    """A stem and three residual blocks."""
    blocks = [Residual(width) for _ in range(3)]
    return nn.Sequential(conv(3, width, 5, stride=2), *blocks, *head(width, 10))


class Block(nn.Module):
    """Attention and a perceptron, each behind a normalization and beside a shortcut."""

    def __init__(self, width: int, heads: int, norm: type[nn.Module] = nn.LayerNorm) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = norm(width), norm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attend(self, x: Tensor) -> Tensor:
        """Scaled products of queries and keys, softmax, values."""
        batch, steps, width = x.shape
        split = self.qkv(x).reshape(batch, steps, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5
        mixed = scores.softmax(-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(batch, steps, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.first(x))
        return x + self.down(nn.functional.gelu(self.up(self.second(x))))


class Reader(nn.Module):
    """Token ids, embedded, through blocks, to classes."""

    def __init__(self, width: int = 64, heads: int = 4, blocks: int = 2, words: int = 200) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.head = nn.Linear(width, 5)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.blocks(self.embedding(ids)).mean(1))


class Recurrent(nn.Module):
    """A recurrent network over steps, the last of which is classified."""

    def __init__(self, kind: Any = nn.LSTM, inside: int = 32, width: int = 96) -> None:
        super().__init__()
        self.steps, self.head = kind(inside, width, batch_first=True), nn.Linear(width, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.steps(x)[0][:, -1])


def mlp(*widths: int, act: type[nn.Module] = nn.ReLU) -> nn.Module:
    """Linear layers with activations between."""
    layers: list[nn.Module] = []
    for inside, outside in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(inside, outside), act()]
    return nn.Sequential(*layers[:-1])


class Two(nn.Module):
    """A trunk with two heads: classes and a number."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(conv(3, 32), conv(32, 64, stride=2), nn.AdaptiveAvgPool2d(1))
        self.classes, self.number = nn.Linear(64, 7), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x).flatten(1)
        return self.classes(h), self.number(h)


class Decoder(nn.Module):
    """Down by convolutions and up again by transposed ones, as for segmentation."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.down = nn.Sequential(conv(3, width, stride=2), conv(width, 2 * width, stride=2))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.ConvTranspose2d(width, 4, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.up(self.down(x))))
