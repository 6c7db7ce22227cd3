"""`python -m bench grid NAME --minutes M`: every recipe of the space, measured and stored.

Whose turn it is next: the recipe that was timed in the fewest processes; the first time in the
space's order (the starts first), built, timed alone and judged; later at random, several in one
process. So what disturbs the machine for a while disturbs all alike, and a grid that was
interrupted goes on where it was. To be run on an idle machine.
"""

import random
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from bench.procedure import Subject, slice_number
from bench.space import recipes
from bench.table import GRIDS, Candidate, Table
from bench.zoo import subject
from optim.build import built
from optim.errors import OptimError
from optim.graph import analysis_of
from optim.judging.quality import Extent, quality_of
from optim.machine.environment import environment, machine_id, usable_cores
from optim.model import Model
from optim.recipe import Recipe
from optim.running.warming import warm
from optim.search.predict import mix_of
from optim.search.space import circumstances_of, threaded
from optim.timing.measure import Contender, heat_of
from optim.timing.measurement import BASELINE, CANDIDATE, SINGLE_THREAD, Slice

MODELS = ("credit", "fashion", "spam", "weather", "resnet18", "minilm", "rapidocr_rec")
"""The four samples and three larger models, where none is named."""
_SLICE_SECONDS = 0.8
_WARM_SECONDS = 0.15  # as a slice does
_TOGETHER, _ARM_SECONDS = 4, 0.35  # in one process, beside the original; as a search's heats are
_HEAD = (
    "| model | recipes | measured | failed | processes each, at least | one look at all, s "
    "| spent, min | best at 1 % loss |\n|---|---|---|---|---|---|---|---|\n"
)
_JUDGED = ("judge_seconds", "loss", "samples", "sound")
_ABOUT = ("machine_id", "cpu", "flags", "cores", "memory_gb", "onnxruntime", "openvino", "onnx")


@dataclass(frozen=True)
class Extents:
    """How far a grid is measured: seconds in all, processes each, seconds of a judgement if not all
    samples."""

    seconds: float
    processes: int
    judging: float | None = None

    @classmethod
    def of(cls, options: Namespace) -> Self:
        """As the command says."""
        return cls(60 * options.minutes, options.processes, options.judging)


def run(options: Namespace) -> tuple[str, bool]:
    """A line for each model: how far its grid is, and its best; whether each holds something."""
    lines, fine = [], True
    warm()  # as the program does, so that builds and judgements take what they take there
    for name in options.names or MODELS:
        one = subject(name, Path(options.cache))
        path = GRIDS / f"{name}-{machine_id()}.json"
        table = fill(one, path, Extents.of(options), _said)
        fine &= len(table.measured) > 1
        lines.append(_line(table))
    return f"## Grids\n\n{_HEAD}" + "\n".join(lines), fine


