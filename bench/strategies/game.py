"""A game: a strategy spends seconds on looks at the recipes of a stored grid.

A look costs what it cost when it was measured, and shows what one process showed then; what counts
in the end is what all processes showed. So a strategy that believes one lucky reading pays for it.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from bench.table import Table, cheap_of, passes_of, within
from optim.findings import Interval
from optim.passes.base import Pass

LIMIT = 0.01
WORST_LOSS = 0.05
"""Loss that a hypervolume is counted from, and a speed-up of 1."""

_LEAST_SECONDS = 0.5
"""What a try costs that fails at once."""


class TimeIsUp(Exception):
    """The budget is spent."""


@dataclass(frozen=True)
class Shown:
    """What is known of a recipe so far: the mean log of its speed-up over the processes seen."""

    log: float
    loss: Interval
    sound: bool


@dataclass
class Game:
    """One strategy's run on one table; `states` grows by one with each look."""

    table: Table
    rng: np.random.Generator
    budget: float
    limit: float = LIMIT
    clock: float = 0.0
    states: list["State"] = field(default_factory=list)
    _seen: dict[str, list[float]] = field(default_factory=dict)
    _built: set[tuple[Pass, ...]] = field(default_factory=set)

    def build(self, spelling: str, *, cheaply: bool = False) -> None:
        """Take what building it takes; nothing where its passes were built before."""
        one = self.table.candidates.get(spelling)
        passes = passes_of(cheap_of(spelling) if cheaply else spelling)
        if one and passes not in self._built:
            self.spend(one.cheap_seconds if cheaply else one.build_seconds)
            self._built.add(passes)

    def look(self, spelling: str, processes: int = 1) -> Shown | None:
        """Time a recipe in so many processes more; the first time it is built and judged as well.

        None for one that fails, which it does every time it is tried. Raises TimeIsUp where the
        budget does not reach to its end.
        """
        there = self.table.measured.get(spelling)
        if there is None:
            self.spend(max(_LEAST_SECONDS, self.table.candidates[spelling].build_seconds))
            return None
        self.build(spelling)
        own = there.judge_seconds if spelling not in self._seen else 0.0
        self.spend(there.slice_seconds * processes + own)
        seen = self._seen.setdefault(spelling, [])
        seen += [float(np.log(there.seen(self.rng))) for _ in range(processes)]
        self.note(self.pick(), self._seen)
        return self.shown(spelling)

    def note(self, pick: str, looked_at: Iterable[str]) -> None:
        """What it has by now."""
        self.states.append(State(self.clock, pick, tuple(looked_at)))

    def shown(self, spelling: str) -> Shown | None:
        """What is known of a recipe; None where it was not looked at, or failed."""
        there, seen = self.table.measured.get(spelling), self._seen.get(spelling)
        if there is None or not seen or there.loss is None:
            return None
        return Shown(float(np.mean(seen)), there.loss, there.sound)

    def pick(self) -> str:
        """The fastest by what was seen, within the limit; empty where that is the original."""
        measured = self.table.measured
        allowed = {
            spelling: float(np.mean(logs))
            for spelling, logs in self._seen.items()
            if logs and within(measured[spelling], self.limit)
        }
        best = max(allowed, key=lambda one: allowed[one], default="")
        return best if best and allowed[best] > 0 else ""

    def spend(self, seconds: float) -> None:
        """Move the clock on. Raises TimeIsUp where the budget does not reach so far."""
        if self.clock + seconds > self.budget:
            self.clock = self.budget
            raise TimeIsUp
        self.clock += seconds


@dataclass(frozen=True)
class State:
    """What a strategy had after so many seconds: its pick and all that it had looked at."""

    seconds: float
    pick: str
    looked_at: tuple[str, ...]


def played(
    strategy: Callable[[Game], None],
    table: Table,
    seed: int,
    budget: float,
    limit: float = LIMIT,
) -> list[State]:
    """A strategy's run with a seed, until the budget or its ideas end."""
    game = Game(table, np.random.default_rng(seed), budget, limit)
    with suppress(TimeIsUp):
        strategy(game)
    return game.states


def state_at(states: Sequence[State], seconds: float) -> State:
    """The last state by then; before the first one the original is all there is."""
    begun = State(0.0, "", ())
    return next((one for one in reversed(states) if one.seconds <= seconds), begun)


def best_at(table: Table, states: Sequence[State], seconds: float) -> float:
    """The true speed-up of what it would have chosen by then; 1 for the original."""
    pick = state_at(states, seconds).pick
    return table.speedups[pick] if pick else 1.0


def hypervolume_at(table: Table, states: Sequence[State], seconds: float) -> float:
    """The hypervolume of all that it had looked at by then."""
    return hypervolume(table, state_at(states, seconds).looked_at)


def hypervolume(table: Table, spellings: Sequence[str] | None = None) -> float:
    """The area that these recipes (all by default) dominate: log speed-up over 1 times loss under
    `WORST_LOSS`. What collapsed or drifted counts for nothing, a gain in quality as no loss."""
    measured = table.measured
    chosen = measured if spellings is None else spellings
    known = ((measured[one], table.speedups[one]) for one in chosen if one in measured)
    points = sorted(
        (max(0.0, c.loss.value), float(np.log(gain))) for c, gain in known if c.loss and c.sound
    )
    area = height = 0.0
    for loss, log in points:
        if log > height and loss < WORST_LOSS:
            area += (log - height) * (WORST_LOSS - loss)
            height = log
    return area
