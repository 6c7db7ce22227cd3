"""Networks of the tenth set: kinds that no earlier set and no test has."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class WaveNet(nn.Module):
    """Gated dilated convolutions with a sum of skips."""

    def __init__(self, width: int = 32, depth: int = 6) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, width, 1)
        self.gates = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 3, padding=2**n, dilation=2**n) for n in range(depth)
        )
        self.outs = nn.ModuleList(nn.Conv1d(width, 2 * width, 1) for _ in range(depth))
        self.last = nn.Conv1d(width, 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        skips = torch.zeros_like(x)
        for gate, out in zip(self.gates, self.outs, strict=True):
            level, open_ = gate(x).chunk(2, 1)
            more, skip = out(torch.tanh(level) * torch.sigmoid(open_)).chunk(2, 1)
            x, skips = x + more, skips + skip
        return self.last(functional.relu(skips))


class Temporal(nn.Module):
    """A TCN over words; word 0 is padding."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(3000, 96, padding_idx=0)
        self.body = nn.ModuleList(
            nn.Conv1d(96, 96, 3, padding=2**n, dilation=2**n) for n in range(4)
        )
        self.out = nn.Linear(96, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids).transpose(1, 2)
        for layer in self.body:
            x = x + functional.relu(layer(x))
        return self.out(x.amax(-1))


class Joint(nn.Module):
    """RNN-T's joint network: each frame with each symbol."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.heard, self.said = nn.Linear(256, 320), nn.Linear(256, 320)
        self.out = nn.Linear(320, words)

    def forward(self, heard: Tensor, said: Tensor) -> Tensor:
        both = self.heard(heard)[:, :, None] + self.said(said)[:, None]
        return self.out(torch.tanh(both)).log_softmax(-1)


class SuperResolution(nn.Module):
    """Enlarged by DepthToSpace, or first by a cubic Resize."""

    def __init__(self, cubic: bool = False, scale: int = 3) -> None:
        super().__init__()
        self.cubic, self.scale = cubic, scale
        width = 4 if cubic else 32
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )
        self.out = nn.Conv2d(width, 3 if cubic else 3 * scale * scale, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.out(functional.relu(self.body(x)))
        if self.cubic:
            return functional.interpolate(y, scale_factor=4, mode="bicubic", align_corners=False)
        return functional.pixel_shuffle(y, self.scale)


class Messages(nn.Module):
    """A graph network: gathered from edges' starts, added up at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList(nn.Linear(128, 64) for _ in range(3))
        self.out = nn.Linear(64, 4)

    def forward(self, x: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        for step in self.steps:
            sent = x[0].index_select(0, starts[0])
            place = ends[0][:, None].expand(-1, sent.shape[1])
            got = torch.zeros_like(x[0]).scatter_add(0, place, sent)[None]
            x = functional.relu(step(torch.cat([x, got], -1)))
        return self.out(x.mean(1))


class Clicks(nn.Module):
    """DLRM: tables of categories, their products with each other, and a perceptron on top."""

    def __init__(self, hidden: int = 512, bias: float = 0.0) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(100, 32) for _ in range(6))
        self.dense = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 32))
        self.top = nn.Sequential(nn.Linear(32 + 49, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.top[2].bias.data += bias

    def forward(self, numbers: Tensor, ids: Tensor) -> Tensor:
        dense = self.dense(numbers)
        rows = [table(ids[:, n]) for n, table in enumerate(self.tables)]
        every = torch.stack([dense, *rows], 1)
        pairs = (every @ every.transpose(1, 2)).flatten(1)
        return torch.sigmoid(self.top(torch.cat([dense, pairs], 1)))


class Columns(nn.Module):
    """A transformer over the columns of a table, its attention in Einstein's notation."""

    def __init__(self, columns: int = 96, width: int = 96, blocks: int = 2) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(columns, width) * 0.1)
        self.mixes = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(blocks))
        self.outs = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.head = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x[..., None] * self.weight
        for mix, out in zip(self.mixes, self.outs, strict=True):
            q, k, v = (one.unflatten(-1, (4, -1)) for one in mix(x).chunk(3, -1))
            scores = torch.einsum("bihd,bjhd->bhij", q, k) * q.shape[-1] ** -0.5
            x = x + out(torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v).flatten(2))
        return self.head(x.mean(1))


