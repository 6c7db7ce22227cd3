"""Networks of the fifth set."""

import torch
from torch import Tensor, nn

from bench.findings.torch_nets import conv, head, mlp

IMAGE = (1, 3, 40, 40)


class Widened(nn.Module):
    """Dilated filters side by side, summed, as in DeepLab."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.stem = conv(3, width, stride=2)
        self.rates = nn.ModuleList(conv(width, width, dilation=rate) for rate in (1, 2, 4))
        self.last = nn.Conv2d(width, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        return self.last(sum(branch(h) for branch in self.rates))


class NextBlock(nn.Module):
    """Depthwise filters, then a perceptron over channels last, as in ConvNeXt."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm, self.channels = nn.LayerNorm(width), mlp(width, 4 * width, width, act=nn.GELU)

    def forward(self, x: Tensor) -> Tensor:
        h = self.spatial(x).permute(0, 2, 3, 1)
        return x + self.channels(self.norm(h)).permute(0, 3, 1, 2)


def convnext(width: int = 48, blocks: int = 2) -> nn.Module:
    body = [NextBlock(width) for _ in range(blocks)]
    return nn.Sequential(nn.Conv2d(3, width, 4, stride=4), *body, *head(width, 8))


class Patches(nn.Module):
    """Patches of a picture through torch's own transformer layers, as in ViT."""

    def __init__(self, width: int = 64, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, width, 8, stride=8)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, batch_first=True, norm_first=True, activation="gelu"
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.last = nn.Linear(width, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.layers(self.cut(x).flatten(2).transpose(1, 2)).mean(1))


class MultiQuery(nn.Module):
    """Many heads of queries, one of keys and values."""

    def __init__(self, width: int = 96, heads: int = 6) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.q, self.kv = nn.Linear(width, width), nn.Linear(width, 2 * self.size)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        q = self.q(x).reshape(batch, steps, self.heads, self.size).transpose(1, 2)
        k, v = self.kv(x).unsqueeze(1).chunk(2, -1)
        mixed = nn.functional.scaled_dot_product_attention(q, k.expand_as(q), v.expand_as(q))
        return self.out(mixed.transpose(1, 2).reshape(batch, steps, width))


class RootMean(nn.Module):
    """Divided by the root of the mean square, as in LLaMA, between two products."""

    def __init__(self, width: int = 192) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, 8)
        self.scale = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.last(h / (h.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * self.scale)


class Einsums(nn.Module):
    """Products with weights written as sums over named axes."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(4, width, width) / width**0.5)
        self.last = nn.Linear(width, 6)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(torch.einsum("bti,hio->btho", x, self.a))
        return self.last(h.sum(2).mean(1))


class Learned(nn.Module):
    """Enlarged channel by channel with learned filters."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = conv(3, width, stride=2)
        self.enlarge = nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        return self.enlarge(self.stem(x))


class Words(nn.Module):
    """Thousands of ids looked up and averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.last = nn.Embedding(5000, 128), nn.Linear(128, 4)

    def forward(self, ids: Tensor) -> Tensor:
        return self.last(self.table(ids).amax(1))


class Token(nn.Module):
    """One token through the perceptrons of a large transformer."""

    def __init__(self, width: int = 1024, layers: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(mlp(width, 4 * width, width) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x)
        return x


class Fading(nn.Module):
    """A recurrent network whose weights from step to step have decayed."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.LSTM(24, 64, batch_first=True)
        with torch.no_grad():
            self.steps.weight_hh_l0.mul_(1e-39)

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(x)[0][:, -1]


class Noisy(nn.Module):
    """Noise is added to the features, as while training."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = mlp(30, 60, 60), nn.Linear(60, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.last(h + 0.3 * torch.rand_like(h))


class Drowned(nn.Module):
    """A probability whose bias outweighs whatever is given."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(18, 40, 1)
        nn.init.constant_(self.body[-1].bias, 30.0)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.body(x))


class Facts(nn.Module):
    """Numbers beside categories, embedded, as tables are learned."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.body = nn.Embedding(101, 24), mlp(20 + 5 * 24, 512, 512, 3)

    def forward(self, numbers: Tensor, kinds: Tensor) -> Tensor:
        return self.body(torch.cat([numbers, self.table(kinds).flatten(1)], 1))


class Grouped(nn.Module):
    """Convolutions normalized in groups of channels."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, stride=2, padding=1)]
        for _ in range(3):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
        self.body = nn.Sequential(*layers, *head(width, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def responses(width: int = 96) -> nn.Module:
    """Local response normalization behind each convolution, as in AlexNet."""
    layers = [(conv(i, width, 1), nn.LocalResponseNorm(5)) for i in (3, width)]
    return nn.Sequential(*(one for pair in layers for one in pair))
