"""Text from outside made harmless for the page."""

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^&])")


def plain(text: str) -> str:
    """Text shown as it is, whatever Markdown is in it: names come from hostile files too."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def is_number(text: str) -> bool:
    """Whether an address's text may be a trial's number; Python refuses very long ones."""
    return text.strip().isdecimal() and len(text) < 10
