"""Serving settings: the search against every setting of a small grid.

`python -m bench settings`: for each sample, its original as a bundle; the peak of each setting
within a p99 limit by rising rates, then the search. The claim: at least 95 % of the grid's rate
in 10 % of its time. What the search chose is judged by its peak in the grid, as all others are.

The grid is walked at random for `--seconds`, all of it takes half an hour: of what is left out
nothing is known but the time it would have taken, by the mean of the others.
"""

from argparse import Namespace
from pathlib import Path
from random import Random
from time import monotonic

from bench.serving.hosting import made
from optim.load.measuring import bench
from optim.load.search import peak_of, search, settings_of, space
from optim.serving.settings import Serving

_SAMPLES = ("credit",)
_LIMIT_MS = 20.0
_SHARE, _TIME = 0.95, 0.1
_PARTLY = (
    "Where not all of the grid's settings were measured, its best is of those alone, and a verdict "
    "says no more than that."
)


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    rows, fine, names = [], True, options.names or _SAMPLES
    for name in names:
        text, holds = _compared(made(name), options.seconds / len(names))
        rows.append(f"| {name} | {text} |")
        fine &= holds
    head = "| model | settings | best of them | search's choice | share of rate | share of time |"
    title = f"## Search of serving settings, p99 within {_LIMIT_MS:g} ms"
    table = "\n".join((head, "|---|---|---|---|---|---|", *rows))
    return "\n\n".join((title, table, _PARTLY)), fine


def _compared(bundle: Path, seconds: float) -> tuple[str, bool]:
    among, began = space(_LIMIT_MS), monotonic()
    grid = settings_of(among)
    peaks = dict[Serving, float]()
    for serving in Random(1).sample(grid, len(grid)):
        peaks[serving] = _peak(bundle, serving)
        if monotonic() - began > seconds:
            break
    spent, tried = (monotonic() - began) * len(grid) / len(peaks), len(peaks)
    found = search(bundle, _LIMIT_MS, among=among)
    chosen = found.serving
    if chosen and chosen not in peaks:
        peaks[chosen] = _peak(bundle, chosen)
    best = max(peaks, key=lambda one: peaks[one])
    rate = peaks[chosen] if chosen else 0.0
    share, time = rate / max(peaks[best], 1e-9), found.seconds / spent
    cells = (f"{tried} of {len(grid)}", f"{best}: {peaks[best]:,.0f}/s", chosen, f"{share:.0%}")
    about = "" if tried == len(grid) else "about "
    text = " | ".join([*map(str, cells), f"{time:.0%} of {about}{spent:.0f} s"])
    return text, share >= _SHARE and time <= _TIME


def _peak(bundle: Path, serving: Serving) -> float:
    with bench(bundle, serving) as on:
        return peak_of(_LIMIT_MS, on)
