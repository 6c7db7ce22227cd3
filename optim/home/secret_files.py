"""Secrets that the settings name by their files, and their comparison."""

import hashlib
import hmac
from functools import cache
from pathlib import Path

from optim.errors import InputError

_FEWEST_LETTERS = 8


@cache
def secret_in(path: str) -> str:
    """The first line of a file, read once. Raises InputError where it is no secret."""
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"The file {path} with a secret cannot be read.", "Check its path and who may read it."
        ) from None
    if len(text) < _FEWEST_LETTERS:
        raise InputError(
            f"The first line of {path} is no secret: it has fewer than {_FEWEST_LETTERS} letters.",
            "Write a longer one.",
        )
    return text


def same(given: str, secret: str) -> bool:
    """Whether they are equal, in a time that tells nothing of where they differ or how long."""
    digests = (hashlib.sha256(text.encode(errors="replace")).digest() for text in (given, secret))
    return hmac.compare_digest(*digests)
