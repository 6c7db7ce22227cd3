"""Timing side by side for experiments: runners in interleaved rounds, in a few fresh processes.

It is `optim.timing` with other arms: what a runner is compared with is the first of them, instead
of the original on ONNX Runtime. So the same statistics and cautions hold for what comes out.
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
from optim.evalset import EvalSet, evalset_from_digest
from optim.learning.outcome import Tell, never, silent
from optim.machine.environment import cores_for, environment
from optim.machine.lock import machine_to_itself
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import runtime_of
from optim.timing.arms import Arm, timed
from optim.timing.measurement import BASELINE, CANDIDATE, Measurement, Slice, Summary
from optim.timing.stats import summarize

_SAMPLES = 4  # inputs that the runs rotate over


@dataclass(frozen=True)
class Runner:
    """A model on an engine, which takes so many samples at once."""

    label: str
    model: Model
    recipe: Recipe
    batch: int = 1


def together(
    runners: Sequence[Runner],
    evalset: EvalSet,
    *,
    processes: int,
    seconds: float,
    tell: Tell = silent,
    cancelled: Callable[[], bool] = never,
) -> list[Summary]:
    """What each runner's times say, its speed-up against the first one.

    Args:
        processes: fresh ones, one after the other.
        seconds: of timing in each.

    Raises: StepError as an engine raised it; Cancelled.
    """
    slices: list[list[Slice]] = []
    for number in range(processes):
        tell(f"timing, process {number + 1} of {processes}", number / processes)
        slices.append(_one_process(runners, evalset, seconds, number, cancelled))
    return [summarize(Measurement(slices=tuple(mine))) for mine in zip(*slices, strict=True)]


def _one_process(
    runners: Sequence[Runner],
    evalset: EvalSet,
    seconds: float,
    seed: int,
    cancelled: Callable[[], bool],
) -> list[Slice]:
    argument = {
        "runners": [[str(r.model.path), r.recipe.runtime.spelling, r.batch] for r in runners],
        "evalset": evalset.digest,
        "seconds": seconds,
        "seed": seed,
    }
    folders = {runner.model.folder for runner in runners}
    cpus = cores_for(max(runner.recipe.runtime.threads for runner in runners))
    with machine_to_itself(cancelled):
        sandbox.wait_until_warm()
        found = sandbox.call(
            take_rounds,
            argument,
            where="experiment",
            cpus=cpus,
            for_timing=True,
            files=sandbox.Files(readable=(*folders, evalset.path)),
            cancelled=cancelled,
        )
    where = environment()
    return [Slice.model_validate({**piece, "environment": where}) for piece in found]


def take_rounds(
    *, runners: list[tuple[str, str, int]], evalset: str, seconds: float, seed: int
) -> list[dict[str, Any]]:
    """The child's side: for each runner a Slice as JSON, without the environment."""
    started = {"started_at": datetime.now(UTC).isoformat(), "load_average": os.getloadavg()[0]}
    arms = [_arm(number, *runner, evalset) for number, runner in enumerate(runners)]
    for arm in arms:
        arm.open()
    rounds, contention = timed(arms, seconds, random.Random(seed))
    first = rounds[arms[0].name]
    return [
        Slice(
            arms={CANDIDATE: rounds[arm.name], BASELINE: first},
            load_ms=arm.opening.load_ms,
            first_run_ms=arm.opening.first_run_ms,
            contention=contention,
            **started,
        ).model_dump(mode="json")
        for arm in arms
    ]


def _arm(number: int, path: str, runtime: str, batch: int, evalset: str) -> Arm:
    feeds = batched(evalset, batch, _SAMPLES if batch == 1 else 1)
    return Arm(f"{CANDIDATE} {number}", runtime_of(runtime), Path(path), feeds)


def batched(evalset: str, batch: int, count: int) -> list[Feeds]:
    """Validation samples in batches, repeated where there are too few."""
    rows = evalset_from_digest(evalset).feeds("validation", batch * count)
    rows *= -(-batch * count // len(rows))
    groups = [rows[at * batch : (at + 1) * batch] for at in range(count)]
    return [
        {name: np.concatenate([row[name] for row in group]) for name in group[0]}
        for group in groups
    ]
