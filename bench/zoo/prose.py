"""English of a kind that everyone has: the docstrings of Python's standard library."""

import ast
import re
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

_SENTENCE = re.compile(r"[A-Z][^.!?]{30,300}[.!?](?=\s|$)")


def sentences(count: int, rng: np.random.Generator) -> list[str]:
    """So many different sentences, drawn without putting back."""
    known = _all_sentences()
    return [known[i] for i in rng.permutation(len(known))[:count]]


@cache
def _all_sentences() -> tuple[str, ...]:
    library = Path(sysconfig.get_paths()["stdlib"])
    found = (sentence for path in sorted(library.glob("*.py")) for sentence in _of_file(path))
    return tuple(dict.fromkeys(found))


def _of_file(path: Path) -> Iterator[str]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_bytes())):
        text = ast.get_docstring(node) if isinstance(node, documented) else None
        plain = " ".join((text or "").split())
        yield from (found.group() for found in _SENTENCE.finditer(plain))
