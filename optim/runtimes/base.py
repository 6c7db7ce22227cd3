"""What every runtime is: a frozen value (engine and its session options) that opens a model."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from optim import sandbox
from optim.arrays import Feeds
from optim.errors import StepError
from optim.machine.environment import version_of
from optim.part import Group, Hazard, Ingredient, discover, parse_part
from optim.runtimes.support import compiled

BASELINE_RUNTIME = "onnxruntime"
"""The engine that runs the original, as it comes."""
PRECISION_ASKED = "precision_asked"
"""Fact: the precision that the recipe asked for. Where PRECISION differs, the trial says so."""
PRECISION = "precision"
"""Fact: the precision that the engine really computes in."""
COMPILE_SECONDS = "compile_seconds"
"""Fact: how long the engine compiled the model, when it first did; absent where it does not."""


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
    starts_programs: ClassVar[bool] = False
    """Whether it works with other programs, such as the system's compiler. They run behind the
    same walls as the child that starts them."""
    one_by_one: ClassVar[bool] = False
    """Whether a process has one session at a time, used by the thread that opened it."""
    uses_threads: ClassVar[bool] = True
    """Whether threads of the CPU do its work, so that their number is worth trying."""
    keeps_compiled: ClassVar[bool] = False
    """Whether what it compiles is kept for the next child; see `support.compiled`."""
    compiles_alike: ClassVar[bool] = False
    """Whether it compiles a model to the same bytes each time, so that files can be compared."""

    script_needs: ClassVar[tuple[str, ...] | None] = None
    """The distributions that `script` imports beside NumPy, where not all that the engine needs."""

    threads: int = Field(
        default=1, ge=1, le=256, description="Threads inside one operator (intra-op)."
    )

    @property
    def child(self) -> str:
        """Engines that give the same here may share a child."""
        alone = self.requirements or self.starts_programs or self.keeps_compiled
        return self.spelling if alone else ""

    def call(
        self,
        function: sandbox.Function,
        argument: dict[str, Any],
        *,
        files: sandbox.Files = sandbox.Files(),  # noqa: B008  # a frozen value
        **how: Any,
    ) -> Any:
        """`sandbox.call` in a child that can open models with this engine.

        Raises: as that does; StepError where the engine is not installed.
        """
        kept = compiled.folders(self, files.readable) if self.keeps_compiled else ()
        files = replace(
            files,
            writable=(*files.writable, *kept, *self.devices()),
            site=self.site(),
            programs=self.starts_programs,
        )
        return sandbox.call(function, argument, files=files, **how)

    @staticmethod
    def devices() -> tuple[Path, ...]:
        """Files of devices that its child must be able to write to."""
        return ()

    def open(self, path: Path) -> Session:
        """Load the model at `path`. Raises StepError when the engine refuses it."""
        raise NotImplementedError

    def refusal(self, why: str, hint: str = "") -> StepError:
        """What to say where this engine cannot open a model; `hint`: what to try first."""
        return StepError(
            f"{self.title} cannot open this model: {why.rstrip('.')}.",
            f"{hint}Try another runtime, or, if the recipe has passes, leave out the last one.",
            self.name,
        )

    def profile(self, path: Path, feeds: Feeds, runs: int) -> list[NodeTime]:
        """Per-node times from the engine's own profiler, in order of execution.

        Raises StepError where the engine does not tell.
        """
        raise StepError(
            f"{self.title} does not tell how long each node takes.",
            "Look at the same passes on onnxruntime or openvino.",
            self.name,
        )

    def engine_graph(self, path: Path) -> list[EngineNode]:
        """The graph that the engine runs in place of the model's, in order of execution.

        Weights and constants are left out. Empty where the engine does not tell.
        """
        return []

    def export(self, path: Path, folder: Path) -> None:  # noqa: B027  # most need nothing
        """Write what `script` reads beside the model at `path` to a folder; for a child."""

    def script(self) -> str:
        """Python lines for an exported script: they open `MODEL`, a Path, and define
        `run(feeds)`, which gives the outputs by name. They import the engine and nothing else."""
        raise NotImplementedError


def all_runtimes() -> dict[str, type[Runtime]]:
    """Every runtime by name."""
    return discover("optim.runtimes", Runtime)


def runtime_of(spelling: str) -> Runtime:
    """The runtime that is spelled so; no pass is looked up for it, which takes a child 0.2 s.

    Raises InputError for an unknown runtime and bad settings.
    """
    return parse_part(spelling, all_runtimes())


def engine_versions() -> dict[str, str]:
    """The versions of the packages that runtimes need of the program's own, by name."""
    shared = [runtime for runtime in all_runtimes().values() if not runtime.requirements]
    packages = {package for runtime in shared for package in runtime.packages}
    return {package: version_of(package) for package in sorted(packages)}
