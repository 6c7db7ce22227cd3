"""Statistics: coverage on simulated latencies, and rules that hold for all samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.coverage import LARGE, LARGE_SPREAD, TRUTH, simulated, simulated_slice
from optim.errors import InputError, StepError
from optim.findings import Interval
from optim.timing.measurement import Measurement, Slice
from optim.timing.stats import ENOUGH_PROCESSES, summarize
from optim.timing.stopping import StoppingRule

RULE = StoppingRule()


def slice_of(candidate, baseline, **values):
    arms = {"candidate": candidate, "baseline": baseline, **values.pop("more", {})}
    return Slice(arms=arms, started_at="2026-11-23T12:00:00+00:00", load_average=0.1, **values)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spread", "size"), [(0.0, 0), (0.01, 0), (0.02, 0), (0.03, 0), (LARGE_SPREAD, LARGE)]
)
def test_interval_covers_the_truth_when_slices_are_taken_until_it_is_narrow(spread, size):
    rng = np.random.default_rng(int(1000 * spread))
    found = [simulated(rng, spread, size).speedup for _ in range(100)]
    # `make bench` tries more often; of 100 tries at a true 95 %, 0.4 % give fewer than 89.
    assert sum(one.low <= TRUTH <= one.high for one in found) >= 89


def test_first_slice_gives_an_interval_that_is_provisional_and_wide():
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(100):
        one = summarize(Measurement(slices=(simulated_slice(rng, 2.0, 0.015),)))
        assert one.provisional and not RULE.precise(one.processes, one.speedup)
        assert one.speedup.half_width > 0.05
        covered.append(one.speedup.low <= 2.0 <= one.speedup.high)
    assert sum(covered) >= 89


def test_interval_narrows_with_processes_and_stops_at_good_enough():
    rng = np.random.default_rng(2)
    measurement = Measurement()
    widths = []
    for _ in range(RULE.most_slices):
        measurement = measurement.plus(simulated_slice(rng, 1.0, 0.005))
        widths.append(summarize(measurement).speedup.half_width)
    assert widths[-1] < widths[2] < widths[0]
    found = summarize(measurement)
    assert RULE.precise(found.processes, found.speedup)


def test_rounds_that_disagree_widen_the_interval_even_where_processes_agree():
    steady = slice_of([[100] * 5] * 12, [[200] * 5] * 12)
    wild_rounds = [[200 + 90 * (-1) ** i] * 5 for i in range(12)]
    wild = slice_of([[100] * 5] * 12, wild_rounds)
    calm = summarize(Measurement(slices=(steady,) * 3)).speedup
    rough = summarize(Measurement(slices=(wild,) * 3)).speedup
    assert rough.half_width > 3 * calm.half_width


@pytest.mark.slow
@given(
    st.lists(
        st.lists(
            st.lists(st.integers(1_000, 10**9), min_size=1, max_size=9), min_size=1, max_size=7
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([2, 4, 10]),
)
def test_summary_is_consistent_for_all_samples(slices, factor):
    parts = [
        slice_of(rounds, [[factor * run for run in block] for block in rounds]) for rounds in slices
    ]
    summary = summarize(Measurement(slices=tuple(parts)))
    assert summary.speedup.value == pytest.approx(factor)
    for interval in (summary.speedup, *summary.percentiles.values()):
        assert 0 < interval.low <= interval.value <= interval.high
    values = [interval.value for interval in list(summary.percentiles.values())[1:]]
    assert values == sorted(values)
    assert summary.runs == sum(len(block) for rounds in slices for block in rounds)
    assert summary.provisional == (len(slices) < ENOUGH_PROCESSES)
    assert Measurement.from_bytes(Measurement(slices=tuple(parts)).to_bytes()).slices == tuple(
        parts
    )


@pytest.mark.parametrize(
    ("runs", "supported"),
    [
        (35, {"p50"}),
        (36, {"p50", "p90"}),
        (71, {"p50", "p90"}),
        (72, {"p50", "p90", "p95"}),
        (367, {"p50", "p90", "p95"}),
        (368, {"p50", "p90", "p95", "p99"}),
    ],
)
def test_only_percentiles_that_the_sample_supports(runs, supported):
    block = list(range(1_000_000, 1_000_000 + runs))
    summary = summarize(Measurement(slices=(slice_of([block], [block]),)))
    assert set(summary.percentiles) == supported
    codes = {warning.code for warning in summary.warnings}
    assert ("too few samples" in codes) == (len(supported) < 4)


def test_percentile_intervals_cover_the_truth():
    rng = np.random.default_rng(3)
    truth = float(np.quantile(rng.lognormal(0, 0.3, 10**6), 0.9))
    hits = 0
    for _ in range(200):
        block = (rng.lognormal(0, 0.3, 200) * 1e6).astype(int).tolist()
        found = summarize(Measurement(slices=(slice_of([block], [block]),))).percentiles["p90"]
        hits += found.low <= truth <= found.high
    assert hits >= 186  # 95 % are expected; fewer than 93 % are not acceptable


def test_gain_of_threads_is_told_apart_from_the_speedup():
    arms = {"single_thread": [[400] * 5] * 6}
    part = slice_of([[100] * 5] * 6, [[200] * 5] * 6, more=arms)
    summary = summarize(Measurement(slices=(part,) * 3))
    assert summary.speedup.value == pytest.approx(2)
    assert summary.thread_gain.value == pytest.approx(2)


def codes_of(*slices):
    return {warning.code for warning in summarize(Measurement(slices=slices)).warnings}


STEADY = [[10_000_000] * 10] * 40


def test_a_clean_measurement_has_no_warnings():
    assert codes_of(*[slice_of(STEADY, [[20_000_000] * 10] * 40)] * 3) == set()


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("noisy machine", {"contention": 0.2}),
        ("precision not available", {"facts": {"precision_asked": "bf16", "precision": "f32"}}),
        (
            "more threads than cores",
            {"facts": {"threads": "4"}, "environment": {"pinned_to": "0 1"}},
        ),
    ],
)
def test_warnings_on_what_was_recorded(code, values):
    assert code in codes_of(*[slice_of(STEADY, STEADY, **values)] * 3)


def test_warnings_on_the_samples():
    rising = [[10_000_000 + 100_000 * i] * 10 for i in range(40)]
    assert "drifting" in codes_of(*[slice_of(rising, rising)] * 3)
    short = [[50_000] * 10] * 40
    assert "sample shorter than 100 us" in codes_of(*[slice_of(short, short)] * 3)
    slower = [[12_000_000] * 10] * 40
    assert "machine speed changed" in codes_of(slice_of(STEADY, STEADY), slice_of(slower, slower))
    assert "no difference shown" in codes_of(*[slice_of(STEADY, STEADY)] * 3)
    assert "provisional" in codes_of(slice_of(STEADY, STEADY))


def test_no_samples_is_an_error_and_so_are_two_machines():
    with pytest.raises(StepError, match="no timings"):
        summarize(Measurement())
    here = slice_of(STEADY, STEADY, environment={"machine_id": "a"})
    there = slice_of(STEADY, STEADY, environment={"machine_id": "b"})
    with pytest.raises(InputError, match="2 different machines"):
        Measurement(slices=(here,)).plus(there)


def test_unreadable_timings_are_an_error():
    data = Measurement(slices=(slice_of(STEADY, STEADY),)).to_bytes()
    for broken in (b"", b"nonsense", data[:-9]):
        with pytest.raises(InputError, match="cannot be read"):
            Measurement.from_bytes(broken)


def test_intervals_that_share_a_point_overlap():
    assert Interval(value=1, low=0.9, high=1.1).overlaps(Interval(value=1.2, low=1.1, high=1.3))
    assert not Interval(value=1, low=0.9, high=1.1).overlaps(Interval(value=2, low=1.5, high=2.5))


def test_the_originals_time_is_the_trials_times_its_speedup_however_noisy_the_rounds_are():
    chance = np.random.default_rng(5)
    drawn = (chance.exponential(1e6, (2, 9, 5)) + 1e6 for _ in range(3))
    noisy = [slice_of(*arms.astype(int).tolist()) for arms in drawn]
    found = summarize(Measurement(slices=tuple(noisy)))
    assert found.baseline_p50_ms == pytest.approx(found.p50_ms.value * found.speedup.value)
