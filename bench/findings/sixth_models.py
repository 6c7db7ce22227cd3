"""Networks of the sixth set."""

import torch
from torch import Tensor, nn

from bench.findings.torch_nets import conv, mlp


class ByHand(nn.Module):
    """Attention whose softmax is written as exponentials over their sum."""

    def __init__(self, width: int = 96, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        split = self.qkv(x).reshape(batch, steps, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5
        powers = torch.exp(scores - scores.amax(-1, keepdim=True))
        mixed = (powers / powers.sum(-1, keepdim=True)) @ v
        return x + self.out(mixed.transpose(1, 2).reshape(batch, steps, width))


def by_hand() -> nn.Module:
    return nn.Sequential(ByHand(), ByHand())


class PowerNorm(nn.Module):
    """Layer normalization that multiplies by the variance to the power of minus a half."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.rand(width)), nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        apart = x - x.mean(-1, keepdim=True)
        return apart * ((apart**2).mean(-1, keepdim=True) + 1e-5) ** -0.5 * self.scale + self.shift


class ByPower(nn.Module):
    """Such normalizations between products."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(layer for _ in range(3) for layer in (nn.Linear(width, 32), nn.Linear(32, width),
                                                    PowerNorm(width)))
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Hearing(nn.Module):
    """Convolutions over the frames of a spectrogram."""

    def __init__(self, bands: int = 40, width: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(bands, width, 3, padding=1), nn.ReLU(),
            nn.Conv1d(width, width, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.last = nn.Linear(width, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.body(x).mean(2))


class Cell(nn.Module):
    """One step of a gated recurrent network."""

    def __init__(self, width: int = 1024) -> None:
        super().__init__()
        self.steps = nn.GRU(width, width, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(x)[0][:, -1]


class Pointing(nn.Module):
    """A small network says where in the picture to look, as a spatial transformer does."""

    def __init__(self) -> None:
        super().__init__()
        self.where = nn.Sequential(
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), mlp(48, 32, 6, act=nn.Tanh)
        )
        line = torch.linspace(-1, 1, 64)
        down, across = torch.meshgrid(line, line, indexing="ij")
        self.register_buffer("places", torch.stack([across, down, torch.ones_like(down)], -1))

    def forward(self, x: Tensor) -> Tensor:
        grid = self.places.reshape(1, -1, 3) @ self.where(x).reshape(-1, 3, 2)
        grid = grid.reshape(-1, 64, 64, 2)
        return nn.functional.grid_sample(x, grid, align_corners=False)


class TwoAnswers(nn.Module):
    """Classes, and a confidence that is always the same."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.classes, self.sure = mlp(24, 64, 64), nn.Linear(64, 5), nn.Linear(64, 1)
        nn.init.zeros_(self.sure.weight)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.classes(h), torch.sigmoid(self.sure(h))


class Drawing(nn.Module):
    """A picture drawn from a few numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 32 * 8 * 8)
        up = nn.Upsample(scale_factor=2)
        self.body = nn.Sequential(
            up, conv(32, 32), up, conv(32, 16), nn.Conv2d(16, 3, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.body(self.first(x).reshape(-1, 32, 8, 8)))
