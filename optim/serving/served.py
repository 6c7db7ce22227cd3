"""A bundle as it is served: checked, opened once for each session, asked by name."""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Feeds, TensorSpec
from optim.errors import InputError
from optim.serving.batcher import Answered, Batcher
from optim.serving.batching import Batching, Inline, Outputs
from optim.serving.errors import BadRequest, Stopping
from optim.serving.sized import Engine, Sized

if TYPE_CHECKING:
    from optim.runtimes.base import Runtime


_RUNS = 6


@dataclass(frozen=True)
class Opened:
    """What is served: a model, one sample of its inputs (`.npz`), and how its recipe opens it.

    `open` gets a file and how many threads it shall have; 0: as many as the recipe has, `threads`.
    """

    name: str
    model: Path
    example: Path
    engine: str
    open: Callable[[Path, int], Engine]
    threads: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __post_init__(self) -> None:
        """Its name is one segment of the protocol's paths."""
        object.__setattr__(self, "name", self.name.replace("/", "_"))

    @classmethod
    def of(cls, folder: Path) -> "Opened":
        """A bundle whose files are what was exported. Raises InputError for what is none."""
        from optim.bundles import manifest  # here: a bundle's own server has none of these
        from optim.model import Model
        from optim.recipe import Recipe

        manifest.verify(folder)
        recipe = Recipe.from_yaml((folder / manifest.RECIPE).read_text(encoding="utf-8"))
        model = Model.model_validate_json((folder / manifest.MODEL_VALUE).read_bytes())
        original = Model.model_validate_json((folder / manifest.ORIGINAL_VALUE).read_bytes())
        return cls(
            original.name,
            folder / manifest.MODEL,
            folder / manifest.EXAMPLE,
            recipe.runtime.name,
            partial(_open, recipe.runtime),
            recipe.runtime.threads,
            model.inputs,
            model.outputs,
        )

    def input_named(self, name: str) -> TensorSpec:
        """Raises BadRequest where there is no such input."""
        for spec in self.inputs:
            if spec.name == name:
                return spec
        raise BadRequest(f"There is no input {name[:60]!r}.")

    def check_whole(self, feeds: Feeds) -> None:
        """Raise BadRequest where an input is missing."""
        missing = sorted(spec.name for spec in self.inputs if spec.name not in feeds)
        if missing:
            raise BadRequest(f"The input {missing[0]!r} is missing.")

    def examples(self, count: int) -> list[Feeds]:
        """Inputs that the model takes, from the samples in the bundle."""
        with np.load(self.example, allow_pickle=False) as arrays:
            one = {spec.name: arrays[spec.name] for spec in self.inputs}
        return [one] * count


def _open(runtime: "Runtime", path: Path, threads: int) -> Engine:
    return (runtime.model_copy(update={"threads": threads}) if threads else runtime).open(path)


class Served:
    """A bundle that answers. `start` and what follows belong to one event loop."""

    def __init__(self, opened: Opened, batching: Batching) -> None:
        self.opened, self.batching = opened, batching
        self._sessions: list[Engine] = []
        self._batcher: Batcher | None = None

    @property
    def name(self) -> str:
        """What requests call it."""
        return self.opened.name

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._batcher is not None

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        return self._batcher.waiting if self._batcher else 0

    async def start(self, alone: bool = True) -> None:
        """Open its sessions, and run each once. Raises StepError, InputError.

        Args:
            alone: no other model is on this event loop.
        """
        loop, (example,) = asyncio.get_running_loop(), self.opened.examples(1)
        pools = [_thread(cpus) for cpus in self._cpus()]
        # Each in its own thread, since an engine's threads get the cores of who starts them.
        runs = [await loop.run_in_executor(pool, self._open) for pool in pools]
        seconds = [
            await loop.run_in_executor(pool, _timed, run, example)
            for run, pool in zip(runs, pools, strict=True)
        ]
        inline = self.batching.inline(max(seconds))
        if inline is Inline.IDLE and not (alone and self._threads == 1):
            inline = Inline.NEVER  # several threads wait for the one that called them before
        self._batcher = Batcher(runs, self.batching, pools, inline)

    def infer(self, feeds: Feeds) -> Answered:
        """The outputs for a request's inputs, as `Batcher.ask` gives them. Raises Refused."""
        rows = self._rows(feeds)
        if self._batcher is None:
            raise Stopping("The server is stopping, or has not begun.")
        return self._batcher.ask(feeds, rows)

    async def stop(self) -> None:
        """Answer what waits, then close the sessions."""
        if self._batcher:
            await self._batcher.drain()
            self._batcher = None
        for session in self._sessions:
            session.close()

    def _cpus(self) -> list[list[int]]:
        """The CPUs of each session; none: any."""
        if not self.batching.pinned:
            return [[]] * self.batching.sessions
        here = sorted(os.sched_getaffinity(0))[::-1]  # the first serves interrupts
        each = self._threads
        return [
            [here[(session * each + thread) % len(here)] for thread in range(each)]
            for session in range(self.batching.sessions)
        ]

    @property
    def _threads(self) -> int:
        """Of each session."""
        return self.batching.threads or self.opened.threads

    def _open(self) -> Sized:
        sized = Sized.of(self.opened, self.batching)
        self._sessions += sized.sessions.values()
        return sized

    def _rows(self, feeds: Feeds) -> int:
        """How many rows it has: all inputs the same."""
        if self.batching.most == 1:
            return 1
        rows = {value.shape[0] for value in feeds.values() if value.ndim}
        if len(rows) > 1:
            raise BadRequest(f"The inputs have unequal numbers of rows: {sorted(rows)}.")
        return rows.pop() if rows else 1


def check_outputs(names: Iterable[object], outputs: Outputs) -> None:
    """Raise BadRequest where a request asks for an output that there is not."""
    for name in names:
        if not isinstance(name, str) or name not in outputs:  # JSON may have a list there
            raise BadRequest(f"There is no output {str(name)[:60]!r}.")


def _thread(cpus: Collection[int]) -> ThreadPoolExecutor:
    """One thread, which keeps to these CPUs, if there are any."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="session")
    if cpus:
        pool.submit(os.sched_setaffinity, 0, cpus)
    return pool


def _timed(run: Callable[[Feeds], Outputs], feeds: Feeds) -> float:
    """Seconds of a run: the median of some, after one that does not count."""
    moments = [time.perf_counter()]
    for _ in range(_RUNS):
        run(feeds)
        moments.append(time.perf_counter())
    return float(np.median(np.diff(moments)[1:]))


def named(served: Iterable[Served]) -> dict[str, Served]:
    """By name. Raises InputError where two have the same."""
    found: dict[str, Served] = {}
    for one in served:
        if one.name in found:
            raise InputError(f"Two bundles are named {one.name!r}.", "Serve them apart.", "host")
        found[one.name] = one
    return found
