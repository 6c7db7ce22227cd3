"""Service times: how long a batch runs, and how long the front works on a request.

Measured in a sandboxed child: the recipe's engine on the model bound to each size of batch, and the
server's own code (HTTP, decoding, queue, encoding) over a local socket, its loop's CPU time apart.
"""

import asyncio
import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from numpy.typing import NDArray

from optim import sandbox
from optim.arrays import Feeds
from optim.bundles.derived import packed
from optim.evalset import EvalSet
from optim.findings import EVEN, Interval
from optim.home.scratch import scratch
from optim.machine.environment import cores_for
from optim.machine.lock import machine_to_itself
from optim.model import Model
from optim.model.rebinding import rebound
from optim.recipe import Recipe
from optim.runtimes.base import runtime_of
from optim.serving.asking import Asking, payloads
from optim.serving.batching import Batching
from optim.serving.host import Web
from optim.serving.hosting import Hosting
from optim.serving.served import Opened, Served
from optim.serving.settings import Rest
from optim.twin.simulation import Draw

_WHERE = "twin"
_SECONDS, _LONGEST_S = 2.0, 8.0
_STRETCHES = 10
_LEAST_RUNS, _MOST_RUNS = 30, 4000
_TAIL_RUNS = 1000
"""Of single rows, within the longest time: a queue's p99 rests on the slowest, and these have
ten beyond it."""
_REQUESTS = 1000
_CHUNKS = 20
_DISTURBED = 5
_LONG_ENOUGH_S = 1e-3


