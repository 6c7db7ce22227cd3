"""Networks of the ninth set: other kinds than the eighth's, as people write them."""

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor, nn
from torch.nn import functional


class Residual(nn.Module):
    """Two convolutions and the way around them."""

    def __init__(self, inner: int, outer: int, step: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv2d(inner, outer, 3, step, 1),
            nn.BatchNorm2d(outer),
            nn.ReLU(),
            nn.Conv2d(outer, outer, 3, 1, 1),
            nn.BatchNorm2d(outer),
        )
        self.around = nn.Conv2d(inner, outer, 1, step) if inner != outer else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.way(x) + self.around(x))


def resnet(channels: int = 3, classes: int = 10, width: int = 32) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, 1, 1),
        nn.ReLU(),
        Residual(width, width, 1),
        Residual(width, 2 * width, 2),
        Residual(2 * width, 4 * width, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )


class Detector(nn.Module):
    """A grid of boxes with scores over a trunk of strided convolutions."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, 24, 48, 96, 96)
        steps = zip(sizes, sizes[1:], strict=False)
        self.trunk = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(i, o, 3, 2, 1), nn.ReLU()) for i, o in steps)
        )
        self.boxes, self.scores = nn.Conv2d(96, 4, 3, 1, 1), nn.Conv2d(96, 8, 3, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.trunk(x)
        return self.boxes(seen).flatten(2).transpose(1, 2), self.scores(seen).flatten(2).sigmoid()


class Unet(nn.Module):
    """Down, up, and the way across."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 24, 3, 1, 1), nn.ReLU())
        self.down = nn.Sequential(nn.Conv2d(24, 48, 3, 2, 1), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(48, 48, 3, 1, 1), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(72, 24, 3, 1, 1), nn.ReLU(), nn.Conv2d(24, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        across = self.first(x)
        deep = self.deep(self.down(across))
        up = functional.interpolate(deep, scale_factor=2, mode="nearest")
        return self.last(torch.cat([across, up], 1))


class Recurrent(nn.Module):
    """A class by the last state of an LSTM or a GRU."""

    def __init__(self, kind: type[nn.Module], width: int = 128) -> None:
        super().__init__()
        self.cells, self.out = kind(32, width, batch_first=True), nn.Linear(width, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cells(x)[0][:, -1])


class Vit(nn.Module):
    """Patches of a picture through attention as torch's function has it."""

    def __init__(self, width: int = 128, depth: int = 3) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.places = nn.Parameter(torch.randn(1, 64, width) / 50)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2 * depth)])
        self.mixed = nn.ModuleList([nn.Linear(width, 3 * width) for _ in range(depth)])
        self.back = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.dense = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
                for _ in range(depth)
            ]
        )
        self.out = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.places
        for place, (mixed, back, dense) in enumerate(
            zip(self.mixed, self.back, self.dense, strict=True)
        ):
            parts = mixed(self.norms[2 * place](x)).view(x.shape[0], 64, 3, 4, -1)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(q, k, v)
            x = x + back(seen.transpose(1, 2).flatten(2))
            x = x + dense(self.norms[2 * place + 1](x))
        return self.out(x.mean(1))


def perceptron(*sizes: int, last: nn.Module | None = None) -> nn.Module:
    """Products with ReLU between."""
    parts: list[nn.Module] = []
    for inner, outer in zip(sizes, sizes[1:], strict=False):
        parts += [nn.Linear(inner, outer), nn.ReLU()]
    return nn.Sequential(*parts[:-1], *([last] if last else []))


