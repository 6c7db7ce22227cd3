"""Where a request's time went in a server, as it tells its clients: `Server-Timing`.

The header of HTTP that browsers show too (https://www.w3.org/TR/server-timing/); over gRPC it is
metadata behind the answer, with the same text: `decode;dur=0.03, queue;dur=0, batch;dur=1.9;desc=8,
run;dur=0.4, total;dur=2.5`. `desc` of `batch` is the number of rows that ran together; what `total`
has beyond the others is encoding the answer and waiting in the event loop.
"""

import re
import time
from dataclasses import dataclass, field

from optim.serving.batching import Timing

HEADER = "server-timing"


@dataclass
class Stopwatch:
    """From when a request has been read to when its answer is ready."""

    began: float = field(default_factory=time.perf_counter)
    decoded: float = 0.0

    def is_decoded(self) -> None:
        """The request's arrays are there."""
        self.decoded = time.perf_counter()

    def told(self, timing: Timing) -> str:
        """All parts so far, in ms."""
        total, decode = 1e3 * (time.perf_counter() - self.began), 1e3 * (self.decoded - self.began)
        return (
            f"decode;dur={decode:.4f}, queue;dur={timing.queued_ms:.4f}, "
            f"batch;dur={timing.batched_ms:.4f};desc={timing.rows}, "
            f"run;dur={timing.run_ms:.4f}, total;dur={total:.4f}"
        )


_DURATION = re.compile(r"(\w{1,20});dur=(\d{1,9}(?:\.\d{1,9})?)(?:;desc=(\d{1,6}))?")
_NAMES = ("decode", "queue", "batch", "run", "total")


def read_parts(told: str) -> tuple[float, ...]:
    """The ms of decode, queue, batch, run and total, then the rows; 0 where nothing was told."""
    found = {name: (float(ms), rows) for name, ms, rows in _DURATION.findall(told)}
    times = tuple(found[name][0] if name in found else 0.0 for name in _NAMES)
    return (*times, float(found["batch"][1] or 1) if "batch" in found else 0.0)
