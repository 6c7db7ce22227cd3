"""What one load came to: every request, and what follows from them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optim.findings import Caution, Interval, percent
from optim.load.percentiles import enough, percentile
from optim.load.requests import Requests
from optim.load.scenario import Load

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
PARTS = {
    "late": "sent late by the client",
    "network": "on the way, and until the server read it",
    "decode": "decoded",
    "queue": "waiting for a session",
    "batch": "waiting for the batch",
    "run": "the model's run",
    "encode": "encoded, and other work of the server",
}
"""Where the milliseconds of a request can go, in their order."""
_LATE_MS = 1.0
_LATE_SHARE = 0.01
BUSY = 0.9
"""Cores that a generator keeps busy where it is itself the bottleneck."""


@dataclass(frozen=True)
class Loaded:
    """One load on one server.

    Args:
        generator_cpu: cores that the generator kept busy. `server_cpu`: those of the server.
        apart: whether the generator had CPUs that the server did not have.
        summary: LoadGen's own of the run.
    """

    load: Load
    requests: Requests
    generator_cpu: float
    server_cpu: float
    memory_mb: float
    apart: bool
    summary: str = ""

    @property
    def rate(self) -> float:
        """Requests that were due in a second."""
        if self.load.kind == "server":
            return self.load.rate
        span = float(self.requests.due_s.max()) if self.requests.count > 1 else 0.0
        return (self.requests.count - 1) / span if span and self.load.open_loop else self.achieved

    @property
    def achieved(self) -> float:
        """Requests that were answered in a second."""
        seconds = self.requests.seconds
        return float(self.requests.answered.sum()) / seconds if seconds else 0.0

    @property
    def refused(self) -> float:
        """The share of requests that were not answered, or with an error."""
        return 1 - float(self.requests.answered.mean())

    def latency(self, name: str) -> Interval | None:
        """One of PERCENTILES, in ms from when a request was due; None: not enough samples."""
        return self._latencies[name]

    @cached_property
    def _latencies(self) -> dict[str, Interval | None]:
        waited = self.requests.waited_ms
        return {name: percentile(waited, share) for name, share in PERCENTILES.items()}

    @property
    def where(self) -> dict[str, float]:
        """Mean ms of each of PARTS over what was answered; they add up to the mean latency."""
        done = self.requests.only_answered()
        if not done.count:
            return dict.fromkeys(PARTS, 0.0)
        told = {name: getattr(done, f"{name}_ms") for name in ("decode", "queue", "batch", "run")}
        encode = done.server_ms - sum(told.values())
        network = done.latency_ms - done.late_ms - done.server_ms
        all_of_it = {"late": done.late_ms, "network": network, **told, "encode": encode}
        return {name: float(all_of_it[name].mean()) for name in PARTS}

    @property
    def batches(self) -> dict[int, int]:
        """Rows that ran together -> in how many runs (requests divided by rows)."""
        rows = self.requests.only_answered().rows
        sizes, counts = np.unique(rows[rows > 0], return_counts=True)
        return {int(s): round(c / s) for s, c in zip(sizes, counts, strict=True)}

    @property
    def cautions(self) -> list[Caution]:
        """What limits the worth of these figures."""
        return [*self._of_generator(), *self._of_sample()]

    def _of_generator(self) -> list[Caution]:
        late = float((self.requests.late_ms > _LATE_MS).mean()) if self.load.open_loop else 0.0
        if late > _LATE_SHARE or self.generator_cpu > BUSY:
            text = (
                f"The load generator was itself a bottleneck: {percent(late)} of the requests were "
                f"sent more than {_LATE_MS:g} ms late, and it kept {self.generator_cpu:.1f} cores "
                "busy. Latencies count from when requests were due, so they hold its delay."
            )
            return [Caution(code="generator_late", text=text)]
        return []

    def _of_sample(self) -> list[Caution]:
        found = []
        if self.refused:
            text = (
                f"{percent(self.refused, 1)} of the requests were refused; they count as endless."
            )
            found.append(Caution(code="refused", text=text))
        if self.load.open_loop and self.latency("p99") is None:
            text = (
                f"Not enough samples for a p99: {self.requests.count} requests, and those behind "
                f"each other are alike; it takes {enough(0.99)} independent ones. Load for longer."
            )
            found.append(Caution(code="few", text=text, severity="info"))
        if not self.apart:
            text = "The load generator and the server share the few CPU cores of this machine."
            found.append(Caution(code="shared", text=text, severity="info"))
        return found

    def record(self, raw: bool = True) -> dict[str, Any]:
        """All of it as JSON values; `raw`: with the latency of every request."""
        latencies = {name: _plain(self.latency(name)) for name in PERCENTILES}
        found: dict[str, Any] = {
            "load": self.load.model_dump(exclude={"times"}),
            "rate": self.rate,
            "achieved": self.achieved,
            "requests": self.requests.count,
            "refused": self.refused,
            "latency_ms": latencies,
            "where_ms": self.where,
            "batches": self.batches,
            "server_cpu": self.server_cpu,
            "server_memory_mb": self.memory_mb,
            "generator_cpu": self.generator_cpu,
            "cautions": [one.model_dump() for one in self.cautions],
        }
        if raw:
            waited = np.round(self.requests.waited_ms, 4)
            found["raw_ms"] = [None if np.isinf(one) else float(one) for one in waited]
        return found


def _plain(interval: Interval | None) -> dict[str, float | None] | None:
    """JSON has no infinity: null is never."""
    if interval is None:
        return None
    return {k: None if np.isinf(v) else v for k, v in interval.model_dump().items()}
