"""Names that a model's file brings along: kept as they are, legible safely."""

import os
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

LONG = 256
MOST_NAMED = 8
_LONGEST_FILE = 255  # bytes


def legible(name: str, limit: int = 80) -> str:
    """A name fit for a message: control and invisible characters escaped, the middle of a long
    one left out. Markup is left in: what renders HTML must escape it, as for any text."""
    cut = name[: limit * 2] if len(name) > limit else name
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
    if len(name) <= limit and len(safe) <= limit:
        return safe
    return f"{safe[: limit - 1]}…"


def some(names: Collection[str]) -> str:
    """The first of the names, and how many more."""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(repr(legible(name)) for name in list(names)[:MOST_NAMED]) + more


def many(number: int, thing: str) -> str:
    """A number of things: `1 node`, `3,000 nodes`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def does(number: int, verb: str) -> str:
    """A verb in the number of its things: `run` of several, `runs` of one; `are`, `is`."""
    irregular = {"are": "is", "were": "was"}
    if number != 1:
        return verb
    return irregular.get(verb) or f"{verb}{'es' if verb.endswith('ch') else 's'}"


def notes_on(names: Iterable[str], what: str) -> list[str]:
    """Plain sentences on what is unusual about these names, such as "node names"."""
    distinct = list(dict.fromkeys(names))
    found = {
        f"longer than {LONG} characters": [n for n in distinct if len(n) > LONG],
        "with control or invisible characters": [n for n in distinct if not n.isprintable()],
        "that look like markup": [n for n in distinct if "<" in n and ">" in n],
    }
    return [
        f"{len(odd)} {what} {how}, such as {legible(odd[0])!r}; kept as they are."
        for how, odd in found.items()
        if odd
    ]


def may_be_file(name: str) -> bool:
    """Whether a path's text is one that Linux's file systems take (limits.h: NAME_MAX)."""
    parts = PurePosixPath(name).parts
    return "\0" not in name and all(len(os.fsencode(part)) <= _LONGEST_FILE for part in parts)
