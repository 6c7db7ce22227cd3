"""How many replicas it takes: the smallest number whose slowest requests keep the limit.

A balancer that knows nothing gives each request to a replica at random, so each of n replicas sees
an n-th of the requests, and one stands for all. A percentile's interval is that of several
simulations with other requests (Student's t). What is not sure of the service times, an estimate's
interval or the spread of the front's measurements, is played as well: all at its low ends, all at
its high ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from scipy import special  # scipy.stats takes a second or two to import

from optim.errors import InputError
from optim.findings import Interval
from optim.serving.batching import Batching
from optim.twin import arrivals
from optim.twin.arrivals import Times
from optim.twin.service import ServiceTimes
from optim.twin.simulation import simulate

Pattern = Literal["poisson", "bursty"]
PATTERNS = get_args(Pattern)
_REQUESTS = 20_000
_TIMES = 4
_WARM = 0.05
_FEWEST, _MOST_BURSTY = 300, 400_000
_MOST = 100_000
PERCENTILE = 0.99
_TYPICAL, _BUSY, _ROOM, _FRONT_MS = 10, 0.7, 5, 0.2


@dataclass(frozen=True)
class Demand:
    """What is asked: requests a second, the limit of the 99th percentile, how requests come."""

    rate: float
    limit_ms: float
    pattern: Pattern = "poisson"
    trace: Times | None = None

    def for_one_of(self, replicas: int, rng: np.random.Generator, count: int) -> Times:
        """Arrivals at one replica: each request goes to one at random."""
        if self.trace is not None:
            times = arrivals.at_rate(self.trace, self.rate)
        elif self.pattern == "poisson":
            return arrivals.poisson(self.rate / replicas, count, rng)
        else:
            most = max(_FEWEST * replicas, min(count * replicas, _MOST_BURSTY))
            times = arrivals.bursty(self.rate, most, rng)
        kept = times[rng.integers(0, replicas, len(times)) == 0]
        return kept if len(kept) > 1 else times[:2]


def typical(run_ms: float) -> Demand:
    """A question to begin with: what about ten servers carry, with room for some waiting.

    Args:
        run_ms: of one run; the front's time is not known before it is measured, and taken for 0.2.
    """
    answer_ms = run_ms + _FRONT_MS
    rate = _rounded(_TYPICAL * _BUSY * 1e3 / answer_ms)
    return Demand(rate, max(10.0, _rounded(_ROOM * answer_ms)))


def _rounded(value: float) -> float:
    """To one digit."""
    return float(f"{value:.0e}")


@dataclass(frozen=True)
class Predicted:
    """What one replica answers: the percentile in ms, the share refused, how busy it is."""

    p99_ms: Interval
    p50_ms: float
    refused: float
    busy: float
    rows: float
    """Mean of a batch."""

    def keeps(self, limit_ms: float) -> bool:
        """Whether the percentile is within the limit, and nobody is refused."""
        return self.p99_ms.value <= limit_ms and self.refused == 0


def curve(
    service: ServiceTimes, batching: Batching, demand: Demand, points: int = 8
) -> list[tuple[float, Predicted]]:
    """What one replica answers at rates up to 95 % of what it can carry at most."""
    most = 0.95 / _least_s(service, batching)
    rates = most * np.linspace(1 / points, 1, points)
    asked = (replace(demand, rate=float(rate)) for rate in rates)
    return [(one.rate, predicted(service, batching, one, count=_REQUESTS // 4)) for one in asked]


@dataclass(frozen=True)
class Sized:
    """An answer. `replicas` with its interval; None where no number keeps the limit.

    The percentile of what is `predicted` for them holds the ends of the service times, too: those
    replicas, were all times at their low and at their high ends; no end where some are refused.
    """

    replicas: Interval | None
    predicted: Predicted


def predicted(
    service: ServiceTimes,
    batching: Batching,
    demand: Demand,
    replicas: int = 1,
    count: int = _REQUESTS,
) -> Predicted:
    """What one of so many replicas answers, its times as they were measured or estimated."""
    found, inline = [], service.runs_inline(batching)
    for seed in range(_TIMES):
        rng = np.random.default_rng(seed)  # the same requests for every number of replicas
        times = demand.for_one_of(replicas, rng, count)
        found.append(simulate(times, service.draw(rng), batching, service.front_s, inline))
    kept = [one.seconds[int(_WARM * len(one.seconds)) :] for one in found]
    tails = np.array([1e3 * np.nanquantile(seconds, PERCENTILE) for seconds in kept])
    half = special.stdtrit(_TIMES - 1, 0.975) * tails.std(ddof=1) / np.sqrt(_TIMES)
    middle = float(tails.mean())
    median = float(np.mean([1e3 * np.nanmedian(seconds) for seconds in kept]))
    low = min(middle, max(median, middle - half))
    return Predicted(
        p99_ms=Interval(value=middle, low=low, high=middle + half),
        p50_ms=median,
        refused=float(np.mean([np.isnan(seconds).mean() for seconds in kept])),
        busy=float(np.mean([max(one.busy, one.front_busy) for one in found])),
        rows=float(np.mean([one.rows.mean() for one in found])),
    )


def replicas_for(service: ServiceTimes, batching: Batching, demand: Demand) -> Sized:
    """The smallest number of replicas; its interval from those of the runs and the front.

    Raises: InputError where rate or limit are no numbers above 0.
    """
    if not (0 < demand.rate < float("inf") and 0 < demand.limit_ms < float("inf")):
        raise InputError("Rate and limit are numbers above 0.", "Give others.", "twin")
    places = {
        end: (getattr(service.factors, end), getattr(service.front_factors, end))
        for end in ("value", "low", "high")
    }
    found = {
        place: _smallest(service.at(*place), batching, demand)
        for place in dict.fromkeys(places.values())
    }
    middle, low, high = (found[place] for place in places.values())
    shown = predicted(service, batching, demand, middle or _most(demand))
    if middle is None:
        return Sized(None, shown)
    least, most = min(low or middle, middle), max(high or float("inf"), middle)
    ends = [service.at(*places[end]) for end in ("low", "high") if places[end] != places["value"]]
    return Sized(
        Interval(value=middle, low=least, high=most),
        _widened(shown, ends, batching, demand, middle),
    )


def _widened(
    shown: Predicted, ends: list[ServiceTimes], batching: Batching, demand: Demand, replicas: int
) -> Predicted:
    """With an interval of p99 that holds what these other service times would give."""
    low, high = shown.p99_ms.low, shown.p99_ms.high
    for service in ends:
        found = predicted(service, batching, demand, replicas, _REQUESTS // 4)
        low = min(low, found.p99_ms.low)
        high = max(high, float("inf") if found.refused else found.p99_ms.high)
    interval = Interval(value=shown.p99_ms.value, low=low, high=high)
    return replace(shown, p99_ms=interval)


def _smallest(service: ServiceTimes, batching: Batching, demand: Demand) -> int | None:
    def keeps(replicas: int, count: int = _REQUESTS // 4) -> bool:
        return predicted(service, batching, demand, replicas, count=count).keeps(demand.limit_ms)

    most = _most(demand)
    if not keeps(most):
        return None
    fewest = max(1, int(demand.rate * _least_s(service, batching)))  # could just carry the rate
    number = _first(keeps, fewest, most)
    while number < most and not keeps(number, _REQUESTS):  # found with fewer requests than is shown
        number += max(1, number // 200)
    return number


def _most(demand: Demand) -> int:
    """So many that each is nearly idle."""
    return int(min(_MOST, max(64, np.ceil(demand.rate))))


def _least_s(service: ServiceTimes, batching: Batching) -> float:
    """Seconds of a request in the fullest batches: the front's, the sessions', or both's."""
    by_size = [float(np.mean(times)) / rows for rows, times in service.runs.items()]
    run_s = min(by_size) / batching.sessions
    if service.runs_inline(batching):
        return run_s + service.front_s
    return max(run_s, service.front_s)


def _first(keeps: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest from `low` on that keeps; `high` does. Steps double, then halve."""
    step, bad = max(1, low // 8), low - 1
    good = low
    while good < high and not keeps(good):
        bad, good, step = good, min(high, good + step), 2 * step
    while good - bad > max(1, good // 200):
        middle = (good + bad) // 2
        if keeps(middle):
            good = middle
        else:
            bad = middle
    return good
