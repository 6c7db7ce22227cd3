"""How requests are issued: one frozen value for each scenario."""

from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from optim.errors import InputError, first_line

Kind = Literal["server", "single", "multi", "offline", "burst", "trace"]
TITLES: dict[Kind, str] = {
    "server": "at random moments (Poisson, MLPerf's Server)",
    "single": "one after the other (MLPerf's SingleStream)",
    "multi": "some at once, then the next (MLPerf's MultiStream)",
    "offline": "all there is, as fast as it goes (MLPerf's Offline)",
    "burst": "in bursts",
    "trace": "as recorded",
}
Positive = Annotated[float, Field(gt=0, le=1e6)]


class Load(BaseModel):
    """Requests that are to be issued.

    Args:
        rate: requests a second, on average; of closed loops (`single`, `multi`) and of `offline`
            a guess of what the server can do, which sizes the run.
        seconds: how long requests are issued.
        at_once: requests of a `multi` query or of a burst; of `offline`, how many are under way.
        times: of a `trace`: when each request arrives, in s from its beginning, upwards.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "server"
    rate: Positive = 100.0
    seconds: float = Field(default=3.0, gt=0, le=600)
    at_once: int = Field(default=8, ge=1, le=1024)
    seed: int = Field(default=1, ge=0)
    times: tuple[Annotated[float, Field(ge=0, le=3600)], ...] = Field(default=(), max_length=10**6)

    @property
    def open_loop(self) -> bool:
        """Whether arrivals do not wait for answers."""
        return self.kind in ("server", "burst", "trace")

    def schedule(self) -> list[float]:
        """When each request of a burst or a trace is due, in s."""
        if self.kind == "trace":
            return sorted(self.times)
        rng = np.random.default_rng(self.seed)
        bursts = max(1, round(self.rate * self.seconds / self.at_once))
        gaps = rng.exponential(self.at_once / self.rate, bursts)
        return [moment for moment in accumulate(gaps) for _ in range(self.at_once)]

    @classmethod
    def recorded(cls, path: Path) -> Self:
        """Arrivals from a text file, one a line, in s from any beginning. Raises InputError."""
        try:
            times = sorted(map(float, path.read_text(encoding="utf-8").split()))
            return cls(kind="trace", times=tuple(one - times[0] for one in times))
        except (OSError, ValueError, IndexError) as error:
            raise InputError(
                f"{path} is no list of arrivals: {first_line(error)}.",
                "Write one arrival a line, in seconds, of at most an hour.",
                "load",
            ) from None
