"""Runs in a peer's environment: `python -m bench.peers.child CORE choose PEER TASK_FOLDER`, or
`... CORE time|answer ENGINE FILE OPTIONS DATA [OUT]` for what a peer answered.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from bench.peers.openers import Feeds, Run, on_core, opened

_WARM_SECONDS = 0.3


def choose(peer: str, folder: str) -> None:
    """Let a peer work on a task."""
    from bench.peers.task import Task

    import_module(f"bench.peers.{peer}").choose(Task(Path(folder)))


def serve_timings(engine: str, file: str, options: str, data: str) -> None:
    """Say `ready`; for each line with seconds run so long and answer in nanoseconds a run."""
    run, feeds = opened(engine, file, json.loads(options)), _validation(data)
    _timed(run, feeds, _WARM_SECONDS)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_timed(run, feeds, float(line))), flush=True)


def answer(engine: str, file: str, options: str, data: str, out: str) -> None:
    """Write the outputs for all validation samples, by name."""
    run = opened(engine, file, json.loads(options))
    found = [run(feeds) for feeds in _validation(data)]
    np.savez(out, **{name: np.stack([one[name] for one in found]) for name in found[0]})  # type: ignore[arg-type]


def _validation(data: str) -> list[dict[str, np.ndarray]]:
    with np.load(data) as arrays:
        names = [str(name) for name in arrays["inputs"]]
        columns = [arrays[f"validation_{position}"] for position in range(len(names))]
    rows = zip(*columns, strict=True)
    return [dict(zip(names, map(np.asarray, row), strict=True)) for row in rows]


def _timed(run: Run, feeds: Sequence[Feeds], seconds: float) -> list[int]:
    """Nanoseconds of runs over the first samples in turn, the first run left out."""
    few, times = feeds[:4], list[int]()
    run(few[0])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter_ns()
        run(few[len(times) % len(few)])
        times.append(time.perf_counter_ns() - start)
    return times


if __name__ == "__main__":
    core, what, *words = sys.argv[1:]
    on_core(int(core))
    doing: dict[str, Callable[..., None]] = {"choose": choose, "time": serve_timings}
    (doing | {"answer": answer})[what](*words)
