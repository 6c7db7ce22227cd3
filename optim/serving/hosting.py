"""What both protocols share: the models by name, their metadata, their metrics."""

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from optim import __version__
from optim.arrays import Feeds, TensorSpec
from optim.serving.batching import Outputs, Timing
from optim.serving.errors import NotThere, Refused
from optim.serving.served import Served, named
from optim.serving.tensors import datatype

_BUCKETS = [1e-4 * 10 ** (k / 4) for k in range(21)]  # seconds, from 0.1 ms to 10 s
_ROWS = [2**k for k in range(11)]


class Hosting:
    """The models of one server."""

    def __init__(self, models: Iterable[Served], most_bytes: int = 64 << 20) -> None:
        self.models, self.most_bytes = named(models), most_bytes
        self._metrics = _Metrics(self.models.values())

    @property
    def ready(self) -> bool:
        """Whether all models answer."""
        return all(one.ready for one in self.models.values())

    def find(self, name: str) -> Served:
        """Raises NotThere."""
        if name not in self.models:
            known = ", ".join(sorted(self.models))[:200]
            raise NotThere(f"There is no model {name[:60]!r}; there are: {known}.")
        return self.models[name]

    def about(self) -> dict[str, Any]:
        """The protocol's metadata of the server."""
        extensions = ["binary_tensor_data"]
        return {"name": "optim", "version": __version__, "extensions": extensions}

    def metadata(self, served: Served) -> dict[str, Any]:
        """The protocol's metadata of a model."""
        opened, batched = served.opened, served.batching.most > 1
        return {
            "name": served.name,
            "versions": ["1"],
            "platform": f"onnx_{opened.engine}",
            "inputs": [_described(spec, batched) for spec in opened.inputs],
            "outputs": [_described(spec, batched) for spec in opened.outputs],
        }

    async def infer(self, served: Served, feeds: Feeds, protocol: str) -> tuple[Outputs, Timing]:
        """The outputs of one request and where its time went; counted. Raises Refused."""
        started = time.perf_counter()
        try:
            outputs, timing = await served.infer(feeds)
        except Refused as refused:
            self._metrics.requests.labels(served.name, protocol, refused.code).inc()
            raise
        self._metrics.requests.labels(served.name, protocol, "OK").inc()
        self._metrics.seconds.labels(served.name, protocol).observe(time.perf_counter() - started)
        self._metrics.queued.labels(served.name).observe(timing.queued_ms / 1e3)
        self._metrics.batched.labels(served.name).observe(timing.batched_ms / 1e3)
        self._metrics.run.labels(served.name).observe(timing.run_ms / 1e3)
        self._metrics.rows.labels(served.name).observe(timing.rows)
        return outputs, timing

    def metrics(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self._metrics.registry)

    async def start(self) -> None:
        """Open all models. Raises OptimError."""
        for one in self.models.values():
            await one.start()

    async def stop(self) -> None:
        """Answer what waits, and close them."""
        for one in self.models.values():
            await one.stop()


class _Metrics:
    """Counters of one server, in a registry of its own."""

    def __init__(self, models: Iterable[Served]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        model, both = ["model"], ["model", "protocol"]
        self.requests = Counter(
            "optim_requests", "Requests by how they ended.", [*both, "code"], registry=self.registry
        )
        self.seconds = self._histogram("request_seconds", "From decoded to answered.", both)
        self.queued = self._histogram("queued_seconds", "Waiting for a session.", model)
        self.batched = self._histogram("batched_seconds", "Waiting for its batch to fill.", model)
        self.run = self._histogram("run_seconds", "Running, with the batch it was in.", model)
        self.rows = self._histogram("batch_rows", "Rows of the batch it was in.", model, _ROWS)
        waiting = Gauge("optim_waiting_rows", "Rows that wait.", model, registry=self.registry)
        for one in models:
            waiting.labels(one.name).set_function(partial(_waiting, one))

    def _histogram(
        self, name: str, about: str, labels: list[str], buckets: list[float] = _BUCKETS
    ) -> Histogram:
        return Histogram(f"optim_{name}", about, labels, buckets=buckets, registry=self.registry)


def _waiting(served: Served) -> float:
    return served.waiting


def _described(spec: TensorSpec, batched: bool) -> dict[str, Any]:
    shape = [-1, *spec.shape[1:]] if batched and spec.shape else list(spec.shape)
    return {"name": spec.name, "datatype": datatype(spec.dtype), "shape": shape}
