"""Serving settings: the search against every setting of a small grid.

`python -m bench settings`: for each sample, its original as a bundle; the peak of each setting
within a p99 limit by rising rates, then the search. The claim: at least 95 % of the grid's rate
in 10 % of its time. What the search chose is judged by its peak in the grid, as all others are.
"""

import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from optim.load.measuring import bench
from optim.load.search import peak_of, search, settings_of, space

_SAMPLES = ("credit",)
_LIMIT_MS = 20.0
_SHARE, _TIME = 0.95, 0.1


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    rows, fine = [], True
    for name in options.names or _SAMPLES:
        with TemporaryDirectory() as folder:
            bundle = Path(folder, "bundle")
            command = [sys.executable, "-m", "optim", "measure", f"sample:{name}"]
            subprocess.run([*command, "--out", str(bundle)], check=True)
            text, holds = _compared(bundle)
        rows.append(f"| {name} | {text} |")
        fine &= holds
    head = "| model | settings | grid's best | search's choice | share of rate | share of time |"
    title = f"## Search of serving settings, p99 within {_LIMIT_MS:g} ms"
    return "\n".join((f"{title}\n", head, "|---|---|---|---|---|---|", *rows)), fine


def _compared(bundle: Path) -> tuple[str, bool]:
    among, began = space(_LIMIT_MS), monotonic()
    peaks = {}
    for serving in settings_of(among):
        with bench(bundle, serving) as on:
            peaks[serving] = peak_of(_LIMIT_MS, on)
    spent = monotonic() - began
    found = search(bundle, _LIMIT_MS, among=among)
    best = max(peaks, key=lambda one: peaks[one])
    rate = peaks[found.serving] if found.serving else 0.0
    share, time = rate / max(peaks[best], 1e-9), found.seconds / spent
    cells = (len(peaks), f"{best}: {peaks[best]:,.0f}/s", found.serving, f"{share:.0%}")
    text = " | ".join([*map(str, cells), f"{time:.0%} of {spent:.0f} s"])
    return text, share >= _SHARE and time <= _TIME
