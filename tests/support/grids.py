"""Made-up grids: recipes with known true speed-ups, losses and costs."""

from math import log

import numpy as np

from bench.table import Candidate, Table
from optim.findings import Interval

MACHINE = {"cpu": "a made-up CPU", "flags": "avx2 avx512_vnni", "cores": "2"}


def candidate(
    speedup: float,
    loss: float = 0.0,
    *,
    sound: bool = True,
    noise: float = 0.0,
    processes: int = 5,
    build: float = 1.0,
    judge: float = 1.0,
) -> Candidate:
    """A recipe of this true speed-up, whose processes lie evenly around it."""
    offsets = noise * np.linspace(-1, 1, processes) if noise else np.zeros(processes)
    return Candidate(
        build_seconds=build,
        slice_seconds=2.0,
        own_seconds=0.6,
        judge_seconds=judge,
        logs=tuple(log(speedup) + float(offset) for offset in offsets),
        loss=Interval(value=loss, low=loss - 0.002, high=loss + 0.002),
        samples=1000,
        sound=sound,
    )


def table(**candidates: Candidate) -> Table:
    """A grid of these, by names that are made recipes as `spelled` does."""
    return of_recipes({spelled(name): one for name, one in candidates.items()})


def spelled(name: str) -> str:
    """A recipe of this name, which differs from those of others in what it leaves out."""
    return name if "onnxruntime" in name else f"dynamic_int8:exclude={name} + onnxruntime"


def of_recipes(candidates: dict[str, Candidate]) -> Table:
    """A grid of these recipes by their spelling, of a model with convolutions."""
    return Table(
        model="made up",
        machine=MACHINE,
        baseline_ms=1.0,
        metric="top1",
        ops={"Conv": 5, "Gemm": 1},
        wanted=tuple(candidates),
        candidates=candidates,
    )
