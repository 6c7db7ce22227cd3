"""Slices of timing: optimized models and the original in interleaved rounds in a pinned child.

`slice_of` times one; in a heat several share the child and the original's rounds, so that a race
pays for them once. See `arms` for how the rounds are run.
"""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from optim import sandbox
from optim.arrays import Feeds
from optim.errors import InputError, OptimError, StepError
from optim.evalset import EvalSet, evalset_from_digest
from optim.machine.environment import cores_for, environment
from optim.machine.lock import machine_to_itself
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import runtime_of
from optim.timing.arms import Arm, timed
from optim.timing.measurement import BASELINE, CANDIDATE, MODEL_BYTES, SINGLE_THREAD, Rounds, Slice

STEP = "measure"
_SAMPLES = 4  # inputs that the runs rotate over, the same for every arm


@dataclass(frozen=True)
class Contender:
    """An optimized model and the recipe that says how it is run."""

    model: Model
    recipe: Recipe


def slice_of(
    optimized: Model,
    original: Model,
    recipe: Recipe,
    evalset: EvalSet,
    *,
    seconds: float,
    seed: int,
    solo: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Slice:
    """Time a recipe's optimized model against the original in a fresh child.

    Waits until no other timing runs on this machine, in this program or another.

    Args:
        seconds: how long to time; loading and warming up come on top.
        seed: order of the arms; another one for each slice of a trial.
        solo: open the candidate first and alone, to learn its load time and memory.

    Raises: StepError as the engine raised it; Cancelled.
    """
    (taken,) = _heat(
        [Contender(optimized, recipe)],
        original,
        evalset,
        seconds=seconds,
        seed=seed,
        solo=solo,
        cancelled=cancelled,
    )
    if isinstance(taken, OptimError):
        raise taken
    return taken


def heat_of(
    contenders: Sequence[Contender],
    original: Model,
    evalset: EvalSet,
    *,
    seconds: float,
    seed: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Slice | OptimError]:
    """Time several in one child, each against the same rounds of the original: a slice of each.

    Those that are clearly beaten meanwhile have fewer rounds. One that the engine refuses has its
    error in place of a slice. A child that dies of one of them is an error of all: time them one
    by one then. An engine with packages of its own has a child, and rounds of the original, of
    its own: the others are not to meet its libraries.

    Args:
        contenders: all with the same number of threads.
        seconds, seed: as `slice_of` has them.

    Raises: StepError where the child crashes or hangs, or the original fails; Cancelled.
    """
    children: dict[str, list[int]] = {}
    for number, one in enumerate(contenders):
        children.setdefault(one.recipe.runtime.child, []).append(number)
    taken: dict[int, Slice | OptimError] = {}
    for numbers in children.values():
        racing = [contenders[number] for number in numbers]
        answers = _heat(
            racing, original, evalset, seconds=seconds, seed=seed, solo=False, cancelled=cancelled
        )
        taken |= zip(numbers, answers, strict=True)
    return [taken[number] for number in range(len(contenders))]


def _heat(
    contenders: Sequence[Contender],
    original: Model,
    evalset: EvalSet,
    *,
    seconds: float,
    seed: int,
    solo: bool,
    cancelled: Callable[[], bool],
) -> list[Slice | OptimError]:
    (threads,) = {one.recipe.runtime.threads for one in contenders}
    engine = contenders[0].recipe.runtime
    cpus = cores_for(threads)
    argument = {
        "contenders": [[str(c.model.path), c.recipe.runtime.spelling] for c in contenders],
        "original": str(original.path),
        "threads": threads,
        "evalset": evalset.digest,
        "seconds": seconds,
        "seed": seed,
        "solo": solo,
    }
    folders = [one.model.folder for one in contenders]
    with machine_to_itself(cancelled):
        sandbox.wait_until_warm()
        answers = engine.call(
            take_slices,
            argument,
            where=STEP,
            cpus=cpus,
            for_timing=True,
            files=sandbox.Files(readable=(*folders, original.folder, evalset.path)),
            cancelled=cancelled,
        )
    where = environment() | {
        "pinned_to": " ".join(map(str, cpus)),
        MODEL_BYTES: str(original.size_bytes),
    }
    return [_taken(answer, where) for answer in answers]


def _taken(answer: dict[str, Any], where: dict[str, str]) -> Slice | OptimError:
    if "error" in answer:
        return StepError(*answer["error"])
    return Slice.model_validate({**answer, "environment": where})


def take_slices(
    *,
    contenders: list[tuple[str, str]],
    original: str,
    threads: int,
    evalset: str,
    seconds: float,
    seed: int,
    solo: bool,
) -> list[dict[str, Any]]:
    """The child's side of a heat: for each contender a Slice as JSON, or what went wrong.

    Args:
        contenders: path and runtime's spelling of each.
    """
    started = {"started_at": datetime.now(UTC).isoformat(), "load_average": os.getloadavg()[0]}
    feeds = _feeds(evalset)
    ours = [_contender(i, *one, feeds) for i, one in enumerate(contenders)]
    theirs = [
        Arm(name, Recipe.baseline(count).runtime, Path(original), feeds)
        for name, count in _originals(threads)
    ]
    chance = random.Random(seed)
    order = [*ours, *theirs] if solo else chance.sample([*ours, *theirs], len(ours) + len(theirs))
    failed = {arm.name: error for arm in order if (error := _opened(arm, arm in theirs))}
    racing = [arm for arm in (*ours, *theirs) if arm.name not in failed]
    if len(racing) == len(theirs):
        return [{"error": failed[arm.name]} for arm in ours]
    rounds, contention = timed(racing, seconds, chance, race=len(ours) > 1)
    known = started | {"contention": contention}
    return [
        {"error": failed[arm.name]} if arm.name in failed else _slice(arm, rounds, solo, known)
        for arm in ours
    ]


def _feeds(evalset: str) -> list[Feeds]:
    """Copied, since the stored rows are views at any alignment."""
    samples = evalset_from_digest(evalset).feeds("validation", _SAMPLES)
    return [{name: np.array(value) for name, value in sample.items()} for sample in samples]


def _contender(number: int, path: str, runtime: str, feeds: list[Feeds]) -> Arm:
    return Arm(f"{CANDIDATE} {number}", runtime_of(runtime), Path(path), feeds)


def _originals(threads: int) -> list[tuple[str, int]]:
    """The arms of the original, and the threads of each."""
    return [(BASELINE, threads), *([(SINGLE_THREAD, 1)] if threads > 1 else [])]


def _opened(arm: Arm, needed: bool) -> tuple[str, str, str] | None:
    """Open an arm; what went wrong with one that the others can do without."""
    try:
        arm.open()
    except (InputError, StepError) as error:
        if needed:
            raise
        return error.what, error.next_step, error.where
    return None


def _slice(arm: Arm, rounds: dict[str, Rounds], solo: bool, known: dict[str, Any]) -> Any:
    """The Slice of one contender as JSON, without the environment."""
    mine = rounds[arm.name]
    originals = {
        name: rounds[name][: len(mine)] for name in (BASELINE, SINGLE_THREAD) if name in rounds
    }
    first = arm.opening if solo else None
    taken = Slice(
        arms={CANDIDATE: mine, **originals},
        load_ms=first and first.load_ms,
        first_run_ms=first and first.first_run_ms,
        peak_memory_mb=first and first.peak_memory_mb,
        facts=arm.session.facts() | {"priority": _priority()},
        **known,
    )
    return taken.model_dump(mode="json")


def _priority() -> str:
    """Whether this process goes before others on its cores."""
    return "raised" if os.getpriority(os.PRIO_PROCESS, 0) < 0 else "normal"
