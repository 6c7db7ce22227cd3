"""The twin against the real server, at rates and settings that it was not calibrated on.

`python -m bench twin`: run times and the front are measured as `optim twin` does; then a real
server under each setting gets requests at random at shares of what the twin says it can carry, for
`--seconds` in all, from the load generator of `optim load`, and the 99th percentiles are compared.
Settings may be named: `python -m bench twin rest`. The claim, where at least half of the rates can
be compared: below the knee (80 %) they differ by 15 % at most, from the nearer end of the interval
that so many requests leave of the real one. The sender and the socket are not in the twin, so what
a lone request takes beyond it is added to it. Rates at which the generator was itself the
bottleneck, or that gave too few samples for a p99, say nothing and are left out. To be run on an
idle machine.
"""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass

from bench.serving.hosting import made
from optim.evalset import load_evalset
from optim.findings import Interval
from optim.ingest import ingest
from optim.ingest.samples import find_sample
from optim.load.loaded import Loaded
from optim.load.measuring import bench, seconds_for
from optim.load.scenario import Load
from optim.recipe import Recipe
from optim.serving.settings import Serving, parse_serving
from optim.twin.service import ServiceTimes, measured
from optim.twin.sizing import Demand, curve, predicted

_SAMPLE, _SHARES, _MOST = "fashion", (0.2, 0.4, 0.6, 0.8), 0.15
_SETTINGS = ("rest", "rest:most=4,wait_ms=2.0", "rest:sessions=2,threads=1")
_SAYS_NOTHING = {"generator_late", "few"}
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
        """None where the load says nothing of the server."""
        if any(one.code in _SAYS_NOTHING for one in self.loaded.cautions):
            return None
        return self.loaded.latency("p99")

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
        why = " ".join(one.code for one in found.cautions if one.code in _SAYS_NOTHING)
        cells = [self.serving, f"{self.share:.0%}", f"{found.rate:,.0f}", f"{self.twin:.2f}"]
        if real:
            cells += [f"{real.value:.2f} ({real.low:.2f} to {real.high:.2f})", f"{self.off:+.0%}"]
            cells += [f"{self.surely_off:+.0%}"]
        else:
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
        lone = on.load(Load(kind="single", rate=100, seconds=2.0)).latency("p50")
        alone = predicted(service, serving, Demand(0.01 * most, 1.0)).p50_ms
        beyond = (lone.value if lone else alone) - alone
        for share in _SHARES:
            demand = Demand(share * most, 1.0)
            ours = predicted(service, serving, demand).p99_ms.value
            load = Load(rate=demand.rate, seconds=seconds_for(demand.rate, seconds))
            yield Compared(str(serving), share, ours + beyond, on.load(load))
