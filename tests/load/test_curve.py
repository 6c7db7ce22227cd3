"""What a curve says: its knee, its peak within a limit, and what its figures rest on."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from optim.load.curve import Curve
from optim.load.drawing import curve_chart, where_chart
from optim.load.loaded import PARTS, Loaded
from optim.load.measuring import find_peak
from optim.load.requests import Requests
from optim.load.scenario import Load

_SERVICE_MS = 2.0


def loaded(rate: float, count: int = 2000, late_ms: float = 0.0, lost: float = 0.0) -> Loaded:
    """An M/M/1 queue's latencies (independent ones) at a rate, and no other cost."""
    rng = np.random.default_rng(round(rate))
    mean = _SERVICE_MS / (1 - rate * _SERVICE_MS / 1e3)
    waited, zero = rng.exponential(mean, count), np.zeros(count)
    run = np.minimum(_SERVICE_MS, waited)
    requests = Requests(
        due_s=np.sort(rng.uniform(0, count / rate, count)),
        late_ms=zero + late_ms,
        latency_ms=waited + late_ms,
        status=np.where(rng.uniform(size=count) < lost, 503, 200).astype(float),
        decode_ms=zero,
        queue_ms=waited - run,
        batch_ms=zero,
        run_ms=run,
        server_ms=waited,
        rows=zero + 1,
    )
    return Loaded(Load(rate=rate), requests, 0.1, 0.5, 100.0, apart=True)


RATES = (50.0, 150.0, 250.0, 350.0, 450.0, 490.0)
CURVE = Curve("rest", tuple(map(loaded, RATES)))


def test_the_knee_of_a_simple_queue_is_at_half_its_capacity() -> None:
    assert CURVE.knee and CURVE.knee.rate == 250  # Kleinrock: of M/M/1 at utilization 1/2
    assert Curve("rest", CURVE.points[:2]).knee is None


@pytest.mark.parametrize(("limit_ms", "held", "failed"), [(25, 250, 350), (5, 0, 50)])
def test_the_peak_is_the_last_rate_that_surely_holds(
    limit_ms: float, held: float, failed: float
) -> None:
    # p99 is 4.6 times the mean: 10, 13, 18, 31, 92, 460 ms
    peak = CURVE.peak(limit_ms)
    assert (peak.held, peak.failed) == (held, failed)
    assert f"{failed:,.0f}" in peak.sentence


def test_too_few_samples_at_low_rates_say_nothing_against_higher_ones() -> None:
    few = Curve("rest", (loaded(20, 100), *CURVE.points))
    assert few.peak(25).held == 250
    assert "few" in [one.code for one in few.points[0].cautions]
    alone = Curve("rest", (loaded(20, 100),))
    assert alone.peak(25).held == 0
    assert alone.peak(25).sentence.endswith("load for longer.")
    assert curve_chart([alone], 25).layout.showlegend, "which percentile the one line is"


class StoodStill:
    """A server that stands still for a tenth of a second in each first load at a rate."""

    def __init__(self) -> None:
        self.rates = list[float]()

    def most(self) -> float:
        return 495.0

    def load(self, load: Load) -> Loaded:
        found = loaded(load.rate)
        if load.rate not in self.rates:
            found.requests.latency_ms[:40] += np.linspace(100, 0, 40)
        self.rates.append(load.rate)
        return found


def test_a_server_that_stood_still_once_is_loaded_again() -> None:
    bench: Any = StoodStill()
    bench.server = SimpleNamespace(serving="rest")
    peak, curve = find_peak(bench, 25, budget_s=5)
    assert 250 <= peak.likely < 400
    assert bench.rates.count(110) == 3, "that it stood still once might be one time of many"
    assert curve.within(110, 25) is None and curve.likely(110, 25)
    assert peak.held == 0 and "by best estimate it is at" in peak.sentence


def test_what_limits_figures_is_said() -> None:
    assert CURVE.points[0].cautions == []
    assert [one.code for one in loaded(50, late_ms=3).cautions] == ["generator_late"]
    refused = loaded(50, lost=0.05)
    assert "refused" in [one.code for one in refused.cautions]
    assert refused.record(raw=False)["latency_ms"]["p99"]["value"] is None, "it is never"


def test_charts_have_every_point_and_every_part() -> None:
    drawn = curve_chart([CURVE, CURVE], 25)
    assert [len(trace.x) for trace in drawn.data] == [6, 6, 6, 6]
    assert [trace.name for trace in where_chart([CURVE]).data] == list(PARTS)
    where = where_chart([CURVE]).data
    assert sum(trace.x[0] for trace in where) == pytest.approx(100)
    mean = CURVE.points[0].requests.latency_ms.mean()
    assert sum(trace.customdata[0] for trace in where) == pytest.approx(mean)


def test_the_curve_says_each_kind_of_caution_once_with_its_rates() -> None:
    late = Curve("rest", (loaded(50, late_ms=3), loaded(70, late_ms=3), loaded(90)))
    (said,) = late.cautions
    assert said.startswith("At 70 a second, and under 1 other load: The load generator was")
