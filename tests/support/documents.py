"""The documents' blocks of code, and the commands that they tell people to type."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from support.paths import ROOT

DOCUMENTS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
PROGRAMS = {"make", "python", "optim", "optuna-dashboard", "dask", "pip", "pre-commit", "source"}
_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
_FILE = re.compile(r"`([\w/]+\.\w+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block; `file` is the last one that the text before it names."""

    document: str
    language: str
    text: str
    file: str


@dataclass(frozen=True)
class Command:
    """A command as its words; the first is the program, wherever it lies."""

    document: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def blocks() -> list[Block]:
    """Every fenced block of the documents."""
    return [
        Block(path.name, found["language"], found["text"], _file_before(text[: found.start()]))
        for path in DOCUMENTS
        for text in [path.read_text(encoding="utf-8")]
        for found in _BLOCK.finditer(text)
    ]


def _file_before(text: str) -> str:
    return next(iter(_FILE.findall(text)[::-1]), "")


def commands() -> list[Command]:
    """Every line of the blocks of shell, and what in the text begins like a command."""
    lines = [(b.document, line) for b in blocks() if b.language == "sh" for line in _lines(b)]
    lines += [(path.name, text) for path in DOCUMENTS for text in _inline(path)]
    return list(dict.fromkeys(Command(document, _words(line)) for document, line in lines))


def _lines(block: Block) -> list[str]:
    return [line for line in block.text.splitlines() if line.strip()]


def _inline(path: Path) -> list[str]:
    """What is in backticks outside of blocks and has a program and an argument."""
    prose = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    texts = (" ".join(text.split()) for text in _INLINE.findall(prose))
    return [text for text in texts if " " in text and program_of(text) in PROGRAMS]


def program_of(line: str) -> str:
    """The first word of a line, wherever the program lies."""
    return line.partition(" ")[0].removeprefix(".venv/bin/")


def _words(line: str) -> tuple[str, ...]:
    return (program_of(line), *shlex.split(line, comments=True)[1:])
