"""An encoder of BERT-tiny's size (Turc et al. 2019): two layers of 128."""

from pathlib import Path

from bench.zoo.base import Entry
from bench.zoo.spam_filter import Filter, spam_filter


def _make(cache: Path, folder: Path) -> None:
    spam_filter(Filter(128, 2, 2), 800, 1e-3, cache, folder)


ENTRY = Entry(
    "bert_tiny",
    "BERT-tiny-like encoder (2 x 128, 128 tokens) trained on 26,000 windows of mails; judged on "
    "the labelled mails for testing.",
    _make,
)
