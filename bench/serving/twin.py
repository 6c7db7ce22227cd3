"""The twin against the real server, at rates and settings that it was not calibrated on.

`python -m bench twin`: run times and the front are measured as `optim twin` does; then a real
server under each setting gets requests at random at shares of what the twin says it can carry, for
`--seconds` in all, from the load generator of `optim load`. The twin gets the same requests at the
moments at which they were really sent, and the 99th percentiles from there are compared. The sender
and the socket are not in the twin: what lone requests take beyond its times is drawn for each.
Settings may be named: `python -m bench twin rest`. The claim, where at least half of the rates can
be compared: below the knee (80 %) they differ by 15 % at most, from the nearer end of the interval
that so many requests leave of the real one. Rates at which the generator was itself the bottleneck,
or that gave too few samples for a p99, say nothing and are left out. To be run on an idle machine.
"""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.serving.hosting import made
from optim.evalset import load_evalset
from optim.findings import Interval
from optim.ingest import ingest
from optim.ingest.samples import find_sample
from optim.load.loaded import BUSY, Loaded
from optim.load.measuring import bench, seconds_for
from optim.load.percentiles import percentile
from optim.load.requests import Numbers, Requests
from optim.load.scenario import Load
from optim.recipe import Recipe
from optim.serving.settings import Serving, parse_serving
from optim.twin.service import ServiceTimes, measured
from optim.twin.simulation import simulate
from optim.twin.sizing import PERCENTILE, Demand, curve

_SAMPLE, _SHARES, _MOST = "fashion", (0.2, 0.4, 0.6, 0.8), 0.15
_SETTINGS = ("rest", "rest:most=4,wait_ms=2.0", "rest:sessions=2,threads=1")
_TIMES = 5  # that the twin plays the same requests
_SHARED = (
    "The generator and the server shared the cores of this machine: what one waited for the other "
    "is in the real figures and not in the twin's."
)


@dataclass(frozen=True)
class Compared:
    """One rate under one setting; ms."""

    serving: str
    share: float
    twin: float
    loaded: Loaded

    @property
    def real(self) -> Interval | None:
        """From when each was sent; None where the load says nothing of the server."""
        if self.loaded.generator_cpu > BUSY:
            return None
        found = self.loaded.requests
        return percentile(found.waited_ms - found.late_ms, PERCENTILE)

    @property
    def off(self) -> float:
        """By how much of the real one the twin's is larger; 0 where nothing is known."""
        return self.twin / self.real.value - 1 if self.real else 0.0

    @property
    def surely_off(self) -> float:
        """As `off`, of the nearer end of the real one's interval; 0 within it."""
        if not self.real:
            return 0.0
        nearest = min(max(self.twin, self.real.low), self.real.high)
        return self.twin / nearest - 1

    @property
    def row(self) -> str:
        """Of the table."""
        found, real = self.loaded, self.real
        cells = [self.serving, f"{self.share:.0%}", f"{found.rate:,.0f}", f"{self.twin:.2f}"]
        if real:
            cells += [f"{real.value:.2f} ({real.low:.2f} to {real.high:.2f})", f"{self.off:+.0%}"]
            cells += [f"{self.surely_off:+.0%}"]
        else:
            why = "generator busy" if self.loaded.generator_cpu > BUSY else "too few requests"
            cells += [f"left out ({why})", "", ""]
        return f"| {' | '.join(cells)} |"


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    sample = find_sample(_SAMPLE)
    settings = [parse_serving(text) for text in options.names or _SETTINGS]
    model = ingest(sample.model_path, evalset=sample.evalset_path)
    most = max(one.most for one in settings)
    evalset = load_evalset(sample.evalset_path, model)
    service = measured(model, Recipe.baseline(), evalset, most)
    seconds = options.seconds / len(_SHARES) / len(settings)
    found = [one for serving in settings for one in _compared(service, serving, seconds)]
    head = "| setting | of what it can carry | requests/s | twin p99, ms | real p99, ms | off "
    head += "| off, beyond its interval |"
    table = "\n".join([head, "|---" * 7 + "|", *(one.row for one in found)])
    told = [one for one in found if one.real]
    notes = [_SHARED] if not all(one.loaded.apart for one in found) else []
    few = ", too few to tell" * (len(told) < len(found) / 2)
    notes += [f"{len(told)} of {len(found)} rates could be compared{few}."]
    report = [f"## The twin's p99 of {_SAMPLE} beside the real server's", table, *notes]
    return "\n\n".join(report), not few and all(abs(one.surely_off) <= _MOST for one in told)


def _compared(service: ServiceTimes, serving: Serving, seconds: float) -> Iterator[Compared]:
    most = curve(service, serving, Demand(1.0, 1.0), points=1)[0][0] / 0.95
    with bench(made(_SAMPLE), serving) as on:
        lone = on.load(Load(kind="single", rate=100, seconds=2.0)).requests.only_answered()
        beyond = np.maximum(0.0, lone.latency_ms - lone.late_ms - lone.run_ms)
        beyond = np.maximum(0.0, beyond - 1e3 * service.front_s)
        for share in _SHARES:
            rate = share * most
            found = on.load(Load(rate=rate, seconds=seconds_for(rate, seconds)))
            ours = _twins(service, serving, found.requests, beyond)
            yield Compared(str(serving), share, ours, found)


def _twins(service: ServiceTimes, serving: Serving, sent: Requests, beyond: Numbers) -> float:
    """The twin's p99 in ms of these requests, the mean of some plays."""
    times, inline = np.sort(sent.due_s + sent.late_ms / 1e3), service.runs_inline(serving)
    found = []
    for seed in range(_TIMES):
        rng = np.random.default_rng(seed)
        played = simulate(times, service.draw(rng), serving, service.front_s, inline)
        waited = 1e3 * played.seconds + rng.choice(beyond, len(times))
        found.append(np.nanquantile(waited, PERCENTILE))
    return float(np.mean(found))
