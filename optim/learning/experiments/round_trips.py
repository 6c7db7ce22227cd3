"""What a request costs beside the run: round trips over this machine's loopback.

The server and the client are one small program of the standard library (`optim.learning.trips`) in
a process of its own. It answers with a payload of the right size and holds no model: the run is
timed apart, in a sandboxed child, so that what is compared is carrying against computing.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from optim.errors import StepError
from optim.learning.experiment import Experiment
from optim.learning.outcome import Bar, Figure, Outcome, Tell, here, never, scaled, silent
from optim.learning.sample import opened
from optim.learning.together import Runner, batched, together
from optim.machine.lock import machine_to_itself
from optim.recipe import Recipe
from optim.sandbox.walls import told_environment
from optim.timing.stats import ratio_interval

_PATIENCE_SECONDS = 60


class RoundTrips(Experiment):
    """JSON over a new connection each time (as REST often is called), against raw bytes over one

    that stays open (what gRPC does, without its own framing).
    """

    title: ClassVar[str] = "Round trips over loopback"
    figures: ClassVar[tuple[str, ...]] = ("json_over_binary", "json_over_run")

    sample: str

    @property
    def does(self) -> str:
        return (
            f"Sends one sample of {self.sample} to a server on this machine and back, as JSON and "
            "as raw bytes in turns, and times the model's own run."
        )

    def run(self, tell: Tell = silent, cancelled: Callable[[], bool] = never) -> Outcome:
        of = opened(self.sample)
        numbers = [value.size for value in batched(of.evalset.digest, 1, 1)[0].values()]
        count = sum(numbers)
        found = []
        for number in range(self.processes):
            tell(
                f"sending, process {number + 1} of {self.processes}", 0.7 * number / self.processes
            )
            with machine_to_itself(cancelled):
                found.append(_trips(count, self.seconds))
        (run,) = together(
            [Runner("run", of.model, Recipe.baseline())],
            of.evalset,
            processes=self.processes,
            seconds=self.seconds,
            tell=lambda doing, share: tell(doing, 0.7 + 0.3 * share),
            cancelled=cancelled,
        )
        logs = {name: [np.log(one[name]) for one in found] for name in ("json", "binary")}
        json_ms, binary_ms = (ratio_interval(logs[name]) for name in ("json", "binary"))
        pairs = zip(logs["json"], logs["binary"], strict=True)
        return here(
            figures={
                "json_over_binary": Figure(
                    title="JSON takes longer than raw bytes by",
                    value=ratio_interval([a - b for a, b in pairs]),
                    unit="×",
                ),
                "json_over_run": Figure(
                    title="A round trip as JSON takes, of one run",
                    value=scaled(json_ms, 1 / run.p50_ms.value),
                    unit="×",
                ),
            },
            bars=[
                Bar(label="the run alone", value=run.p50_ms),
                Bar(label="raw bytes, kept open", value=binary_ms),
                Bar(label="JSON, new connection", value=json_ms),
            ],
            axis="ms",
            rests_on=f"{sum(len(one['json']) for one in found)} rounds in {self.processes} "
            f"processes; {count:,} numbers there, 10 back",
        )


def _trips(count: int, seconds: float) -> dict[str, Any]:
    """Milliseconds of each round's median trip, by kind: one process's."""
    command = [sys.executable, "-P", "-m", "optim.learning.trips", str(count), str(seconds)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=True,
            timeout=seconds + _PATIENCE_SECONDS,
            env=told_environment(),
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise StepError(
            f"The round trips failed ({type(error).__name__}).",
            "See whether this machine lets programs talk over 127.0.0.1.",
            "experiment",
        ) from None
    return found
