"""What a configuration is chosen for: the objective, and the limits that it must keep."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Objective = Literal["latency", "throughput", "size", "memory"]


class Goal(BaseModel):
    """An objective within limits; None is no limit.

    `max_loss` is in the unit of `Metric.loss`: points for shares (0.01 = one point), relative to
    the original's value for errors. `min_quality` is a value of the metric. `cores` is how many
    one run may use; by default all that this program may. `throughput` is that of one session for
    each core, from the time of a run and its threads.
    """

    model_config = ConfigDict(frozen=True)

    objective: Objective = "latency"
    max_loss: float = Field(default=0.01, ge=0)
    min_quality: float | None = None
    max_latency_ms: float | None = Field(default=None, gt=0)
    max_memory_mb: float | None = Field(default=None, gt=0)
    max_size_mb: float | None = Field(default=None, gt=0)
    cores: int | None = Field(default=None, ge=1)


DEFAULT = Goal()
"""The fastest that loses one point at most."""
