"""Batching: how requests that wait together run together, and where the time of each then went."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from optim.arrays import Feeds

Outputs = dict[str, np.ndarray]
Run = Callable[[Feeds], Outputs]
_QUICK_S = 0.1e-3
"""A run that takes less is over before its thread would have begun and told of its end."""
_SHORT_S = 10e-3
"""So long an event loop may stand still: a look at a server's health waits for it."""


class Inline(Enum):
    """When a run is done on the event loop instead of its session's thread."""

    NEVER = auto()
    IDLE = auto()
    """Where nothing else runs, waits, or was read with it: the way to a thread and back is spared,
    and the queue still sees who comes meanwhile."""
    ALWAYS = auto()


class Batching(BaseModel):
    """How many sessions run side by side, how requests are put together, how many may wait."""

    model_config = ConfigDict(frozen=True)

    sessions: int = Field(
        default=1, ge=1, le=64, description="How many copies of the model run side by side."
    )
    threads: int = Field(
        default=0, ge=0, le=64, description="Threads of each session; 0: as many as the recipe has."
    )
    pinned: bool = Field(
        default=False, description="Each session keeps to CPU cores of its own (pinning)."
    )
    most: int = Field(
        default=1, ge=1, le=1024, description="Most rows that run together; 1: no batches."
    )
    wait_ms: float = Field(
        default=0.0, ge=0, le=10_000, description="How long a batch waits to fill, in ms."
    )
    preferred: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(), description="Sizes of batches; without any: 1, 2, 4, and so on to the most."
    )
    padding: bool = Field(
        default=True,
        description="A batch between two sizes is filled up to the next; else it waits in part.",
    )
    queue: int = Field(
        default=256, ge=1, le=100_000, description="Rows that may wait; more are refused at once."
    )
    timeout_ms: float = Field(
        default=10_000.0, gt=0, le=600_000, description="Longest wait of a request, in ms."
    )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of batches that sessions are bound to, upwards; 1 and the most among them."""
        wanted = self.preferred or [2**k for k in range(self.most.bit_length())]
        return tuple(sorted({1, self.most, *(size for size in wanted if size <= self.most)}))

    def runs_inline(self, run_s: float) -> bool:
        """Whether a run of so many seconds is done on the event loop: nothing could run beside it,
        and no request could join it."""
        return self.inline(run_s) is Inline.ALWAYS

    def inline(self, run_s: float) -> Inline:
        """When runs of so many seconds are done on the event loop."""
        if self.pinned or not self.sessions == self.most == 1 or run_s > _SHORT_S:
            return Inline.NEVER
        return Inline.ALWAYS if run_s < _QUICK_S else Inline.IDLE


@dataclass
class Timing:
    """Where the milliseconds of one request went, and how many rows ran with it.

    `queued_ms` passed until a session took its batch up, `batched_ms` until the batch was full or
    had waited long enough, `run_ms` until the outputs were there.
    """

    queued_ms: float = 0.0
    batched_ms: float = 0.0
    run_ms: float = 0.0
    rows: int = 1
