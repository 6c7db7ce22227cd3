"""Intervals of percentiles cover what they say, and are withheld where the sample is too small."""

import numpy as np
import pytest

from optim.load.percentiles import enough, percentile


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_intervals_hold_the_true_quantile(share: float) -> None:
    rng, held, truth = np.random.default_rng(5), 0, -np.log(1 - share)
    for _ in range(300):
        found = percentile(rng.exponential(size=800), share)
        assert found
        held += found.low <= truth <= found.high
    assert held / 300 > 0.93


def test_alike_latencies_count_as_fewer() -> None:
    rng = np.random.default_rng(5)
    apart = percentile(rng.exponential(size=4000), 0.9)
    alike = percentile(np.repeat(rng.exponential(size=400), 10), 0.9)
    assert apart and alike and alike.half_width > 1.5 * apart.half_width


def test_too_few_samples_have_no_tail() -> None:
    rng = np.random.default_rng(5)
    assert enough(0.99) == 368
    assert percentile(rng.exponential(size=300), 0.99) is None
    assert percentile(rng.exponential(size=300), 0.5)
    assert percentile(np.array([]), 0.5) is None


def test_requests_that_were_never_answered_are_endless() -> None:
    values = np.random.default_rng(5).exponential(size=2000)
    values[::50] = np.inf
    found = percentile(values, 0.99)
    assert found and np.isinf(found.value)
