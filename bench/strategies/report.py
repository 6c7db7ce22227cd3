"""`python -m bench search [NAMES]`: the strategies on the stored grids."""

from argparse import Namespace
from collections.abc import Iterator
from statistics import mean

from bench.document import written_into
from bench.strategies import STRATEGIES
from bench.strategies.game import (
    LIMIT,
    State,
    best_at,
    hypervolume,
    hypervolume_at,
    played,
    state_at,
)
from bench.table import GRIDS, Table, within

SHARE_OF_BEST, SHARE_OF_VOLUME, SHARE_OF_TIME = 0.95, 0.99, 0.05
_SLOW_MS, _BUDGET, _LONG_BUDGET = 10, 60.0, 120.0
_HEAD = (
    "| model | strategy | speed-up at 1 % loss, mean | of the grid's best | runs at 95 % of it "
    "| hypervolume after 5 % of the grid's time | slower or outside the limit |\n"
    "|---|---|---|---|---|---|---|\n"
)


def run(options: Namespace) -> tuple[str, bool]:
    """Tables in Markdown, one for each machine with grids, and whether there are any."""
    tables = [Table.read(path) for path in sorted(GRIDS.glob("*.json"))]
    chosen = [one for one in tables if not options.names or one.model in options.names]
    parts = [f"## Strategies on stored grids\n\n{_explained(options.seeds)}"]
    for cpu in dict.fromkeys(one.machine["cpu"] for one in chosen):
        rows = [row for one in chosen if one.machine["cpu"] == cpu
                for row in _rows(one, options.seeds)]  # fmt: skip
        parts.append(f"### {cpu}\n\n{_HEAD}" + "\n".join(rows))
    text = "\n\n".join(parts)
    if options.document:
        written_into("search", text)
    return text, bool(chosen)


def budget_of(table: Table) -> float:
    """Seconds: a minute, two where a run of the original takes more than 10 ms."""
    return _LONG_BUDGET if table.baseline_ms > _SLOW_MS else _BUDGET


def _explained(seeds: int) -> str:
    return (
        f"{seeds} seeded runs each, on what was measured; a budget of {_BUDGET:.0f} s, "
        f"{_LONG_BUDGET:.0f} s where the original takes over {_SLOW_MS} ms. The speed-up is the "
        "true one of what the strategy would have chosen then, over the original on one thread. "
        "The last column counts choices that are truly slower than the original or lose more than "
        f"{LIMIT:.0%}."
    )


def _rows(table: Table, seeds: int) -> Iterator[str]:
    best, volume = table.best(LIMIT), hypervolume(table)
    soon, budget = SHARE_OF_TIME * table.seconds, budget_of(table)
    for name, strategy in STRATEGIES.items():
        runs = [played(strategy, table, seed, max(budget, soon)) for seed in range(seeds)]
        found = [best_at(table, states, budget) for states in runs]
        reached = sum(one >= SHARE_OF_BEST * best for one in found)
        volumes = mean(hypervolume_at(table, states, soon) for states in runs)
        share = f"{volumes / volume:.0%}" if volume else "-"
        wrong = sum(_wrong(table, states, budget) for states in runs)
        yield (
            f"| {table.model} | {name} | {mean(found):.2f}x | {mean(found) / best:.0%} "
            f"| {reached} of {seeds} | {share} | {wrong} of {seeds} |"
        )


def _wrong(table: Table, states: list[State], seconds: float) -> bool:
    pick = state_at(states, seconds).pick
    if not pick:
        return False
    return table.speedups[pick] < 1 or not within(table.measured[pick], LIMIT)
