"""Text from outside made harmless for the page."""

import hashlib
import re
from html import escape

_UNIT = re.compile(r"(?<=\d) (?=(?!to\b)(?:%|[^\W\d_]{1,2}\b))")  # one or two letters, as ms
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^&])")


def plain(text: str) -> str:
    """Text shown as it is, whatever Markdown is in it: names come from hostile files too."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def unbroken(text: str) -> str:
    """Text of a narrow cell, where a number and its unit stay on one line."""
    return _UNIT.sub("\N{NO-BREAK SPACE}", text)


def as_code(text: str) -> str:
    """HTML of a line of code, which a click selects whole."""
    return f'<code class="as-code">{escape(text)}</code>'


def key_of(kind: str, *names: object) -> str:
    """A widget's key for something that has these names.

    Hashed, since names come from files, and Streamlit takes some characters in keys for its own.
    """
    return f"{kind}:{hashlib.sha256(repr(names).encode(errors='replace')).hexdigest()[:16]}"


def is_number(text: str) -> bool:
    """Whether an address's text may be a trial's number; Python refuses very long ones."""
    return text.strip().isdecimal() and len(text) < 10
