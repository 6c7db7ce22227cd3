"""The child's side of a probe: every case on one runtime, its precisions timed side by side.

For a case, the arms (one for each precision, and the reference) are opened, run until warm, and
timed in rounds; in a round each arm runs for some milliseconds, in random order, so that what
disturbs the machine disturbs all alike. What an engine cannot do is recorded as a sentence.
"""

import gc
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from optim.errors import OptimError, one_line
from optim.part import build_part, field_schemas
from optim.probing.cases import Case, cases
from optim.probing.values import FP32, LATE, Row
from optim.runtimes.base import BASELINE_RUNTIME, Runtime, Session, all_runtimes

_ROUNDS = 5
_FEWEST_ROUNDS = 2
_BLOCK_NS = 4e6
_WARM_NS = 6e6
_MOST_RUNS = 40
_THREADED = (FP32, "u8s8")


@dataclass
class _Arm:
    """Something timed: `rounds` fill up; `lacks` says why there are none."""

    precision: str
    threads: int
    reference: bool = False
    lacks: str = ""
    rounds: list[int] = field(default_factory=list)
    session: Session | None = None
    call: Callable[[], None] = lambda: None
    runs: int = 1

    def open(self, engine: Runtime, model: Path, shape: Sequence[int]) -> None:
        """Load the model and run it until it is warm; on failure note why."""
        values = np.random.default_rng(1).random(shape, np.float32)
        try:
            self.session = engine.open(model)
            self.call = self.session.bind({"x": values})
            self._warm_up()
        except OptimError as error:
            self.lacks = error.what
        except Exception as error:  # whatever an engine raises while it runs
            self.lacks = f"{engine.title} cannot run it: {one_line(error).rstrip('.')}."

    def _warm_up(self) -> None:
        self.call()  # prepares weights and code
        times = [self._timed()]
        while sum(times) < _WARM_NS:
            times.append(self._timed())
        self.runs = max(1, min(_MOST_RUNS, round(_BLOCK_NS / median(times))))

    def block(self) -> None:
        """One more round: the median of some runs, where they are short without the first."""
        if self.runs > 1:
            self.call()
        self.rounds.append(round(median(self._timed() for _ in range(self.runs))))

    def _timed(self) -> int:
        start = time.perf_counter_ns()
        self.call()
        return time.perf_counter_ns() - start


def timed(*, runtime: str, threads: int, deadline: float, folder: str) -> list[dict[str, Any]]:
    """Child: the rows of one runtime as JSON.

    Args:
        threads: 1 for every case; more for those that show what threads bring.
        deadline: on the monotonic clock, which processes share; no case but the first is begun
            after it, and the rows of those left say so.
    """
    wanted = [case for case in cases() if threads == 1 or case.threaded]
    chance = random.Random(0)
    rows: list[Row] = []
    for case in wanted:
        arms = [*_arms(runtime, threads, case)]
        if time.monotonic() < deadline or case is wanted[0]:
            _open(arms, runtime, case, Path(folder))
            _time(arms, chance, deadline)
        rows += _rows(arms, runtime, case)
    return [row.model_dump(mode="json") for row in rows]


def _arms(runtime: str, threads: int, case: Case) -> Iterator[_Arm]:
    """With one thread every precision, and fp32 on the baseline's runtime as their reference; with
    more threads a few, each followed by itself with one as its own."""
    if threads == 1:
        if runtime != BASELINE_RUNTIME:
            yield _Arm(FP32, 1, reference=True)
        for precision in case.precisions:
            yield _Arm(precision, 1)
        return
    for precision in _THREADED:
        yield _Arm(precision, threads)
        yield _Arm(precision, 1, reference=True)


def _open(arms: Sequence[_Arm], runtime: str, case: Case, folder: Path) -> None:
    engines, written = all_runtimes(), set()
    for arm in arms:
        on_baseline = arm.reference and not any(one.threads > 1 for one in arms)
        kind = engines[BASELINE_RUNTIME if on_baseline else runtime]
        engine, form = _engine(kind, arm.precision, arm.threads)
        path = folder / f"{form}.onnx"
        if form not in written:
            path.write_bytes(case.model(form).SerializeToString())
            written.add(form)
        arm.open(engine, path, case.shape)


def _engine(kind: type[Runtime], precision: str, threads: int) -> tuple[Runtime, str]:
    """The runtime, and the precision to write the graph in for it.

    Where a setting of the runtime lowers fp32 graphs to the precision, that is how a recipe gets
    there, and so does the probe.
    """
    for name, spec in field_schemas(kind).items():
        for value in spec.get("enum", ()):
            engine = build_part(kind, {name: value, "threads": threads})
            if engine.lowers_to == precision:
                return engine, FP32
    return kind(threads=threads), precision


def _time(arms: Sequence[_Arm], chance: random.Random, deadline: float) -> None:
    """Fill the rounds of the arms that run; fewer where time is over."""
    running = [arm for arm in arms if not arm.lacks]
    gc.collect()
    gc.disable()
    for turn in range(_ROUNDS):
        if turn >= _FEWEST_ROUNDS and time.monotonic() > deadline:
            break
        for arm in chance.sample(running, len(running)):
            arm.block()
    gc.enable()
    for arm in running:
        if arm.session:
            arm.session.close()


def _rows(arms: Sequence[_Arm], runtime: str, case: Case) -> Iterator[Row]:
    """One for each arm that is no reference itself."""
    for place, arm in enumerate(arms):
        if arm.reference:
            continue
        yield Row(
            runtime=runtime,
            operation=case.operation,
            precision=arm.precision,
            size=case.size,
            threads=arm.threads,
            work=case.work,
            rounds=tuple(arm.rounds),
            reference=tuple(_reference(arms, place).rounds),
            lacks=arm.lacks or ("" if arm.rounds else LATE),
        )


def _reference(arms: Sequence[_Arm], place: int) -> _Arm:
    if arms[place].threads > 1:
        return arms[place + 1]
    return next(arm for arm in arms if arm.reference or arm.precision == FP32)
