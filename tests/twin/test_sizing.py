"""Replicas, prices and energy: what must hold of the answers."""

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from optim.errors import InputError
from optim.findings import Interval
from optim.serving.batching import Batching
from optim.targets import all_targets
from optim.twin.prices import SHIPPED, Price, prices
from optim.twin.service import ServiceTimes
from optim.twin.sizing import Demand, curve, predicted, replicas_for, typical

ONE_MS = ServiceTimes({1: np.array([1e-3])}, 0.0, "made up")
ALONE = Batching()


def test_the_smallest_number_keeps_the_limit_and_one_fewer_does_not():
    demand = Demand(rate=5_000, limit_ms=5.0)
    sized = replicas_for(ONE_MS, ALONE, demand)
    assert sized.replicas and sized.replicas.low == sized.replicas.high == sized.replicas.value
    number = int(sized.replicas.value)
    assert 5 < number < 15, "each carries below 1,000 a second"
    assert predicted(ONE_MS, ALONE, demand, number).keeps(5.0)
    assert sized.predicted.keeps(5.0), "what is shown"
    assert predicted(ONE_MS, ALONE, demand, number - 1).p99_ms.value > 5.0 * 0.9


def test_more_takes_more_and_a_wider_limit_fewer():
    def number(rate, limit):
        return replicas_for(ONE_MS, ALONE, Demand(rate, limit)).replicas.value

    assert number(20_000, 5.0) > number(5_000, 5.0) > number(5_000, 20.0)


def test_bursts_take_more():
    calm, bursts = (Demand(3_000, 8.0, pattern) for pattern in ("poisson", "bursty"))
    counts = [replicas_for(ONE_MS, ALONE, one).replicas.value for one in (calm, bursts)]
    assert counts[1] > counts[0]


def test_an_estimates_ends_become_the_answers():
    wide = ONE_MS.taken_as(Interval(value=1.0, low=0.5, high=2.0), "estimated")
    found = replicas_for(wide, ALONE, Demand(5_000, 8.0)).replicas
    assert found and found.low < 0.7 * found.value and found.high > 1.6 * found.value


def test_what_no_number_keeps_is_said():
    sized = replicas_for(ONE_MS, ALONE, Demand(100, 0.5))
    assert sized.replicas is None and sized.predicted.p99_ms.value >= 1.0
    wide = ONE_MS.taken_as(Interval(value=1.0, low=0.5, high=9.0), "estimated")
    assert replicas_for(wide, ALONE, Demand(100, 5.0)).replicas.high == float("inf")
    with pytest.raises(InputError, match="above 0"):
        replicas_for(ONE_MS, ALONE, Demand(0, 5.0))


def test_the_front_bounds_what_batches_bring():
    """However quick the batches are, each request costs the loop its time."""
    quick = ServiceTimes({1: np.array([1e-4]), 8: np.array([1e-4])}, 1e-3, "made up")
    found = replicas_for(quick, Batching(most=8, wait_ms=1), Demand(5_000, 20.0)).replicas
    assert found and found.value > 5


def test_latency_grows_with_the_rate():
    tails = [found.p99_ms.value for _, found in curve(ONE_MS, ALONE, Demand(1, 1))]
    assert tails[-1] > 3 * tails[0] and (np.diff(tails) > -0.2).all()


def test_a_trace_is_shared_out():
    trace = np.cumsum(np.random.default_rng(0).exponential(1.0, 4000))
    demand = Demand(2_000, 10.0, trace=trace)
    number = replicas_for(ONE_MS, ALONE, demand).replicas.value
    assert 2 < number < 6


def test_shipped_prices_are_of_targets_and_say_their_source():
    found = prices()
    assert found.targets.keys() <= all_targets().keys()
    for price in found.targets.values():
        assert price == Price() or len(price.source) > 40
        assert price.usd_hour is None or bool(price.cores) != bool(price.devices)


def test_a_share_of_a_machine_costs_and_draws_its_share():
    cpu = Price(usd_hour=1.0, cores=4, watts=320, processor_cores=64)
    assert cpu.usd(2) == 0.5 and cpu.drawn(2) == 10
    card = Price(usd_hour=16.0, devices=8, watts=400)
    assert card.usd(2) == 2 and card.drawn(2) == 400
    assert Price().usd(1) is None and Price().drawn(1) is None


