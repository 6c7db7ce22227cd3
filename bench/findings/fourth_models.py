"""Networks of the fourth set."""

from typing import Any

import torch
from torch import Tensor, nn

from bench.findings.torch_nets import conv, head, mlp


class Branches(nn.Module):
    """Filters of three sizes side by side, as in Inception."""

    def __init__(self, inside: int, each: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(conv(inside, each, size) for size in (1, 3, 5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception(each: int = 32) -> nn.Module:
    wide = 3 * each
    return nn.Sequential(
        conv(3, each, stride=2), Branches(each, each), Branches(wide, each), *head(wide, 10)
    )


class Excited(nn.Module):
    """Channels weighted by what they hold on average, as in SENet, beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), conv(width, width, act=nn.Identity))
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, width // 4, 1),
            nn.ReLU(),
            nn.Conv2d(width // 4, width, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.body(x)
        return torch.relu(x + h * self.gate(h))


def excited(width: int = 64) -> nn.Module:
    return nn.Sequential(conv(3, width, stride=2), Excited(width), Excited(width), *head(width, 9))


class Mixing(nn.Module):
    """Patches mixed, then channels, as in MLP-Mixer."""

    def __init__(self, patches: int, width: int, norm: Any = nn.LayerNorm) -> None:
        super().__init__()
        self.first, self.second = norm(width), norm(width)
        self.patches = mlp(patches, 2 * patches, patches, act=nn.GELU)
        self.channels = mlp(width, 2 * width, width, act=nn.GELU)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.patches(self.first(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.second(x))


def mixer(patches: int = 49, width: int = 128, blocks: int = 2, norm: Any = nn.LayerNorm) -> Any:
    return nn.Sequential(*(Mixing(patches, width, norm) for _ in range(blocks)))


class Unbiased(nn.Module):
    """A normalization by the unbiased variance, which torch.var gives unless told otherwise."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + 1e-5).sqrt() * self.scale


class Causal(nn.Module):
    """Dilated convolutions over time that see the past alone, beside shortcuts."""

    def __init__(self, width: int = 64, layers: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, 3, dilation=2**place) for place in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            past = nn.functional.pad(x, (2 * layer.dilation[0], 0))
            x = x + torch.relu(layer(past))
        return x


class Windowed(nn.Module):
    """Attention within windows, with a bias by place, as in Swin."""

    def __init__(self, width: int = 96, heads: int = 3, side: int = 7) -> None:
        super().__init__()
        self.heads, self.side = heads, side
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Parameter(torch.randn(heads, side * side, side * side) / 4)

    def forward(self, x: Tensor) -> Tensor:
        batch, rows, columns, width = x.shape
        n = self.side
        cut = x.reshape(batch, rows // n, n, columns // n, n, width).transpose(2, 3)
        tokens = cut.reshape(-1, n * n, width)
        qkv = self.qkv(tokens).reshape(-1, n * n, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = ((q @ k.transpose(-1, -2)) * 0.18 + self.bias).softmax(-1) @ v
        back = self.out(mixed.transpose(1, 2).reshape(-1, n * n, width))
        parts = back.reshape(batch, rows // n, columns // n, n, n, width).transpose(2, 3)
        return x + parts.reshape(batch, rows, columns, width)


class Cubes(nn.Module):
    """A volume filtered channel by channel between two products, as in video networks."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.first, self.last = nn.Conv3d(1, width, 1), nn.Conv3d(width, 8, 1)
        self.middle = nn.Conv3d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.middle(torch.relu(self.first(x)))))


class Rounded(nn.Module):
    """Each layer's values rounded to half precision and back, as mixed precision leaves them."""

    def __init__(self, width: int = 32, layers: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x)).half().float()
        return x


class Dense(nn.Module):
    """Each layer sees all before it, as in DenseNet."""

    def __init__(self, layers: int, growth: int, first: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList(conv(first + place * growth, growth) for place in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class Recognizing(nn.Module):
    """Convolutions whose columns a recurrent network reads, as in CRNN for lines of text."""

    def __init__(self) -> None:
        super().__init__()
        self.eye = nn.Sequential(conv(1, 16, stride=2), conv(16, 24, stride=2))
        self.steps = nn.GRU(24 * 6, 96, batch_first=True, bidirectional=True)
        self.head = nn.Linear(192, 30)

    def forward(self, x: Tensor) -> Tensor:
        columns = self.eye(x).permute(0, 3, 1, 2).flatten(2)
        return self.head(self.steps(columns)[0])


class Step(nn.Module):
    """One step of a large LSTM: a state and a word in, the next state out."""

    def __init__(self, width: int = 1024) -> None:
        super().__init__()
        self.cell = nn.LSTM(width, width)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.cell(x, (h, c))
        return y, h, c


class Bag(nn.Module):
    """Ids embedded, filtered by convolutions of three widths, as in text classification."""

    def __init__(self, words: int = 300, width: int = 48) -> None:
        super().__init__()
        self.table = nn.Embedding(words, width)
        self.filters = nn.ModuleList(nn.Conv1d(width, 32, size) for size in (3, 4, 5))
        self.head = nn.Linear(96, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids).transpose(1, 2)
        return self.head(torch.cat([torch.relu(f(x)).amax(-1) for f in self.filters], 1))


class Bumps(nn.Module):
    """Distances to centres, made into bumps far too narrow, as in radial basis functions."""

    def __init__(self, inside: int = 12, centres: int = 256) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(centres, inside))
        self.out = nn.Linear(centres, 24)

    def forward(self, x: Tensor) -> Tensor:
        squares = (x.unsqueeze(1) - self.centres).pow(2).mean(-1)
        return self.out(torch.exp(-46 * squares.clamp(1.95, 2.2)))


class Steep(nn.Module):
    """Features whose sizes spread over five decades, as an exponential makes them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(40, 80), nn.Linear(80, 8)
        with torch.no_grad():
            self.first.weight *= 4

    def forward(self, x: Tensor) -> Tensor:
        grown = torch.exp(self.first(x))
        return self.last(torch.log1p(grown / 30))


class Twins(nn.Module):
    """Two pictures through the same filters, and how far apart they come out."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.eye = nn.Sequential(
            conv(3, width, stride=2), conv(width, width), conv(width, width), *head(width, 32)
        )

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return (self.eye(left) - self.eye(right)).pow(2).sum(-1, keepdim=True)


class Alone(nn.Module):
    """Probabilities taken over an axis of one number: always one."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(16, 24, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).softmax(-1)


class Bytes(nn.Module):
    """A classifier of bytes, which it centres and scales first."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(3 * 9 * 9, 40), nn.ReLU(), nn.Linear(40, 7)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body((x - 128) / 64)


class Heads(nn.Module):
    """Many small answers about the same long rows, each from a layer of its own."""

    def __init__(self, inside: int = 1024, count: int = 4, each: int = 4) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(inside, each) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        x = x.tanh()
        return torch.cat([head(x) for head in self.heads], -1)


class Deepened(nn.Module):
    """Two recurrent layers, all of whose steps are classified."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.LSTM(48, 160, num_layers=2, batch_first=True)
        self.head = nn.Linear(160, 20)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.steps(x)[0])
