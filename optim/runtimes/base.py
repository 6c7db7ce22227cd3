"""What every runtime is: a frozen value (engine and its session options) that opens a model."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from optim.arrays import Feeds
from optim.machine.environment import version_of
from optim.part import Group, Hazard, Ingredient, discover

BASELINE_RUNTIME = "onnxruntime"
"""The engine that runs the original, as it comes."""
PRECISION_ASKED = "precision_asked"
"""Fact: the precision that the recipe asked for. Where PRECISION differs, the trial says so."""
PRECISION = "precision"
"""Fact: the precision that the engine really computes in."""


@dataclass(frozen=True)
class NodeTime:
    """Time of one node as the runtime's own profiler saw it: median over runs, in microseconds.

    `name` is the node as executed (after the runtime's own fusions); `nodes` are the names of the
    nodes of the given model that it stands for, as far as the runtime tells.
    """

    name: str
    op: str
    microseconds: float
    nodes: tuple[str, ...] = ()
    precision: str = ""


@dataclass(frozen=True)
class EngineNode:
    """One node of the graph that an engine made of the model: after its own optimizations.

    `name` and `nodes` are as in `NodeTime`; `reads` and `writes` are the engine's own names of
    tensors, such that what one node writes others read.
    """

    name: str
    op: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    nodes: tuple[str, ...] = ()


class Session(ABC):
    """An opened model. Arrays go in and come out in the model's dtypes and shapes."""

    @abstractmethod
    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        """Outputs by name for one set of inputs."""

    @abstractmethod
    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """A call without arguments that does one whole inference, for timing."""

    def facts(self) -> dict[str, str]:
        """What the engine really does: precision executed, devices, versions."""
        return {}

    def close(self) -> None:
        """Free the engine's memory."""


class Runtime(Ingredient):
    """An inference engine with its session options."""

    group: ClassVar[Group] = Group.ENGINE
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "more threads than cores",
            "There are more threads than cores: they will wait for each other.",
            lambda part, here: part.threads > here.cores,
        ),
    )
    """What holds for every runtime; one that knows more adds to it."""

    threads: int = Field(
        default=1, ge=1, le=256, description="Threads inside one operator (intra-op)."
    )

    def open(self, path: Path) -> Session:
        """Load the model at `path`. Raises StepError when the engine refuses it."""
        raise NotImplementedError

    def profile(self, path: Path, feeds: Feeds, runs: int) -> list[NodeTime]:
        """Per-node times from the engine's own profiler, in order of execution."""
        raise NotImplementedError

    def engine_graph(self, path: Path) -> list[EngineNode]:
        """The graph that the engine runs in place of the model's, in order of execution.

        Weights and constants are left out. Empty where the engine does not tell.
        """
        return []

    def script(self) -> str:
        """Python lines for an exported script: they open `MODEL`, a Path, and define
        `run(feeds)`, which gives the outputs by name. They import the engine and nothing else."""
        raise NotImplementedError


def all_runtimes() -> dict[str, type[Runtime]]:
    """Every runtime by name."""
    return discover("optim.runtimes", Runtime)


def engine_versions() -> dict[str, str]:
    """The versions of the packages that runtimes need, by name; `not installed` among them."""
    packages = {package for runtime in all_runtimes().values() for package in runtime.packages}
    return {package: version_of(package) for package in sorted(packages)}
