"""Token ids as words, by a vocabulary that an EvalSet brings."""

from collections.abc import Mapping

import numpy as np

from optim.arrays import Array
from optim.evalset.stored import fail

_PIECE, _SPACE = "##", "▁"  # of WordPiece and of SentencePiece
_UNKNOWN = "?"
MOST_LETTERS = 400
"""Of a text that says what a sample is: more cannot be shown."""


def worded(vocabulary: Array, inputs: Mapping[str, Array]) -> list[str]:
    """Each sample's tokens as one text.

    Args:
        vocabulary: [ids], the word (or piece of one) of each id, as text.
        inputs: [samples, *input shape] by name; the first of integers, more than one in a sample,
            has the ids: others are masks or positions.

    Raises: InputError where that is no vocabulary, or no input has ids.
    """
    if vocabulary.ndim != 1 or vocabulary.dtype.kind != "U":
        raise fail(
            f"The `vocabulary` array is {vocabulary.dtype}{list(vocabulary.shape)}.",
            "Give one word per token id, as text, in the order of the ids.",
        )
    ids = next((x for x in inputs.values() if x.dtype.kind in "iu" and x[0].size > 1), None)
    if ids is None:
        raise fail(
            "There is a `vocabulary`, but no input of several integers per sample has token ids.",
            "Leave it out.",
        )
    words = vocabulary.tolist()
    cut = [word[:MOST_LETTERS] for word in words]
    return [
        _joined([_word(cut, token) for token in _unpadded(row)[:MOST_LETTERS]])[:MOST_LETTERS]
        for row in ids
    ]


def _unpadded(row: Array) -> list[int]:
    """A sample's ids without the filler at its end, which is one id over and over."""
    flat = np.ravel(row).tolist()
    while len(flat) > 1 and flat[-1] == flat[-2]:
        flat.pop()
    return flat


def _word(words: list[str], token: int) -> str:
    return words[token] if 0 <= token < len(words) else _UNKNOWN


def _joined(words: list[str]) -> str:
    if any(word.startswith(_SPACE) for word in words):
        return "".join(words).replace(_SPACE, " ").strip()
    return " ".join(words).replace(f" {_PIECE}", "")
