"""Rows measured one after the other, each as the program measures a trial, until time is up."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.families.report import report
from bench.families.rows import FOLDER, Kept, Row
from bench.procedure import Subject
from bench.zoo import subject
from optim.build import built
from optim.errors import OptimError
from optim.machine.environment import environment, machine_id
from optim.part import Circumstances, Group, Ingredient
from optim.passes.base import Pass, Stage, all_passes
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.runtimes.base import BASELINE_RUNTIME, Runtime, all_runtimes
from optim.search.space import circumstances_of
from optim.studies.study import create_study
from optim.studies.trial import Trial, measurement_of

MODELS = (
    *("credit", "credit_trees", "weather", "fashion", "spam"),
    *("mlp", "gru", "mobilenet_v2", "resnet18", "bert_tiny", "minilm", "resnet50"),
)
"""The samples and the larger models, where none is named; the quick ones first."""
_ABOUT = ("cpu", "flags", "cores", "memory_gb", "gpu", "onnxruntime", "openvino", "torch")
_SECOND = "openvino"


def run(options: Namespace) -> tuple[str, bool]:
    """The table; its claim is that each model has a row whose answer is as the program promises."""
    deadline = time.monotonic() + 60 * options.minutes
    names = options.names or MODELS
    turns = sorted(_turns(names, Path(options.cache)), key=lambda turn: turn[0])
    kept = {name: _kept(name) for name in names}
    with Queue.open() as queue:
        for position, one, recipe in turns:
            if (there := kept[one.name].of(recipe.spelling)) and there.quiet:
                continue
            if time.monotonic() > deadline:
                break
            kept[one.name] = kept[one.name].plus(_measured(queue, one, recipe))
            kept[one.name].write(_path(one.name))
            say(kept[one.name].rows[-1], position)
    whole = Kept.together([*kept.values()])
    known = {(row.model, row.recipe) for row in whole.rows if row.quiet}
    left = sum((one.name, recipe.spelling) not in known for _, one, recipe in turns)
    return report(whole, names, left), bool(known)


def _path(model: str) -> Path:
    """A file for each model, so that several can be measured beside each other, each on cores of
    its own."""
    return FOLDER / f"{model}-{machine_id()}.json"


def _kept(model: str) -> Kept:
    here = environment()
    return Kept.read(_path(model), {key: here.get(key, "") for key in _ABOUT})


def recipes(here: Circumstances) -> list[Recipe]:
    """What the parts declare to be worth a start, the most promising first; then every engine with
    the original, as it comes and with what it declares worth trying of its settings; then every
    pass by itself on the two engines that are always there. The dear ones last."""
    engines = [kind for kind in all_runtimes().values() if not kind.missing()]
    passes = [k for k in all_passes().values() if not k.missing() and k().takes(here)]
    found = [Recipe.baseline(), *_started([*engines, *passes], here)]
    found += [Recipe.of([kind()]) for kind in engines]
    for engine in engines:
        found += _searched(engine, here)
    for kind in sorted(passes, key=lambda one: one.group is Group.STEPS):
        found += [] if kind.stage == Stage.RECOVER else _alone(kind())
    usable = [one for one in found if all(not p.missing() and p.takes(here) for p in one.parts)]
    return list(dict.fromkeys(sorted(usable, key=_is_dear)))


def _started(kinds: Sequence[type[Ingredient]], here: Circumstances) -> list[Recipe]:
    starts = [start for kind in kinds for start in kind.starts if start.when(here)]
    return [Recipe.parse(one.spelling) for one in sorted(starts, key=lambda start: start.rank)]


def _searched(kind: type[Runtime], here: Circumstances) -> list[Recipe]:
    """One setting changed at a time."""
    return [
        Recipe.of([kind.model_validate({one.field: value})])
        for one in kind.searched
        if one.when(here)
        for value in one.values
    ]


def _alone(part: Pass) -> list[Recipe]:
    return [Recipe.of([part, all_runtimes()[name]()]) for name in (BASELINE_RUNTIME, _SECOND)]


def _is_dear(recipe: Recipe) -> bool:
    return any(one.stage == Stage.RECOVER for one in recipe.passes)


def _turns(names: Sequence[str], cache: Path) -> Iterator[tuple[int, Subject, Recipe]]:
    """Every recipe on every model with its place, so that all models have the first ones first."""
    for name in names:
        one = subject(name, cache)
        for position, recipe in enumerate(recipes(circumstances_of(one.model))):
            yield position, one, recipe


def _measured(queue: Queue, one: Subject, recipe: Recipe) -> Row:
    """A trial of it, in a study of its own name; none where its passes change nothing."""
    start = time.monotonic()
    study = create_study(one.model, one.evalset, f"families {one.name}")
    if _changes_nothing(one, recipe):
        row = Row(model=one.name, recipe=recipe.spelling, same=True, measured=_today())
        return row.model_copy(update={"seconds": round(time.monotonic() - start, 1)})
    (number,) = study.add_all([recipe], origin="bench", again=True)
    queue.run_all(study, [number], lambda trial: None)
    return row_of(one.name, study.trial(number), time.monotonic() - start)


def _changes_nothing(one: Subject, recipe: Recipe) -> bool:
    """Whether it has passes, and what they make is the model as it was."""
    if not recipe.passes:
        return False
    try:
        return not any(report.modified for report in built(one.model, recipe, one.evalset).reports)
    except OptimError:  # its trial says so
        return False


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def row_of(model: str, trial: Trial, seconds: float) -> Row:
    """What is kept of a trial that has ended."""
    row = Row(
        model=model,
        recipe=trial.recipe.spelling,
        error=trial.error,
        seconds=round(seconds, 1),
        measured=_today(),
    )
    if trial.summary is None or trial.quality is None:
        return row
    found = trial.summary
    return row.model_copy(
        update={
            "speedup": found.speedup if trial.recipe.runtime.threads == 1 else found.gain,
            "loss": trial.quality.loss,
            "p50_ms": round(found.p50_ms.value, 5),
            "processes": found.processes,
            "contention": round(found.contention, 3),
            "load": max(piece.load_average for piece in measurement_of(trial.slices).slices),
            "cores": os.cpu_count() or 1,
            "sound": trial.quality.sound or trial.recipe.is_baseline,
        }
    )


def say(row: Row, position: int) -> None:
    """A line of progress."""
    said = row.error or "changes nothing"
    if row.speedup:
        said = f"{row.p50_ms:.3f} ms, {row.speedup.value:.2f}x"
    told = f"{row.model} {position}: {row.recipe}: {said}, took {row.seconds:.0f} s"
    print(told, file=sys.stderr, flush=True)
