"""Standard networks in plain torch with random weights, to measure estimates against.

The same modules run on a CPU (as ONNX) and on a GPU (in torch), so that both kinds of evidence
are about the same graphs.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def _conv(i: int, o: int, k: int, stride: int = 1, groups: int = 1, act: bool = True) -> nn.Module:
    layers: list[nn.Module] = [
        nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False),
        nn.BatchNorm2d(o),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if act else []))


class _Residual(nn.Module):
    def __init__(self, body: nn.Module, skip: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.body, self.skip, self.act = body, skip, act

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.body(x) + self.skip(x))


def _stages(
    block: Callable[[int, int, int], nn.Module], depths: list[int], wide: int, classes: int
) -> nn.Module:
    layers: list[nn.Module] = [_conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, depth in enumerate(depths):
        for index in range(depth):
            out = 64 * 2**stage * wide
            layers.append(block(channels, out, 2 if stage and not index else 1))
            channels = out
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    return nn.Sequential(*layers, *head)


def _bottleneck(i: int, o: int, stride: int) -> nn.Module:
    body = nn.Sequential(
        _conv(i, o // 4, 1), _conv(o // 4, o // 4, 3, stride), _conv(o // 4, o, 1, act=False)
    )
    return _Residual(body, _skip(i, o, stride), nn.ReLU())


def _basic(i: int, o: int, stride: int) -> nn.Module:
    body = nn.Sequential(_conv(i, o, 3, stride), _conv(o, o, 3, act=False))
    return _Residual(body, _skip(i, o, stride), nn.ReLU())


def _skip(i: int, o: int, stride: int) -> nn.Module:
    return nn.Identity() if i == o and stride == 1 else _conv(i, o, 1, stride, act=False)


def resnet50(classes: int = 1000) -> nn.Module:
    """He et al. 2015, 224 x 224."""
    return _stages(_bottleneck, [3, 4, 6, 3], 4, classes)


def resnet18(classes: int = 1000) -> nn.Module:
    """He et al. 2015, 224 x 224."""
    return _stages(_basic, [2, 2, 2, 2], 1, classes)


def mobilenet() -> nn.Module:
    """MobileNet v1 (Howard et al. 2017): depthwise separable convolutions."""
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5]
    layers, channels = [_conv(3, 32, 3, 2)], 32
    for out, stride in [*plan, (1024, 2), (1024, 1)]:
        layers += [_conv(channels, channels, 3, stride, groups=channels), _conv(channels, out, 1)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def vgg11() -> nn.Module:
    """Simonyan and Zisserman 2014: many weights, little depth."""
    layers: list[nn.Module] = []
    channels = 3
    for out in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        layers.append(_conv(channels, out, 3) if out else nn.MaxPool2d(2))
        channels = out or channels
    head = [nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), *head, nn.Linear(4096, 1000))


def small_cnn() -> nn.Module:
    """A digit classifier."""
    return nn.Sequential(
        *(_conv(1, 32, 3), nn.MaxPool2d(2), _conv(32, 64, 3), nn.MaxPool2d(2), _conv(64, 64, 3)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)),
    )


def mlp() -> nn.Module:
    """Four dense layers on a table's row."""
    widths = (64, 512, 512, 256)
    layers = [
        m for i, o in zip(widths, widths[1:], strict=False) for m in (nn.Linear(i, o), nn.ReLU())
    ]
    return nn.Sequential(*layers, nn.Linear(256, 1))


def narrow_mlp() -> nn.Module:
    """Thirty layers of 32: hardly any arithmetic, so that starting operators is what counts."""
    layers = [m for _ in range(30) for m in (nn.Linear(32, 32), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(32, 1))


class _Block(nn.Module):
    """Pre-norm transformer block, attention written out as exporters see it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        b, n, w = x.shape
        parts = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, w // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1) * (w // self.heads) ** -0.5).softmax(-1)
        x = x + self.out((scores @ v).transpose(1, 2).reshape(b, n, w))
        return x + self.mlp(self.norm2(x))


class _Vit(nn.Module):
    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.place = nn.Parameter(torch.randn(1, 196, width))
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.head = nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2) + self.place
        return self.head(self.blocks(tokens).mean(1))


def vit_b16() -> nn.Module:
    """Dosovitskiy et al. 2020, mean-pooled."""
    return _Vit(768, 12, 12)


def vit_tiny() -> nn.Module:
    """DeiT-Ti's size (Touvron et al. 2020), mean-pooled."""
    return _Vit(192, 12, 3)


class _Text(nn.Module):
    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(30000, width)
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.head = nn.Linear(width, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.blocks(self.embed(tokens))[:, 0])


def bert_mini() -> nn.Module:
    """BERT-mini's size (Turc et al. 2019): 4 layers of 256."""
    return _Text(256, 4, 4)


def bert_base() -> nn.Module:
    """BERT-base's size (Devlin et al. 2018): 12 layers of 768."""
    return _Text(768, 12, 12)


class _Recurrent(nn.Module):
    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell, self.head = cell, nn.Linear(128, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][-1])


def lstm() -> nn.Module:
    """Two layers of 128 over 64 steps."""
    return _Recurrent(nn.LSTM(40, 128, 2))


def gru() -> nn.Module:
    """One layer of 128 over 100 steps."""
    return _Recurrent(nn.GRU(40, 128))


class _Unet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        w = 16
        self.down = nn.ModuleList(
            [self._two(i, o) for i, o in ((3, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w))]
        )
        self.up = nn.ModuleList(
            [self._two(12 * w, 4 * w), self._two(6 * w, 2 * w), self._two(3 * w, w)]
        )
        self.head = nn.Conv2d(w, 2, 1)

    @staticmethod
    def _two(i: int, o: int) -> nn.Module:
        return nn.Sequential(_conv(i, o, 3), _conv(o, o, 3))

    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for level in self.down:
            x = level(x if not kept else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for level, skip in zip(self.up, kept[-2::-1], strict=True):
            wide = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = level(torch.cat([wide, skip], 1))
        return self.head(x)


def unet() -> nn.Module:
    """A small segmentation net, 128 x 128."""
    return _Unet()


def _image(channels: int, size: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(1, channels, size, size)


NETS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "resnet50": (resnet50, _image(3, 224)),
    "resnet18": (resnet18, _image(3, 224)),
    "mobilenet": (mobilenet, _image(3, 224)),
    "vgg11": (vgg11, _image(3, 224)),
    "small_cnn": (small_cnn, _image(1, 28)),
    "unet": (unet, _image(3, 128)),
    "mlp": (mlp, lambda: torch.randn(1, 64)),
    "narrow_mlp": (narrow_mlp, lambda: torch.randn(1, 32)),
    "vit_b16": (vit_b16, _image(3, 224)),
    "vit_tiny": (vit_tiny, _image(3, 224)),
    "bert_mini": (bert_mini, lambda: torch.randint(0, 30000, (1, 128))),
    "bert_base": (bert_base, lambda: torch.randint(0, 30000, (1, 128))),
    "lstm": (lstm, lambda: torch.randn(64, 1, 40)),
    "gru": (gru, lambda: torch.randn(100, 1, 40)),
}
"""Name -> (network, an input for it), batch 1."""
