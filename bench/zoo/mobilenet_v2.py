"""A network like MobileNetV2 (Sandler et al. 2018) on garments."""

from pathlib import Path

from torch import Tensor, nn

from bench.zoo.base import Entry
from bench.zoo.pictures import CLASSES, classifier

_PLAN = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
         (6, 320, 1, 1))  # fmt: skip
"""Expansion, channels, blocks, stride; the first strides are 1, since the pictures are small."""


def _conv(i: int, o: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(o)]


class _Inverted(nn.Module):
    """Widen, convolve each channel, narrow; with a shortcut where shapes allow."""

    def __init__(self, i: int, o: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = i * expansion
        widen = [*_conv(i, wide), nn.ReLU6()] if expansion > 1 else []
        self.body = nn.Sequential(
            *widen, *_conv(wide, wide, 3, stride, wide), nn.ReLU6(), *_conv(wide, o)
        )
        self.shortcut = stride == 1 and i == o

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.shortcut else self.body(x)


def _net() -> nn.Module:
    layers, channels = [*_conv(3, 32, 3, 2), nn.ReLU6()], 32
    for expansion, out, blocks, stride in _PLAN:
        for index in range(blocks):
            layers.append(_Inverted(channels, out, expansion, 1 if index else stride))
            channels = out
    layers += [*_conv(channels, 1280), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(1280, CLASSES))


def _make(cache: Path, folder: Path) -> None:
    classifier(_net(), 350, 32, cache, folder)


ENTRY = Entry(
    "mobilenet_v2",
    "MobileNetV2-like at 3 x 64 x 64, trained on 11,000 garments; judged on 1,000 labelled ones.",
    _make,
)