class Retention(nn.Module):
    """RetNet's parallel form: decaying weights where attention has a softmax."""

    def __init__(self, width: int = 128, length: int = 96) -> None:
        super().__init__()
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        gap = torch.arange(length)[:, None] - torch.arange(length)[None]
        self.register_buffer("decay", torch.where(gap >= 0, 0.95 ** gap.float(), 0.0))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.mix(x).chunk(3, -1)
        return x + self.out((q @ k.transpose(1, 2) * self.decay) @ v)


class Mixer(nn.Module):
    """Patches and channels mixed in turns, without attention."""

    def __init__(self, channels: int = 1, size: int = 16, width: int = 64, blocks: int = 2) -> None:
        super().__init__()
        places = (size // 4) ** 2
        self.cut = nn.Conv2d(channels, width, 4, 4)
        self.places = nn.ModuleList(self._mlp(places) for _ in range(blocks))
        self.channels = nn.ModuleList(self._mlp(width) for _ in range(blocks))
        self.out = nn.Linear(width, 10)

    @staticmethod
    def _mlp(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.cut(x).flatten(2)
        for places, channels in zip(self.places, self.channels, strict=True):
            x = x + places(x)
            x = x + channels(x.transpose(1, 2)).transpose(1, 2)
        return self.out(x.mean(2))


class ByMoments(nn.Module):
    """Layer normalization by mean of squares less square of mean."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(-1, keepdim=True)
        spread = (x * x).mean(-1, keepdim=True) - mean * mean
        return (x - mean) / torch.sqrt(spread + 1e-5) * self.scale + self.shift


def by_moments() -> nn.Module:
    return nn.Sequential(
        *(part for _ in range(5) for part in (ByMoments(256), nn.Linear(256, 256), nn.ReLU()))
    )


class Squeezed(nn.Module):
    """MobileNetV3's block: expanded, depthwise, squeezed and excited, hard swish."""

    def __init__(self, width: int, step: int) -> None:
        super().__init__()
        wide = 3 * width
        self.way = nn.Sequential(
            nn.Conv2d(width, wide, 1),
            nn.Hardswish(),
            nn.Conv2d(wide, wide, 3, step, 1, groups=wide),
            nn.Hardswish(),
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, width, 1), nn.ReLU(),
            nn.Conv2d(width, wide, 1), nn.Hardsigmoid(),
        )  # fmt: skip
        self.out, self.same = nn.Conv2d(wide, width, 1), step == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.way(x)
        y = self.out(y * self.gate(y))
        return x + y if self.same else y


def mobile(channels: int = 3, width: int = 16) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, 1, 1),
        nn.Hardswish(),
        *(Squeezed(width, step) for step in (1, 2, 1)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, 10),
    )


class Denoiser(nn.Module):
    """One step of diffusion: GroupNorm, SiLU, the time added, down and up again."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.first, self.time = nn.Conv2d(3, width, 3, 1, 1), nn.Linear(16, width)
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(3))
        self.down = nn.Conv2d(width, width, 3, 2, 1)
        self.middle = nn.Conv2d(width, width, 3, 1, 1)
        self.up, self.last = nn.ConvTranspose2d(width, width, 2, 2), nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        x = self.first(x)
        y = self.down(functional.silu(self.norms[0](x)))
        y = y + self.time(time)[:, :, None, None]
        y = self.up(self.middle(functional.silu(self.norms[1](y))))
        return self.last(functional.silu(self.norms[2](x + y)))


class Points(nn.Module):
    """PointNet: the same perceptron for each point, then the largest."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, 64, 128, 256)
        steps = zip(sizes, sizes[1:], strict=False)
        self.each = nn.Sequential(*(nn.Sequential(nn.Conv1d(i, o, 1), nn.ReLU()) for i, o in steps))
        self.out = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.each(x).amax(2))


class Noisy(nn.Module):
    """A gate of experts that is jittered on every run, as while it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(64, 4)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 32)) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate(x)
        weight = (gate + torch.randn_like(gate)).softmax(-1)
        every = torch.stack([expert(x) for expert in self.experts], 1)
        return (weight[..., None] * every).sum(1)


class Forecast(nn.Module):
    """N-BEATS: each block takes its part away from what is left."""

    def __init__(self, width: int = 512, blocks: int = 3) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(96, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
            for _ in range(blocks)
        )
        self.parts = nn.ModuleList(nn.Linear(width, 96 + 24) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        ahead = torch.zeros(1)
        for block, part in zip(self.blocks, self.parts, strict=True):
            back, more = part(block(x)).split((96, 24), -1)
            x, ahead = x - back, ahead + more
        return ahead
