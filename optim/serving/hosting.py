"""What both protocols share: the models by name, their metadata, their metrics."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
from optim.serving.batcher import Answered
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

    def infer(self, served: Served, feeds: Feeds, protocol: str) -> Answered:
        """The outputs of one request and where its time went; counted. Raises Refused."""
        started = time.perf_counter()
        count = self._metrics.of(served.name, protocol)
        try:
            answer = served.infer(feeds)
        except Refused as refused:
            count.ended(refused.code)
            raise
        # Called by the loop, so once the answer is on its way.
        answer.add_done_callback(partial(count.answered, started))
        return answer

    def metrics(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self._metrics.registry)

    async def start(self) -> None:
        """Open all models. Raises OptimError."""
        for one in self.models.values():
            await one.start(alone=len(self.models) == 1)

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
        self._requests = Counter(
            "optim_requests", "Requests by how they ended.", [*both, "code"], registry=self.registry
        )
        self._seconds = self._histogram("request_seconds", "From decoded to answered.", both)
        self._queued = self._histogram("queued_seconds", "Waiting for a session.", model)
        self._batched = self._histogram("batched_seconds", "Waiting for its batch to fill.", model)
        self._run = self._histogram("run_seconds", "Running, with the batch it was in.", model)
        self._rows = self._histogram("batch_rows", "Rows of the batch it was in.", model, _ROWS)
        waiting = Gauge("optim_waiting_rows", "Rows that wait.", model, registry=self.registry)
        for one in models:
            waiting.labels(one.name).set_function(partial(_waiting, one))
        self._known: dict[tuple[str, str], _Count] = {}

    def of(self, model: str, protocol: str) -> "_Count":
        """The counters of a model by one protocol."""
        if (model, protocol) not in self._known:
            self._known[model, protocol] = _Count(
                partial(self._requests.labels, model, protocol),
                self._seconds.labels(model, protocol),
                *(h.labels(model) for h in (self._queued, self._batched, self._run, self._rows)),
            )
        return self._known[model, protocol]

    def _histogram(
        self, name: str, about: str, labels: list[str], buckets: list[float] = _BUCKETS
    ) -> Histogram:
        return Histogram(f"optim_{name}", about, labels, buckets=buckets, registry=self.registry)


@dataclass(frozen=True)
class _Count:
    """Counters, looked up once: their names are not for every request."""

    requests: Callable[[str], Counter]
    seconds: Histogram
    queued: Histogram
    batched: Histogram
    run: Histogram
    rows: Histogram

    def ended(self, code: str) -> None:
        """A request with this code."""
        self.requests(code).inc()

    def answered(self, started: float, answer: Answered) -> None:
        """A request that began then; one whose sender is gone counts for nothing."""
        spent = time.perf_counter() - started
        if answer.cancelled():
            return
        if error := answer.exception():
            self.ended(error.code if isinstance(error, Refused) else Refused.code)
            return
        _, timing = answer.result()
        self.ended("OK")
        self.seconds.observe(spent)
        self.queued.observe(timing.queued_ms / 1e3)
        self.batched.observe(timing.batched_ms / 1e3)
        self.run.observe(timing.run_ms / 1e3)
        self.rows.observe(timing.rows)


def _waiting(served: Served) -> float:
    return served.waiting


def _described(spec: TensorSpec, batched: bool) -> dict[str, Any]:
    shape = [-1, *spec.shape[1:]] if batched and spec.shape else list(spec.shape)
    return {"name": spec.name, "datatype": datatype(spec.dtype), "shape": shape}
