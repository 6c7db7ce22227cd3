"""A BERT-like encoder (Devlin et al. 2018), spelt as ONNX Runtime's fusions know it.

Modules are named as in published checkpoints, so that real weights load by their names.
"""

from torch import Tensor, nn


class Layer(nn.Module):
    """Self-attention and feed-forward, normalized after each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-12), nn.LayerNorm(width, 1e-12)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def _split(self, x: Tensor) -> Tensor:
        parts = x.view(x.size(0), x.size(1), self.heads, x.size(2) // self.heads)
        return parts.permute(0, 2, 1, 3)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = self._split(self.query(x)), self._split(self.key(x)), self._split(self.value(x))
        scores = q @ k.transpose(-1, -2) / (q.size(-1) ** 0.5) + bias
        mixed = (scores.softmax(-1) @ v).permute(0, 2, 1, 3).contiguous()
        x = self.norm1(self.out(mixed.view(x.size())) + x)
        return self.norm2(self.down(nn.functional.gelu(self.up(x))) + x)


class Encoder(nn.Module):
    """int64 ids and mask [n, length] -> hidden states [n, length, width].

    `first` is the position of the first word: training on windows sets it, and an export is of 0.
    """

    first = 0

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, longest: int) -> None:
        super().__init__()
        self.word, self.position = nn.Embedding(vocabulary, width), nn.Embedding(longest, width)
        self.norm = nn.LayerNorm(width, 1e-12)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        for table in (self.word, self.position):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        places = self.position.weight[self.first : self.first + input_ids.size(1)]
        bias = (1.0 - attention_mask[:, None, None, :].to(places.dtype)) * -10000.0
        x = self.norm(self.word(input_ids) + places[None])
        for layer in self.layers:
            x = layer(x, bias)
        return x


def mean_of_words(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean over the words that count: [n, length, width] -> [n, width]."""
    weights = attention_mask[:, :, None].to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)