def test_prices_of_ones_own_are_read_and_checked(tmp_path):
    own = yaml.safe_load(SHIPPED.read_text())
    own["targets"]["local"] = {"usd_hour": 0.1, "cores": 2}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(own))
    assert prices(tmp_path / "p.yaml").of("local").usd(1) == 0.05
    (tmp_path / "q.yaml").write_text("quoted: '2026-01-01'\ntargets: {local: {usd_hour: -1}}")
    with pytest.raises(InputError, match="holds no prices"):
        prices(tmp_path / "q.yaml")
    with pytest.raises(InputError, match="no file of prices"):
        prices(tmp_path / "none.yaml")


@pytest.mark.deep
@settings(max_examples=15, deadline=None)
@given(
    rate=st.floats(500, 5_000),
    sides=st.tuples(*[st.tuples(st.floats(1, 2), st.floats(1, 2)).map(sorted)] * 2),
)
def test_a_wider_spread_of_the_front_never_narrows_the_replicas(rate, sides):
    (inner_low, outer_low), (inner_high, outer_high) = sides
    asked = Demand(rate, 8.0)

    def sized(low, high):
        spread = Interval(value=1.0, low=1 / low, high=high)
        service = ServiceTimes(ONE_MS.runs, 5e-4, "made up", front_factors=spread)
        return replicas_for(service, ALONE, asked).replicas

    sure, inner, outer = sized(1, 1), sized(inner_low, inner_high), sized(outer_low, outer_high)
    assert sure.low == sure.value == sure.high == inner.value == outer.value
    assert outer.low <= inner.low <= inner.value <= inner.high <= outer.high


def test_where_the_front_is_what_fills_a_server_its_spread_is_the_replicas():
    spread = Interval(value=1.0, low=0.5, high=2.0)
    quick = {1: np.array([1e-5])}
    service = ServiceTimes(quick, 1e-3, "made up", front_factors=spread)
    found = replicas_for(service, ALONE, Demand(5_000, 20.0)).replicas
    assert found.low < 0.7 * found.value and found.high > 1.6 * found.value
    there = service.taken_as(Interval(value=0.01, low=0.01, high=0.01), "estimated")
    assert replicas_for(there, ALONE, Demand(5_000, 20.0)).replicas == found, "the front is ours"


def test_a_percentile_is_not_below_the_median():
    _, found = curve(ONE_MS, ALONE, Demand(1, 1))[-1]
    assert found.p50_ms <= found.p99_ms.low <= found.p99_ms.value


def test_the_percentile_holds_the_ends_of_the_times():
    """An estimate's interval and the front's spread are in p99, not in the replicas alone."""
    exact = replicas_for(ONE_MS, ALONE, Demand(5_000, 8.0)).predicted.p99_ms
    for service in (
        ONE_MS.taken_as(Interval(value=1.0, low=0.5, high=2.0), "estimated"),
        ServiceTimes(ONE_MS.runs, 5e-4, "m", front_factors=Interval(value=1.0, low=0.2, high=3.0)),
    ):
        found = replicas_for(service, ALONE, Demand(5_000, 8.0)).predicted.p99_ms
        assert found.high - found.low > 3 * (exact.high - exact.low)
        assert found.low < found.value < found.high


@pytest.mark.parametrize("run_ms", [0.04, 0.6, 5.0, 300.0])
def test_a_question_to_begin_with_has_an_answer_of_some_servers(run_ms):
    demand = typical(run_ms)
    service = ServiceTimes({1: np.array([run_ms / 1e3])}, 1e-4, "made up")
    replicas = replicas_for(service, ALONE, demand).replicas
    assert replicas and 4 <= replicas.value <= 40


def test_a_run_on_the_event_loop_and_the_front_wait_for_each_other():
    quick = ServiceTimes({1: np.array([5e-5])}, 1e-4, "made up")
    busy = Demand(5_000, 10.0)
    assert quick.runs_inline(ALONE) and not quick.runs_inline(Batching(sessions=2))
    assert predicted(quick, ALONE, busy).busy == pytest.approx(0.75, abs=0.05)
    assert (
        predicted(quick, ALONE, busy).p50_ms > predicted(quick, Batching(sessions=2), busy).p50_ms
    )


def test_slow_runs_that_come_together_are_drawn_together():
    """One run in twenty is slow: a queue suffers more where these follow each other."""
    times = np.full(1000, 1e-3)
    times[100:150] = 10e-3
    apart = times.copy()
    np.random.default_rng(0).shuffle(apart)
    together, spread = (
        predicted(ServiceTimes({1: found}, 1e-4, ""), ALONE, Demand(300, 100)).p99_ms.value
        for found in (times, apart)
    )
    assert together > 2 * spread
