"""How well a grid is known: what its figures rest on, and how far they can be told apart."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f

from bench.table import Table, cheap_of

_HEAD = (
    "| model | ms a run | recipes measured | processes each | look at all, s | best at 1 % loss "
    "| its standard error | as fast by nature: p |\n|---|---|---|---|---|---|---|---|\n"
)

Floats = NDArray[np.float64]


def told(tables: Sequence[Table]) -> str:
    """A line in Markdown for each grid."""
    return _HEAD + "\n".join(map(_line, tables))


def _line(table: Table) -> str:
    known = table.measured.values()
    counts = sorted(len(one.logs) for one in known)
    groups, error = _groups(table), "-"
    spread = _within([logs for group in groups for logs in group])
    if spread:
        error = f"{spread / np.sqrt(_behind_best(table)):.0%}"
    many = f"{counts[0]}" if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    return (
        f"| {table.model} | {table.baseline_ms:.2g} | {len(known)} of {len(table.wanted)} | {many} "
        f"| {table.seconds:.0f} | {table.best(0.01):.2f}x | {error} | {_alike(groups)} |"
    )


def _groups(table: Table) -> list[list[Floats]]:
    """Logs of processes by recipe, of those together that are as fast by nature."""
    found: dict[str, list[Floats]] = defaultdict(list)
    for name, one in table.candidates.items():
        if one.logs and one.loss:
            found[cheap_of(name)].append(np.array(one.logs))
    return list(found.values())


def _within(recipes: Sequence[Floats]) -> float:
    """Standard deviation between processes of a recipe; 0 where none was timed in several."""
    freedom = sum(len(logs) - 1 for logs in recipes)
    squares = sum(float(((logs - logs.mean()) ** 2).sum()) for logs in recipes)
    return float(np.sqrt(squares / freedom)) if freedom else 0.0


def _behind_best(table: Table) -> int:
    """In how many processes the best was timed, with those as fast by nature."""
    best = max(table.measured, key=lambda name: table.speedups[name])
    there = table.candidates[best].same_as or best
    alike = (one for name, one in table.candidates.items() if cheap_of(name) == cheap_of(there))
    return sum(len(one.logs) for one in alike)


def _alike(groups: Sequence[Sequence[Floats]]) -> str:
    """Probability of differences such as these between recipes that are equally fast, by an
    analysis of variance within all groups together."""
    several = [group for group in groups if len(group) > 1]
    within = _within(list(chain.from_iterable(several)))
    if not within:
        return "-"
    freedom = sum(len(group) - 1 for group in several)
    inside = sum(len(logs) - 1 for group in several for logs in group)
    squares = sum(
        len(logs) * float((logs.mean() - np.concatenate(list(group)).mean()) ** 2)
        for group in several
        for logs in group
    )
    return f"{f.sf(squares / freedom / within**2, freedom, inside):.2f}"