def _said(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _line(table: Table) -> str:
    done, failed = len(table.measured), sum(bool(one.error) for one in table.candidates.values())
    processes = min((len(one.logs) for one in table.measured.values()), default=0)
    return (
        f"| {table.model} | {len(table.wanted)} | {done} | {failed} | {processes} "
        f"| {table.seconds:.0f} | {table.spent_seconds / 60:.1f} | {table.best(0.01):.2f}x |"
    )


def fill(one: Subject, path: Path, extents: Extents, say: Callable[[str], None]) -> Table:
    """Measure until each recipe was timed in so many processes, or so many seconds are spent on
    it, in this call and those before.

    What is known is written after each look, so that it may be interrupted at any time.
    """
    table = Table.read(path) if path.exists() else _begun(one)
    chance = random.Random(len(table.candidates))
    models: dict[str, Model] = {}
    while table.spent_seconds < extents.seconds and (turn := _next(table, extents, chance)):
        start = time.monotonic()
        found = _looked_at(one, turn, table, models, extents)
        spent = table.spent_seconds + time.monotonic() - start
        known = {**table.candidates, **found}
        table = table.model_copy(update={"candidates": known, "spent_seconds": spent})
        table.write(path)
        for spelling, new in found.items():
            say(f"{one.name}: {spelling}: {new.error or new.same_as or new.logs[-1]}")
    return table


def _begun(one: Subject) -> Table:
    here, around = environment(), circumstances_of(one.model)
    own = slice_number(one, one.model, Recipe.baseline(), 0, _SLICE_SECONDS)
    return Table(
        model=one.name,
        machine={key: here[key] for key in _ABOUT},
        baseline_ms=float(np.median(own.block_medians(BASELINE))),
        metric=one.evalset.metric,
        ops=dict(around.ops),
        mix=mix_of(analysis_of(one.model)),
        wanted=tuple(recipe.spelling for recipe in recipes(around)),
    )


def _next(table: Table, extents: Extents, chance: random.Random) -> list[str]:
    """The recipes to look at: the first that is not known yet, or later some of those in the fewest
    processes, on equally many threads. None where each was timed in so many."""
    known = table.candidates
    for spelling in table.wanted:
        if spelling not in known:
            return [spelling]
    alive = [name for name, one in known.items() if one.logs and not one.error]
    fewest = min((len(known[name].logs) for name in alive), default=extents.processes)
    if fewest >= extents.processes:
        return []
    due = [name for name in alive if len(known[name].logs) == fewest]
    threads = _threads(chance.choice(due))
    alike = [name for name in due if _threads(name) == threads]
    return chance.sample(alike, min(_TOGETHER, len(alike)))


def _threads(spelling: str) -> int:
    return Recipe.parse(spelling).runtime.threads


def _looked_at(
    one: Subject,
    turn: Sequence[str],
    table: Table,
    models: dict[str, Model],
    extents: Extents,
) -> dict[str, Candidate]:
    """The recipes with one process more; the first time one is built and judged as well."""
    if turn[0] not in table.candidates:
        return {turn[0]: _first_look(one, turn[0], table, models, extents)}
    for spelling in turn:
        if spelling not in models:
            models[spelling] = built(one.model, Recipe.parse(spelling), one.evalset).model
    racing = [Contender(models[spelling], Recipe.parse(spelling)) for spelling in turn]
    taken = _heat(one, racing, seed=sum(len(known.logs) for known in table.candidates.values()))
    pairs = zip(turn, taken, strict=True)
    return {spelling: _with(table.candidates[spelling], piece) for spelling, piece in pairs}


def _heat(one: Subject, racing: list[Contender], seed: int) -> list[Slice | OptimError]:
    """A slice of each, from one process; from one each where that breaks."""
    seconds = _ARM_SECONDS * (len(racing) + 1)
    try:
        return heat_of(racing, one.model, one.evalset, seconds=seconds, seed=seed)
    except OptimError as error:
        alone = len(racing) == 1
        return [error] if alone else [_heat(one, [each], seed)[0] for each in racing]


def _first_look(
    one: Subject, spelling: str, table: Table, models: dict[str, Model], extents: Extents
) -> Candidate:
    recipe, known = Recipe.parse(spelling), Candidate()
    try:
        made = built(one.model, recipe, one.evalset)
        models[spelling] = made.model
        cheap = built(one.model, recipe.cheaply(), one.evalset)
        known = Candidate(build_seconds=made.seconds, cheap_seconds=cheap.seconds)
        if twin := _twin(recipe, made.model, table, models):
            return known.model_copy(update={"same_as": twin})
        known = _timed(one, made.model, recipe, known)
        if there := _on_other_threads(recipe, table):
            return known.model_copy(update={name: getattr(there, name) for name in _JUDGED})
        return _judged(one, made.model, recipe, known, extents.judging)
    except OptimError as error:
        return known.model_copy(update={"error": str(error)})


def _twin(recipe: Recipe, model: Model, table: Table, models: dict[str, Model]) -> str:
    """Another recipe that runs the same model on the same engine."""
    for spelling, other in models.items():
        stored = table.candidates.get(spelling)
        alike = other.digest == model.digest and Recipe.parse(spelling).runtime == recipe.runtime
        if alike and stored and stored.logs and spelling != recipe.spelling:
            return spelling
    return ""


def _timed(one: Subject, model: Model, recipe: Recipe, known: Candidate) -> Candidate:
    start = time.monotonic()
    piece = slice_number(one, model, recipe, 0, _SLICE_SECONDS)
    spent = {"slice_seconds": time.monotonic() - start, "own_seconds": _own_seconds(piece)}
    return _with(known.model_copy(update=spent), piece)


def _with(known: Candidate, piece: Slice | OptimError) -> Candidate:
    """With what one process more has shown."""
    if isinstance(piece, OptimError):
        return known.model_copy(update={"error": str(piece)})
    threads = _log(piece, SINGLE_THREAD, BASELINE) if SINGLE_THREAD in piece.arms else None
    whole = _log(piece, BASELINE, CANDIDATE) + (threads or 0.0)
    alone = known.thread_logs if threads is None else (*known.thread_logs, threads)
    return known.model_copy(update={"logs": (*known.logs, whole), "thread_logs": alone})


def _own_seconds(piece: Slice) -> float:
    """What the candidate took in the first slice, which opens it alone: opening it and running."""
    opening = (piece.load_ms or 0.0) + (piece.first_run_ms or 0.0)
    runs = sum(sum(block) for block in piece.arms[CANDIDATE])
    return opening / 1e3 + _WARM_SECONDS + runs / 1e9


def _log(piece: Slice, over: str, under: str) -> float:
    """How many times faster `under` is than `over` in a process, as a log: the median round."""
    return float(np.median(np.log(piece.block_medians(over) / piece.block_medians(under))))


def _on_other_threads(recipe: Recipe, table: Table) -> Candidate | None:
    """The recipe as it was judged on another number of threads: no answer depends on it."""
    names = (threaded(recipe, count).spelling for count in range(1, usable_cores() + 1))
    return next((one for name in names if (one := table.candidates.get(name)) and one.loss), None)


def _judged(
    one: Subject, model: Model, recipe: Recipe, known: Candidate, judging: float | None
) -> Candidate:
    start = time.monotonic()
    found = quality_of(model, one.model, recipe, one.evalset, Extent(seconds=judging))
    return known.model_copy(
        update={
            "judge_seconds": time.monotonic() - start,
            "loss": found.loss,
            "samples": found.n,
            "sound": found.sound or recipe.is_baseline,
        }
    )
