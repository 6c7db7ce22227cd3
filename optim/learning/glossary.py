"""The glossary: every word of the field that the pages use, in one file (`glossary.yaml`)."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from optim.errors import InputError
from optim.names import legible

_FILE = Path(__file__).with_name("glossary.yaml")
_MARK = re.compile(r"\[\[([^\[\]|]{1,60})(?:\|([^\[\]]{1,80}))?\]\]")


class Term(BaseModel):
    """A word, what it says in a sentence or two, its other spellings, the lesson with more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: str
    says: str = Field(min_length=20, max_length=320)
    also: tuple[str, ...] = ()
    lesson: str = ""

    @property
    def spellings(self) -> tuple[str, ...]:
        """All of them."""
        return (self.word, *self.also)


@cache
def all_terms() -> dict[str, Term]:
    """Every term by its word, in alphabetical order."""
    written = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    terms = [Term.model_validate({"word": word, **fields}) for word, fields in written.items()]
    return {term.word: term for term in sorted(terms, key=lambda term: term.word.lower())}


@cache
def _by_spelling() -> dict[str, Term]:
    return {text.lower(): term for term in all_terms().values() for text in term.spellings}


def find_term(word: str) -> Term:
    """The term with this spelling, in capitals or not. Raises InputError."""
    found = _by_spelling().get(word.strip().lower())
    if found is None:
        raise InputError(
            f"The glossary has no word {legible(word, 60)!r}.", "Add it to glossary.yaml."
        )
    return found


def search(text: str) -> list[Term]:
    """The terms that hold this text: in their word first, then in what they say."""
    wanted = text.strip().lower()
    named = [t for t in all_terms().values() if any(wanted in s.lower() for s in t.spellings)]
    said = [t for t in all_terms().values() if wanted in t.says.lower() and t not in named]
    return named + said


def marked(text: str) -> list[tuple[str, str]]:
    """The words that a text marks as `[[word]]` or `[[word|as it is shown]]`: (word, shown)."""
    return [(match[1], match[2] or match[1]) for match in _MARK.finditer(text)]


def replaced(text: str, show: Callable[[str, str], str]) -> str:
    """A text with every marked word as `show(word, shown)` has it."""
    return _MARK.sub(lambda match: show(match[1], match[2] or match[1]), text)


def unmarked(text: str) -> str:
    """A text as it reads without marks."""
    return replaced(text, lambda _word, shown: shown)
