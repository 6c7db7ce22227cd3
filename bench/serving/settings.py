"""Serving settings: the search against every setting of a small grid, measured once and stored.

`python -m bench settings`: for each sample, its original as a bundle. Every setting of the space is
loaded at rising rates for its peak within a p99 limit, and for a second as the search ranks it.
What was measured is stored at once (`bench/serving/grids`), so a grid of half an hour may be
measured in parts of `--seconds`. The best of many that are measured once is best by chance, too: so
the best are measured three times, and the median counts. Then the search is played on the grid: its
times are those that the same loads took. On the machine of the grid it is run once for real, too,
and what it chose is judged by that setting's peak in the grid. The claim: at least 95 % of the
grid's rate in 10 % of its time. To be measured on an idle machine.
"""

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic
from typing import Any

from bench.serving.hosting import made
from optim.load.measuring import Bench, bench
from optim.load.search import Found, largest, peak_of, quick, search, settings_of, space
from optim.machine.environment import environment, machine_id
from optim.serving.settings import Serving

GRIDS = Path(__file__).parent / "grids"
_SAMPLES = ("credit",)
_LIMIT_MS = 20.0
_SHARE, _TIME = 0.95, 0.1
_BEST, _TIMES = 12, 3


@dataclass(frozen=True)
class Tried:
    """One setting: requests a second by a quick load and at its peak, and the seconds each took,
    with the server's start; the peaks of later times, where it is among the best."""

    quick: float
    quick_s: float
    peak: float
    peak_s: float
    again: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """What it takes: the median of its peaks."""
        return median((self.peak, *self.again))


@dataclass
class Grid:
    """A sample's settings on one machine."""

    machine: str
    about: str
    limit_ms: float
    cores: int
    tried: dict[str, Tried] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> "Grid":
        """That of a file; one of this machine where there is none yet."""
        here = environment()
        if not path.exists():
            about = f"{here['cpu']} ({here['cores']} cores)"
            return cls(machine_id(), about, _LIMIT_MS, int(here["cores"]))
        stored = json.loads(path.read_text())
        stored["tried"] = {key: _tried(one) for key, one in stored["tried"].items()}
        return cls(**stored)

    def save(self, path: Path) -> None:
        """All of it, as JSON."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @property
    def settings(self) -> list[Serving]:
        """All that there are, measured or not."""
        return settings_of(space(self.limit_ms, self.cores))

    @property
    def missing(self) -> list[Serving]:
        """Those that are not measured yet, in an order that is nobody's."""
        left = [one for one in self.settings if str(one) not in self.tried]
        return Random(1).sample(left, len(left))

    def measure(self, bundle: Path, seconds: float, path: Path) -> None:
        """What is missing, as far as the time goes; stored one by one."""
        end = monotonic() + seconds
        while monotonic() < end and (serving := self.left):
            self._try(bundle, serving)
            self.save(path)

    @property
    def left(self) -> Serving | None:
        """What is to be measured next: one that is missing, then one of the best again."""
        return next(iter(self.missing), None) or self._contested

    def _try(self, bundle: Path, serving: Serving) -> None:
        known = self.tried.get(str(serving))
        if known is None:
            ranked = _timed(bundle, serving, lambda on: quick(on, self.limit_ms))
        peak, peak_s = _timed(bundle, serving, lambda on: peak_of(self.limit_ms, on))
        self.tried[str(serving)] = (
            replace(known, again=(*known.again, peak)) if known else Tried(*ranked, peak, peak_s)
        )

    @property
    def _contested(self) -> Serving | None:
        """One of the best that was not measured as often as they are."""
        best = sorted(self.settings, key=lambda one: -self.tried[str(one)].rate)[:_BEST]
        left = [one for one in best if self._times(one) < _TIMES]
        return min(left, key=self._times, default=None)

    def _times(self, serving: Serving) -> int:
        return 1 + len(self.tried[str(serving)].again)

    def replayed(self) -> Found:
        """What the search finds here; its seconds are those that its loads took."""
        spent = list[float]()

        def stored(what: str) -> Callable[[Serving], float]:
            def value(serving: Serving) -> float:
                one = self.tried[str(serving)]
                spent.append(getattr(one, f"{what}_s"))
                return float(getattr(one, what))

            return value

        found = largest(space(self.limit_ms, self.cores), stored("quick"), stored("peak"))
        found.seconds = sum(spent)
        return found


def _tried(stored: dict[str, Any]) -> Tried:
    return Tried(**{**stored, "again": tuple(stored.get("again", ()))})


def _timed(bundle: Path, serving: Serving, act: Callable[[Bench], float]) -> tuple[float, float]:
    began = monotonic()
    with bench(bundle, serving) as on:
        found = act(on)
    return found, monotonic() - began


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds, on each machine whose grid is stored."""
    names = options.names or _SAMPLES
    judgements = [
        judgement
        for name in names
        for path in _paths(name)
        for judgement in _judgements(name, path, options.seconds / len(names))
    ]
    head = "| grid | search | best of all | chosen | share of its rate | share of the grid's time |"
    title = f"## Search of serving settings, p99 within {_LIMIT_MS:g} ms"
    rows = "\n".join((head, "|---" * 6 + "|", *(row for row, _ in judgements)))
    return f"{title}\n\n{rows}", all(holds for _, holds in judgements)


def _paths(name: str) -> list[Path]:
    """Of the sample's grids: a file a machine, this one's among them."""
    return sorted({*GRIDS.glob(f"{name}-*.json"), GRIDS / f"{name}-{machine_id()}.json"})


def _judgements(name: str, path: Path, seconds: float) -> list[tuple[str, bool]]:
    """A row for each way of searching this grid, and whether it holds."""
    grid = Grid.of(path)
    here = grid.machine == machine_id()
    if here:
        grid.measure(made(name), seconds, path)
    if grid.left:
        there = f"{len(grid.tried)} of {len(grid.settings)} settings are measured; go on."
        return [(f"| {name}, {grid.about} | {there} |||||", False)]
    ways = {"played on it": grid.replayed()}
    if here:
        among = space(grid.limit_ms, grid.cores)
        ways["for real"] = search(made(name), grid.limit_ms, among=among)
    return [
        (f"| {name}, {grid.about} | {way} | {text} |", holds)
        for way, (text, holds) in ((way, judged(grid, found)) for way, found in ways.items())
    ]


def judged(grid: Grid, found: Found) -> tuple[str, bool]:
    """Cells, and whether it comes near enough soon enough; the grid knows each setting's rate."""
    peaks = {spelling: one.rate for spelling, one in grid.tried.items()}
    best, whole = max(peaks, key=lambda one: peaks[one]), sum(t.peak_s for t in grid.tried.values())
    chosen = str(found.serving) if found.serving else ""
    share, time = peaks.get(chosen, 0.0) / max(peaks[best], 1e-9), found.seconds / whole
    cells: list[Any] = [f"{best}: {peaks[best]:,.0f}/s", chosen or "none"]
    cells += [f"{share:.0%}", f"{time:.0%} of {whole:,.0f} s"]
    return " | ".join(cells), share >= _SHARE and time <= _TIME