class Waves(nn.Module):
    """Convolutions along the time of six sensors."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (6, 48, 64, 64)
        steps = zip(sizes, sizes[1:], strict=False)
        self.body = nn.Sequential(
            *(nn.Sequential(nn.Conv1d(i, o, 7, 2, 3), nn.ReLU()) for i, o in steps)
        )
        self.out = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.body(x).mean(-1))


class BySlope(nn.Module):
    """Attention with a bias by distance (ALiBi), its softmax written out."""

    def __init__(self, width: int = 96, length: int = 96) -> None:
        super().__init__()
        self.mixed = nn.ModuleList([nn.Linear(width, 3 * width) for _ in range(3)])
        place = torch.arange(length)
        slopes = torch.tensor([0.5, 0.25, 0.125, 0.0625])[:, None, None]
        self.register_buffer("bias", -slopes * (place[None, :] - place[:, None]).abs())

    def forward(self, x: Tensor) -> Tensor:
        for mixed in self.mixed:
            q, k, v = mixed(x).view(*x.shape[:2], 3, 4, -1).permute(2, 0, 3, 1, 4)
            powers = torch.exp((q @ k.transpose(2, 3)) / 5 + self.bias)
            seen = (powers / powers.sum(-1, keepdim=True)) @ v
            x = x + seen.transpose(1, 2).flatten(2)
        return x


class RmsNorm(nn.Module):
    """By the root of the mean square, as Llama's code has it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


def gated() -> nn.Module:
    parts = [part for _ in range(6) for part in (RmsNorm(256), nn.Linear(256, 256), nn.SiLU())]
    return nn.Sequential(*parts)


class Best(nn.Module):
    """The best matches of a query among many keys, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = nn.Linear(16, 60_000, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.keys(x).topk(2000, dim=-1)[0]


class Drawn(nn.Module):
    """A code that is drawn around its mean, as a variational autoencoder has it while it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread = nn.Linear(64, 128), nn.Linear(64, 128)
        self.out = perceptron(128, 512, 64)

    def forward(self, x: Tensor) -> Tensor:
        mean, spread = self.mean(x), self.spread(x)
        return self.out(mean + torch.randn_like(mean) * torch.exp(spread / 2))


class Reader(nn.Module):
    """Words through convolutions and a maximum; word 0 is padding."""

    def __init__(self, length: int = 256) -> None:
        super().__init__()
        self.words = nn.Embedding(3000, 96, padding_idx=0)
        self.body = nn.Sequential(
            nn.Conv1d(96, 96, 3, padding=1), nn.ReLU(), nn.Conv1d(96, 96, 3, padding=1), nn.ReLU()
        )
        self.out = nn.Linear(96, 4)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.body(self.words(ids).transpose(1, 2)).amax(-1))


def forest(count: int = 300, depth: int = 9) -> onnx.ModelProto:
    """Trees of a table with 20 columns that vote, as a classifier of ONNX's own operators."""
    from sklearn.datasets import make_classification  # type: ignore[import-untyped]
    from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]

    rows, classes = make_classification(4000, 20, n_informative=10, random_state=3)
    made = RandomForestRegressor(count, max_depth=depth, random_state=3, n_jobs=1)
    made.fit(rows[:3000].astype(np.float32), classes[:3000])
    parts: dict[str, list[object]] = {name: [] for name in _TREE}
    for tree_id, one in enumerate(made.estimators_):
        _grown(tree_id, one.tree_, count, parts)
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, **parts
    )
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [64, columns])
        for name, columns in (("x", 20), ("y", 1))
    ]
    graph = helper.make_graph([node], "forest", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


_TREE = (
    *("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes"),
    *("nodes_truenodeids", "nodes_falsenodeids"),
    *("target_treeids", "target_nodeids", "target_ids", "target_weights"),
)


def _grown(tree_id: int, tree: object, count: int, parts: dict[str, list[object]]) -> None:
    """One tree's nodes, behind those of the trees before."""
    left: NDArray[np.int64] = tree.children_left  # type: ignore[attr-defined]
    for node, low in enumerate(left):
        leaf = low < 0
        found = (
            tree_id,
            node,
            0 if leaf else int(tree.feature[node]),  # type: ignore[attr-defined]
            0.0 if leaf else float(tree.threshold[node]),  # type: ignore[attr-defined]
            "LEAF" if leaf else "BRANCH_LEQ",
            0 if leaf else int(low),
            0 if leaf else int(tree.children_right[node]),  # type: ignore[attr-defined]
        )
        for name, value in zip(_TREE[:7], found, strict=True):
            parts[name].append(value)
        if leaf:
            weight = float(tree.value[node].ravel()[0]) / count  # type: ignore[attr-defined]
            for name, value in zip(_TREE[7:], (tree_id, node, 0, weight), strict=True):
                parts[name].append(value)