@dataclass(frozen=True)
class ServiceTimes:
    """Run times in seconds by rows of a batch; `front_s` is the front's work on one request.

    A batch in between is filled up to the next size, as the server does. `source` says whether
    they were measured, and where. `factors` are how far the truth may be off, for estimates;
    `front_factors` how far the front's quickest and slowest measurements, a tenth left out each.
    """

    runs: Mapping[int, NDArray[np.float64]]
    front_s: float
    source: str
    factors: Interval = EVEN
    front_factors: Interval = EVEN

    def at(self, factor: float, front_factor: float) -> "ServiceTimes":
        """The same, were runs and the front so many times as slow: one end of their intervals."""
        runs = {rows: factor * times for rows, times in self.runs.items()}
        return ServiceTimes(runs, front_factor * self.front_s, self.source)

    @property
    def front_spread(self) -> float:
        """How many times the front's quickest measurements its slowest took."""
        return self.front_factors.high / self.front_factors.low

    def runs_inline(self, batching: Batching) -> bool:
        """Whether the front runs the model itself, so that neither works beside the other."""
        return batching.runs_inline(self.median_ms() / 1e3)

    def draw(self, rng: np.random.Generator) -> Draw:
        """Stretches of them at random: slow runs come in groups, since what slows
        one (a neighbour, the clock of the CPU) lasts, and a queue suffers more from a group.

        Moving blocks that wrap around (Politis, Romano 1992, "A circular block-resampling procedure
        for stationary data"), of a tenth of the measured times each.
        """
        known = sorted(self.runs)

        def drawn(rows: int, count: int) -> NDArray[np.float64]:
            times = self.runs[next(size for size in known if size >= rows)]
            length = max(1, len(times) // _STRETCHES)
            begins = rng.integers(0, len(times), -(-count // length))
            at = (begins[:, None] + np.arange(length)).ravel()[:count]
            found: NDArray[np.float64] = times[at % len(times)]
            return found

        return drawn

    def median_ms(self, rows: int = 1) -> float:
        """Of one run of so many rows."""
        return 1e3 * float(np.median(self.runs[rows]))

    @property
    def disturbed(self) -> float:
        """Share of the runs that took more than five times the median: others had the cores."""
        times = self.runs[1]
        return float((times > _DISTURBED * np.median(times)).mean())

    def taken_as(self, milliseconds: Interval, source: str) -> "ServiceTimes":
        """Those of other hardware: every run takes as long as this estimate.

        Its spread there is not known, nor how batches scale, so both are left out.
        """
        low, high = (end / milliseconds.value for end in (milliseconds.low, milliseconds.high))
        factors = Interval(value=1.0, low=low, high=high)
        runs = {1: np.array([milliseconds.value / 1e3])}
        return ServiceTimes(runs, self.front_s, source, factors, self.front_factors)


def measured(model: Model, recipe: Recipe, evalset: EvalSet, most: int = 1) -> ServiceTimes:
    """Of an optimized model on this machine, for batches of up to `most` rows.

    Raises: StepError where the model cannot be bound to a batch, or the engine refuses it.
    """
    feeds = evalset.feeds("validation", 1)[0]
    with scratch("twin") as folder, machine_to_itself(lambda: False):
        (folder / "example.npz").write_bytes(packed(feeds))
        answer = sandbox.call(
            take_times,
            {
                "path": str(model.path),
                "runtime": recipe.runtime.spelling,
                "example": str(folder / "example.npz"),
                "model": model.model_dump_json(),
                "most": most,
            },
            where=_WHERE,
            files=sandbox.Files(readable=(model.folder, folder)),
            cpus=cores_for(recipe.runtime.threads + 1),
            for_timing=True,
        )
    runs = {int(size): np.array(times) for size, times in answer["runs"].items()}
    front = np.array(answer["front"])
    low, middle, high = np.quantile(front, [0.1, 0.5, 0.9])
    spread = Interval(value=1.0, low=float(low / middle), high=float(high / middle))
    return ServiceTimes(runs, float(middle), "measured on this machine", front_factors=spread)


def take_times(path: str, runtime: str, example: str, model: str, most: int) -> dict[str, Any]:
    """Child function: run times by size of batch, and CPU times of the front for one request."""
    engine = runtime_of(runtime)
    described = Model.model_validate_json(model)
    with np.load(example) as arrays:
        feeds = {spec.name: arrays[spec.name] for spec in described.inputs}
    found = {1: _timed(engine.open(Path(path)), feeds, _TAIL_RUNS)}
    for size in set(Batching(most=most).sizes) - {1}:
        with rebound(Path(path), size) as other:
            batch = {name: np.repeat(value, size, axis=0) for name, value in feeds.items()}
            found[size] = _timed(engine.open(other), batch)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        front = runner.run(_front(described, feeds, float(np.median(found[1]))))
    return {"runs": found, "front": front}


def _timed(session: Any, feeds: Feeds, wanted: int = _LEAST_RUNS) -> list[float]:
    """Seconds of each run, as a server that is asked at random half of the time has them.

    What comes after a pause takes longer than what follows at once: caches are cold and cores
    asleep, by a half where that was looked at. Where the server runs in a thread of its own, the
    way there and back counts too.
    """
    quick = _at_once(session, feeds)
    rng, found = np.random.default_rng(0), list[float]()
    with ThreadPoolExecutor(1) as pool:
        run = session.run if Batching().runs_inline(quick) else _in_thread(pool, session.run)
        due = begun = time.perf_counter()
        while (
            len(found) < _LEAST_RUNS
            or (spent := time.perf_counter() - begun) < _SECONDS
            or (len(found) < wanted and spent < _LONGEST_S)
        ):
            due += rng.exponential(2 * quick)
            if (pause := due - time.perf_counter()) > 0:
                time.sleep(pause)
            start = time.perf_counter()
            run(feeds)
            found.append(time.perf_counter() - start)
            if len(found) == _MOST_RUNS:
                break
    session.close()
    return found


def _at_once(session: Any, feeds: Feeds) -> float:
    """Median seconds of runs one after the other, of which the first do not count."""
    found = []
    for _ in range(_LEAST_RUNS):
        start = time.perf_counter()
        session.run(feeds)
        found.append(time.perf_counter() - start)
    return float(np.median(found[_LEAST_RUNS // 3 :]))


def _in_thread(pool: ThreadPoolExecutor, run: Callable[[Feeds], Any]) -> Callable[[Feeds], Any]:
    return lambda feeds: pool.submit(run, feeds).result()


class _Nothing:
    """An engine that only lets time pass, so that what is left is the server's own work."""

    def __init__(self, outputs: Feeds, run_s: float) -> None:
        self._outputs, self._run_s = dict(outputs), min(run_s, _LONG_ENOUGH_S)

    def run(self, feeds: Feeds) -> dict[str, Any]:
        time.sleep(self._run_s)
        return self._outputs

    def close(self) -> None: ...


async def _front(model: Model, feeds: Feeds, run_s: float) -> list[float]:
    """CPU seconds of the server's loop for one request, in each of some chunks."""
    # Its socket is named from within the folder: a socket's name may have some hundred letters.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        answer = {s.name: np.zeros([abs(n) for n in s.shape], s.dtype) for s in model.outputs}
        place, example = Path("socket"), Path("example.npz")
        example.write_bytes(packed(feeds))
        engine = _Nothing(answer, run_s)
        opened = Opened(
            "m", place, example, "none", lambda *_: engine, 1, model.inputs, model.outputs
        )
        hosting = Hosting([Served(opened, Batching())])
        await hosting.start()
        web = await Web.listening(hosting, "", place)
        (request,) = payloads("m", [feeds], Rest())
        spent = []
        for _ in range(_CHUNKS):
            asking = threading.Thread(target=_ask, args=(place, request, _REQUESTS // _CHUNKS))
            before = time.thread_time()
            asking.start()
            await asyncio.to_thread(asking.join)
            spent.append((time.thread_time() - before) / (_REQUESTS // _CHUNKS))
        await hosting.stop()
        await web.close()
    return spent[1:]


def _ask(place: Path, request: bytes, count: int) -> None:
    with socket.socket(socket.AF_UNIX) as connected:
        connected.connect(str(place))
        ask = Asking(connected)
        for _ in range(count):
            ask(request)
