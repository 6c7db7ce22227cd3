"""`python -m bench search [NAMES]`: the strategies on the stored grids."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
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
from bench.strategies.truth import told
from bench.table import GRIDS, Table, within

SHARE_OF_BEST, SHARE_OF_VOLUME, SHARE_OF_TIME = 0.95, 0.99, 0.05
_SLOW_MS, _BUDGET, _LONG_BUDGET = 10, 60.0, 120.0
_OURS = "this search"
_OTHERS_SEEDS = 20  # at most: they are what is compared with
_BRINGS = 1.02  # a grid's best below it brings nothing of which shares could be taken
_SECONDS = (5, 10, 20, 30, 60)
_HEAD = (
    "| model | strategy | speed-up at 1 % loss, mean | of the grid's best | runs at 95 % of it "
    "| hypervolume after 5 % of the grid's time | slower or outside the limit |\n"
    "|---|---|---|---|---|---|---|\n"
)

Runs = Mapping[str, Sequence[list[State]]]
"""Strategy -> its runs on one grid, a seed each."""


def run(options: Namespace) -> tuple[str, bool]:
    """Tables in Markdown for each machine with grids; whether there are any, and this search never
    chose what is slower or outside the limit."""
    tables = [Table.read(path) for path in sorted(GRIDS.glob("*.json"))]
    chosen = [one for one in tables if not options.names or one.model in options.names]
    parts, fine = [f"## Strategies on stored grids\n\n{_explained(options.seeds)}"], bool(chosen)
    for cpu in dict.fromkeys(_machine(one) for one in chosen):
        here = [one for one in chosen if _machine(one) == cpu]
        runs = [_runs(one, options.seeds) for one in here]
        rows = [row for pair in zip(here, runs, strict=True) for row in _rows(*pair)]
        parts += [f"### {cpu}\n\n{told(here)}", _HEAD + "\n".join(rows), _over_time(here, runs)]
        ours = [(one, each[_OURS]) for one, each in zip(here, runs, strict=True)]
        fine &= not any(_wrong(one, r, budget_of(one)) for one, found in ours for r in found)
    text = "\n\n".join(parts)
    if options.document:
        written_into("search", text, about=_measured_with(chosen))
    return text, fine


def budget_of(table: Table) -> float:
    """Seconds: a minute, two where a run of the original takes more than 10 ms."""
    return _LONG_BUDGET if table.baseline_ms > _SLOW_MS else _BUDGET


def _measured_with(tables: Sequence[Table]) -> str:
    """The engines' versions: of the grids, wherever the strategies are played."""
    found = {
        f"ONNX Runtime {one.machine.get('onnxruntime')}, OpenVINO {one.machine.get('openvino')}"
        for one in tables
    }
    return f"Grids measured with {'; '.join(sorted(found))}, on the machines named here."


def _machine(table: Table) -> str:
    about = table.machine
    return f"{about['cpu']} ({about['flags']}), {about['cores']} of its cores a run"


def _explained(seeds: int) -> str:
    return (
        f"{seeds} seeded runs of this search and {min(seeds, _OTHERS_SEEDS)} of each other "
        f"strategy, on what was measured; a budget of {_BUDGET:.0f} s, {_LONG_BUDGET:.0f} s where "
        f"the original takes over {_SLOW_MS} ms. The speed-up is the true one of what the strategy "
        "would have chosen then, over the original on one thread. The last column counts choices "
        f"that are truly slower than the original or lose more than {LIMIT:.0%}."
    )


def _runs(table: Table, seeds: int) -> Runs:
    longest = max(budget_of(table), SHARE_OF_TIME * table.seconds)
    return {
        name: [
            played(strategy, table, seed, longest)
            for seed in range(seeds if name == _OURS else min(seeds, _OTHERS_SEEDS))
        ]
        for name, strategy in STRATEGIES.items()
    }


def _rows(table: Table, runs: Runs) -> Iterator[str]:
    best, soon, budget = table.best(LIMIT), SHARE_OF_TIME * table.seconds, budget_of(table)
    for name, played_out in runs.items():
        found = [best_at(table, states, budget) for states in played_out]
        reached = sum(one >= SHARE_OF_BEST * best for one in found)
        wrong, count = sum(_wrong(table, states, budget) for states in played_out), len(found)
        yield (
            f"| {table.model} | {name} | {mean(found):.2f}x | {mean(found) / best:.0%} "
            f"| {reached} of {count} | {_volume(table, played_out, soon)} | {wrong} of {count} |"
        )


def _volume(table: Table, runs: Sequence[list[State]], seconds: float) -> str:
    if table.best(LIMIT) < _BRINGS:
        return "-"
    whole = hypervolume(table)
    return f"{mean(hypervolume_at(table, states, seconds) for states in runs) / whole:.0%}"


def _over_time(tables: Sequence[Table], runs: Sequence[Runs]) -> str:
    """Shares of the grid's best speed-up and hypervolume by seconds, over models that gain."""
    pairs = [pair for pair in zip(tables, runs, strict=True) if pair[0].best(LIMIT) >= _BRINGS]
    if not pairs:
        return "No model of these gains anything."
    head = "".join(f" {seconds} s |" for seconds in _SECONDS)
    lines = [f"| strategy |{head}", "|---" * (len(_SECONDS) + 1) + "|"]
    for name in STRATEGIES:
        cells = (
            f" {_mean_share(pairs, name, s, best=True):.0%} / "
            f"{_mean_share(pairs, name, s, best=False):.0%} |"
            for s in _SECONDS
        )
        lines.append(f"| {name} |{''.join(cells)}")
    title = f"Share of the grid's best speed-up / of its hypervolume, mean of {len(pairs)} models:"
    return title + "\n\n" + "\n".join(lines)


def _mean_share(
    pairs: Sequence[tuple[Table, Runs]], name: str, seconds: float, *, best: bool
) -> float:
    shares = []
    for table, runs in pairs:
        whole = table.best(LIMIT) if best else hypervolume(table)
        at = best_at if best else hypervolume_at
        shares.append(mean(at(table, states, seconds) for states in runs[name]) / whole)
    return mean(shares)


def _wrong(table: Table, states: list[State], seconds: float) -> bool:
    pick = state_at(states, seconds).pick
    if not pick:
        return False
    return table.speedups[pick] < 1 or not within(table.measured[pick], LIMIT)
