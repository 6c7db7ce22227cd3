"""Networks of the seventh set."""

import torch
from torch import Tensor, nn

from bench.findings.torch_nets import conv, mlp


class Attending(nn.Module):
    """Attention with a softmax to choose: capped, as in Gemma, or times a reciprocal."""

    def __init__(self, capped: bool, width: int = 96, heads: int = 4) -> None:
        super().__init__()
        self.capped, self.heads = capped, heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def shares(self, scores: Tensor) -> Tensor:
        if self.capped:
            return (20 * torch.tanh(scores / 20)).softmax(-1)
        powers = torch.exp(scores - scores.amax(-1, keepdim=True))
        return powers * torch.reciprocal(powers.sum(-1, keepdim=True))

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        split = self.qkv(x).reshape(batch, steps, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5
        mixed = self.shares(scores) @ v
        return x + self.out(mixed.transpose(1, 2).reshape(batch, steps, width))


class ByRoot(nn.Module):
    """Divided by the root of the mean square, as Llama writes it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class ByLength(nn.Module):
    """Less its mean, over its length: layer normalization by an L2 norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        apart = x - x.mean(-1, keepdim=True)
        length = torch.linalg.vector_norm(apart, dim=-1, keepdim=True)
        return apart / (length + 1e-5) * self.width**0.5


def normed(norm: type[nn.Module], width: int = 256) -> nn.Module:
    """Such normalizations between thin products."""
    layers = [nn.Linear(width, 24), nn.Linear(24, width), norm(width)]
    return nn.Sequential(*layers, *(nn.Linear(width, 24), nn.Linear(24, width), norm(width)))


class Tied(nn.Module):
    """One step of a language model whose table of words is read at both ends."""

    def __init__(self, words: int = 8000, width: int = 256) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.body = mlp(width, 64, width)

    def forward(self, ids: Tensor) -> Tensor:
        return self.body(self.words(ids)) @ self.words.weight.t()


class Listening(nn.Module):
    """Filters over the numbers of a recording, as wav2vec begins."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, width, 10, stride=5), nn.GELU(), nn.Conv1d(width, width, 3, stride=2),
            nn.GELU(), nn.Conv1d(width, width, 3, stride=2),
        )  # fmt: skip
        self.last = nn.Linear(width, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.body(x.unsqueeze(1)).mean(2))


class LogPrice(nn.Module):
    """Answers the logarithm of a price."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(16, 64, 1)

    def forward(self, x: Tensor) -> Tensor:
        return 15 * self.body(x) + 6


class Experts(nn.Module):
    """A mixture of experts: a softmax between products, which is no attention."""

    def __init__(self, width: int = 256, experts: int = 4) -> None:
        super().__init__()
        self.gate = nn.Linear(width, experts)
        self.experts = nn.ModuleList(mlp(width, 512, width) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        shares = self.gate(x).softmax(-1).unsqueeze(1)
        answers = torch.stack([expert(x) for expert in self.experts], 1)
        return (shares @ answers).squeeze(1)


def sums(classes: int = 2) -> nn.Module:
    """Convolutions to a few numbers."""
    return nn.Sequential(
        conv(3, 32, stride=2), conv(32, 64), conv(64, 64), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(256, classes),
    )  # fmt: skip
