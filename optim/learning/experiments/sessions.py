"""One session with all the threads, or several with one each: what parallel sessions bring."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from optim import sandbox
from optim.findings import Interval
from optim.learning.experiment import Experiment
from optim.learning.outcome import Bar, Figure, Outcome, Tell, here, never, silent
from optim.learning.sample import Opened, opened
from optim.learning.together import batched
from optim.machine.environment import cores_for, usable_cores
from optim.machine.lock import machine_to_itself
from optim.recipe import Recipe
from optim.timing.stats import ratio_interval

_BLOCK_SECONDS = 0.1
_FEWEST_BLOCKS = 3


class Sessions(Experiment):
    """As many threads either way: inside one run, or across runs that go side by side."""

    title: ClassVar[str] = "Parallel sessions"
    figures: ClassVar[tuple[str, ...]] = ("throughput", "latency")

    sample: str
    cores: int = Field(default=2, ge=2, le=16, description="Threads altogether.")

    @property
    def does(self) -> str:
        return (
            f"Keeps the sample {self.sample} busy with one session of {self.cores} threads, then "
            f"with {self.cores} sessions of one thread, in turns."
        )

    def run(self, tell: Tell = silent, cancelled: Callable[[], bool] = never) -> Outcome:
        of = opened(self.sample)
        blocks: list[dict[str, Any]] = []
        for number in range(self.processes):
            tell(f"running, process {number + 1} of {self.processes}", number / self.processes)
            blocks.append(self._process(of, cancelled))
        rates = [(np.array(one["together"]), np.array(one["apart"])) for one in blocks]
        more = ratio_interval([np.log(apart / whole) for whole, apart in rates])
        slower = ratio_interval([np.log(whole / apart * self.cores) for whole, apart in rates])
        labels = (f"1 session × {self.cores} threads", f"{self.cores} sessions × 1 thread")
        return here(
            figures={
                "throughput": Figure(
                    title="Runs a second of several sessions, against one", value=more, unit="×"
                ),
                "latency": Figure(title="One run takes longer by", value=slower, unit="×"),
            },
            bars=[
                Bar(label=label, value=_rate([one[place] for one in rates]))
                for place, label in enumerate(labels)
            ],
            axis="runs a second",
            in_turns=True,
            notes=self._crowded(),
            rests_on=f"{sum(map(len, (b['apart'] for b in blocks)))} blocks of each "
            f"in {self.processes} processes",
        )

    def _crowded(self) -> list[str]:
        if usable_cores() >= self.cores:
            return []
        return [f"This machine has {usable_cores()} core(s) for {self.cores} threads."]

    def _process(self, of: Opened, cancelled: Callable[[], bool]) -> Any:
        argument = {
            "path": str(of.model.path),
            "evalset": of.evalset.digest,
            "cores": self.cores,
            "seconds": self.seconds,
        }
        with machine_to_itself(cancelled):
            return sandbox.call(
                rates,
                argument,
                where="experiment",
                files=of.files,
                cpus=cores_for(self.cores),
                for_timing=True,
                cancelled=cancelled,
            )


def _rate(blocks: list[Any]) -> Interval:
    return ratio_interval([np.log(block) for block in blocks])


def rates(path: str, evalset: str, cores: int, seconds: float) -> dict[str, list[float]]:
    """The child's side: runs a second in each block, sessions together and apart in turns."""
    feeds = batched(evalset, 1, 1)[0]
    whole = [Recipe.baseline(cores).runtime.open(Path(path)).bind(feeds)]
    apart = [Recipe.baseline(1).runtime.open(Path(path)).bind(feeds) for _ in range(cores)]
    found: dict[str, list[float]] = {"together": [], "apart": []}
    _busy(whole), _busy(apart)  # warm
    start = time.perf_counter()
    while len(found["apart"]) < _FEWEST_BLOCKS or time.perf_counter() - start < seconds:
        found["together"].append(_busy(whole))
        found["apart"].append(_busy(apart))
    return found


def _busy(calls: list[Callable[[], None]]) -> float:
    """Runs a second while every session runs again and again in a thread of its own."""
    counts = [0] * len(calls)
    start = time.perf_counter()
    ends = [start] * len(calls)

    def work(place: int) -> None:
        while ends[place] - start < _BLOCK_SECONDS:  # once at least, however late it began
            calls[place]()
            counts[place] += 1
            ends[place] = time.perf_counter()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(count / (end - start) for count, end in zip(counts, ends, strict=True))
