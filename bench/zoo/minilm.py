"""An encoder of MiniLM-L6's size (Wang et al. 2020): six layers of 384."""

from pathlib import Path

from bench.zoo.base import Entry
from bench.zoo.spam_filter import Filter, spam_filter


def _make(cache: Path, folder: Path) -> None:
    spam_filter(Filter(384, 6, 12), 150, 3e-4, cache, folder)


ENTRY = Entry(
    "minilm",
    "MiniLM-sized encoder (6 x 384, 128 tokens) trained on 4,800 windows of mails; judged on the "
    "labelled mails for testing.",
    _make,
)
