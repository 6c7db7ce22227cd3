"""The same demand on every hardware: replicas, price and power, with the estimates' intervals."""

from collections.abc import Callable
from dataclasses import dataclass

from optim.findings import Interval
from optim.graph import analysis_of
from optim.model import Model
from optim.recipe import Recipe
from optim.serving.batching import Batching
from optim.targets import LOCAL, Target, all_targets
from optim.targets.estimate import estimate
from optim.twin.prices import Prices
from optim.twin.service import ServiceTimes
from optim.twin.sizing import Demand, Sized, replicas_for

FRONT_CORES = 1
"""Of a replica on a CPU, for the event loop beside the sessions."""
NOTE = (
    "The twin is a simulation: run times are measured here or estimated, the front (HTTP, "
    "decoding, encoding) is this machine's everywhere, the network and the balancer take no "
    "time, and each request goes to a replica at random. Power is the hardware's limit, so "
    "energy is at most this."
)


@dataclass(frozen=True)
class Row:
    """One hardware: what the demand takes there. `why` says what is missing, if anything."""

    target: str
    title: str
    measured: bool
    run_ms: Interval | None = None
    sized: Sized | None = None
    usd_hour: Interval | None = None
    watts: Interval | None = None
    joules: Interval | None = None
    """Of one request."""
    machine: str = ""
    why: str = ""


def fleet(
    service: ServiceTimes,
    model: Model,
    recipe: Recipe,
    batching: Batching,
    demand: Demand,
    prices: Prices,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """This machine, then every modelled target; the cheapest first where prices are known.

    Args:
        model: the optimized one.
    """
    rows = []
    analysis = analysis_of(model)
    for name, target in all_targets().items():
        if name != LOCAL and not target.modelled:
            continue
        tell(target.title)
        if name == LOCAL:
            rows.append(_row(target, service, recipe, batching, demand, prices))
            continue
        found = estimate(analysis, target, recipe)
        if found.interval is None:
            rows.append(Row(name, target.title, measured=False, why=found.refused))
            continue
        there = service.taken_as(found.interval, f"estimated for {target.title}")
        alone = batching.model_copy(update={"most": 1, "wait_ms": 0.0})
        rows.append(_row(target, there, recipe, alone, demand, prices))
    return sorted(rows, key=_cost)


def _row(
    target: Target,
    service: ServiceTimes,
    recipe: Recipe,
    batching: Batching,
    demand: Demand,
    prices: Prices,
) -> Row:
    sized = replicas_for(service, batching, demand)
    price = prices.of(target.name)
    cores = recipe.runtime.threads * batching.sessions + FRONT_CORES
    per_hour, drawn = price.usd(cores), price.drawn(cores)
    watts = _times(sized.replicas, drawn)
    middle, factors = service.median_ms(), service.factors
    return Row(
        target.name,
        target.title,
        measured=target.name == LOCAL,
        run_ms=_times(factors, middle),
        sized=sized,
        usd_hour=_times(sized.replicas, per_hour),
        watts=watts,
        joules=_times(watts, 1 / demand.rate),
        machine=price.machine,
        why="" if sized.replicas else _why(sized, demand),
    )


def _why(sized: Sized, demand: Demand) -> str:
    found = sized.predicted.p99_ms.value
    return f"No number of replicas keeps {demand.limit_ms:g} ms: an idle one takes {found:.3g}."


def _times(interval: Interval | None, factor: float | None) -> Interval | None:
    if interval is None or factor is None:
        return None
    ends = (interval.value, interval.low, interval.high)
    value, low, high = (factor * end for end in ends)
    return Interval(value=value, low=low, high=high)


def _cost(row: Row) -> tuple[bool, float]:
    return (row.usd_hour is None, row.usd_hour.value if row.usd_hour else 0.0)
