"""Who says when requests are sent: MLPerf's LoadGen, or a schedule that was given.

Both in a thread of their own, so that a busy event loop delays no decision; what is due is handed
to the loop at once. LoadGen (https://github.com/mlcommons/inference/tree/master/loadgen) has no
bursts and no recorded arrivals, so these have a clock of ours.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlperf_loadgen as loadgen
import numpy as np
from numpy.typing import NDArray

from optim.load.scenario import Load

Issue = Callable[[list[int], float], None]
"""Is given the places of the requests to send now, and when they were due (`perf_counter`)."""
_SAMPLES = 1024  # that LoadGen draws from; requests take theirs in turns
_LEAST_MS = 50
_NO_LIMIT_NS = 10**15
_SAMPLE = re.compile(
    r'"name":"Sample".*?"ph":"b".*?"ts":([\d.]+).*?"sample_seq":(\d+).*?"issue_start_ns":(\d+)'
)


class LoadGen:
    """MLPerf's load generator in one of its scenarios. Blocks until all is answered.

    One at a time in a process: it keeps its state in the process.
    """

    def __init__(self, load: Load, folder: Path) -> None:
        self._load, self._folder = load, folder
        self._ids: list[int] = []

    def run(self, issue: Issue) -> None:
        """Have requests issued until the scenario ends and all are answered."""

        def ask(samples: list[Any]) -> None:
            first, now = len(self._ids), time.perf_counter()
            self._ids += [one.id for one in samples]
            issue(list(range(first, len(self._ids))), now)

        sut = loadgen.ConstructSUT(ask, lambda: None)
        qsl = loadgen.ConstructQSL(_SAMPLES, _SAMPLES, lambda _: None, lambda _: None)
        log = loadgen.LogSettings()
        log.enable_trace = self._load.kind == "server"  # or it would keep every latency for itself
        log.log_output.outdir = str(self._folder)
        try:
            loadgen.StartTestWithLogSettings(sut, qsl, self._settings(), log)
        finally:
            loadgen.DestroyQSL(qsl)
            loadgen.DestroySUT(sut)

    def answered(self, place: int) -> None:
        """Tell it that a request is done."""
        loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(self._ids[place], 0, 0)])

    def summary(self) -> str:
        """What it says of the run itself, its early stopping included."""
        return (self._folder / "mlperf_log_summary.txt").read_text(encoding="utf-8")

    def due(self, called: NDArray[np.float64]) -> NDArray[np.float64]:
        """When each request was due, on the clock of `called`: when it was handed over here.

        Between LoadGen's decision and Python's lock lies a wait that is the client's. LoadGen's
        clock is ours but for an offset, which the request that waited least tells.
        """
        if self._load.kind != "server":
            return called
        text = (self._folder / "mlperf_log_trace.json").read_text(encoding="utf-8")
        rows = np.array([[*map(float, found)] for found in _SAMPLE.findall(text)])
        microseconds, _, late_ns = rows[rows[:, 1].argsort()].T
        moments, late = microseconds / 1e6, late_ns / 1e9
        found: NDArray[np.float64] = moments + (called - late - moments).min()
        return found

    def _settings(self) -> Any:
        load, found = self._load, loadgen.TestSettings()
        found.mode = loadgen.TestMode.PerformanceOnly
        found.min_duration_ms = max(_LEAST_MS, round(1e3 * load.seconds))
        found.min_query_count = 1
        for name in ("schedule_rng_seed", "sample_index_rng_seed", "qsl_rng_seed"):
            setattr(found, name, load.seed)
        match load.kind:
            case "server":
                found.scenario = loadgen.TestScenario.Server
                found.server_target_qps = load.rate
                found.server_target_latency_ns = _NO_LIMIT_NS
            case "single":
                found.scenario = loadgen.TestScenario.SingleStream
                found.single_stream_expected_latency_ns = round(1e9 / load.rate)
            case "multi":
                found.scenario = loadgen.TestScenario.MultiStream
                found.multi_stream_samples_per_query = load.at_once
                found.multi_stream_expected_latency_ns = round(1e9 * load.at_once / load.rate)
            case _:
                found.scenario = loadgen.TestScenario.Offline
                found.offline_expected_qps = load.rate
        return found


class Scheduled:
    """Requests at given moments, whatever becomes of earlier ones."""

    def __init__(self, load: Load) -> None:
        self._due = load.schedule()

    def run(self, issue: Issue) -> None:
        """Have each request issued when it is due."""
        began = time.perf_counter()
        for place, moment in enumerate(self._due):
            while (left := began + moment - time.perf_counter()) > 0:
                time.sleep(left)
            issue([place], began + moment)
