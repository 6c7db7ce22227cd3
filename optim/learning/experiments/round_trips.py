"""What a request costs beside the run: REST and gRPC over this machine's loopback.

The server is the one that `optim host` runs, with the sample's original, in a process of its own;
the client is another (`optim.learning.trips`). The run alone is timed apart, in a sandboxed child.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from optim.bundles.derived import packed
from optim.errors import StepError
from optim.home.scratch import scratch
from optim.learning.experiment import Experiment
from optim.learning.outcome import Bar, Figure, Outcome, Tell, here, never, scaled, silent
from optim.learning.sample import Opened, opened
from optim.learning.together import Runner, batched, together
from optim.learning.trips import GRPC, NEW_JSON
from optim.machine.lock import machine_to_itself
from optim.recipe import Recipe
from optim.sandbox.walls import told_environment
from optim.timing.stats import ratio_interval

_PATIENCE_SECONDS = 60
_SHARE = 0.7  # of the progress, for the requests


class RoundTrips(Experiment):
    """The same sample asked for over REST and over gRPC, in turns, and the run without a server."""

    title: ClassVar[str] = "Requests over loopback"
    figures: ClassVar[tuple[str, ...]] = ("json_over_grpc", "grpc_over_run")

    sample: str

    @property
    def does(self) -> str:
        return (
            f"Serves {self.sample} on this machine as `optim host` does, asks it for one sample "
            "over REST and gRPC in turns, and times the model's own run."
        )

    def run(self, tell: Tell = silent, cancelled: Callable[[], bool] = never) -> Outcome:
        of = opened(self.sample)
        found = self._asked(of, tell, cancelled)
        (run,) = together(
            [Runner("run", of.model, Recipe.baseline())],
            of.evalset,
            processes=self.processes,
            seconds=self.seconds,
            tell=lambda doing, share: tell(doing, _SHARE + (1 - _SHARE) * share),
            cancelled=cancelled,
        )
        logs = {way: [np.log(one[way]) for one in found] for way in found[0]}
        times = {way: ratio_interval(values) for way, values in logs.items()}
        pairs = zip(logs[NEW_JSON], logs[GRPC], strict=True)
        rounds = sum(len(one[GRPC]) for one in found)
        return here(
            figures={
                "json_over_grpc": Figure(
                    title="JSON over a new connection, against gRPC",
                    value=ratio_interval([a - b for a, b in pairs]),
                    unit="×",
                ),
                "grpc_over_run": Figure(
                    title="A request over gRPC, against the run alone",
                    value=scaled(times[GRPC], 1 / run.p50_ms.value),
                    unit="×",
                ),
            },
            bars=[
                Bar(label="the run alone", value=run.p50_ms),
                *(Bar(label=way, value=value) for way, value in reversed(times.items())),
            ],
            axis="ms",
            rests_on=f"{rounds} rounds in {self.processes} processes",
        )

    def _asked(
        self, of: Opened, tell: Tell, cancelled: Callable[[], bool]
    ) -> list[dict[str, list[float]]]:
        """Milliseconds of each round by way of asking, for each process."""
        found = []
        with scratch("trips") as folder:
            (folder / "example.npz").write_bytes(packed(batched(of.evalset.digest, 1, 1)[0]))
            (folder / "model.json").write_text(of.model.model_dump_json(), encoding="utf-8")
            for number in range(self.processes):
                doing = f"asking, process {number + 1} of {self.processes}"
                tell(doing, _SHARE * number / self.processes)
                with machine_to_itself(cancelled):
                    found.append(_trips(folder, self.seconds))
        return found


def _trips(folder: Path, seconds: float) -> dict[str, Any]:
    """Milliseconds of each round's median request, by way of asking: one process's."""
    files = [str(folder / name) for name in ("model.json", "example.npz")]
    command = [sys.executable, "-P", "-m", "optim.learning.trips", *files, str(seconds)]
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
            f"The requests failed ({type(error).__name__}).",
            "See whether this machine lets programs talk over 127.0.0.1.",
            "experiment",
        ) from None
    return found
