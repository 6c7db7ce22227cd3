"""Intervals of percentiles cover what they say, and are withheld where the sample is too small."""

import numpy as np
import pytest

from optim.load.percentiles import enough, percentile, within


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


def test_a_limit_is_kept_broken_or_left_open() -> None:
    values = np.random.default_rng(5).exponential(size=4000)
    assert within(values, 6.0, 0.99) and within(values, 3.5, 0.99) is False
    assert within(values, 4.6, 0.99) is None, "that is its p99"
    assert within(values[:200], 9.0, 0.99) is None, "none is over it, and these are too few to tell"
    assert within(values[:1], 9.0, 0.99) is None


def test_a_machine_that_stood_still_once_leaves_it_open() -> None:
    """Sixty answers in a row that came late are one event, however many they are."""
    values = np.random.default_rng(5).exponential(size=4000)
    values[1000:1060] += np.linspace(30, 0, 60)
    assert percentile(values, 0.99) is None and within(values, 25.0, 0.99) is None
    assert within(
        np.concatenate([values, np.random.default_rng(6).exponential(size=8000)]), 25.0, 0.99
    )


def test_what_is_said_of_a_limit_is_seldom_wrong() -> None:
    rng, truth, said = np.random.default_rng(5), -np.log(0.01), list[bool | None]()
    for _ in range(400):
        said.append(within(rng.exponential(size=1500), truth, 0.99))
    assert sum(one is not None for one in said) / len(said) < 0.08, (
        "at the p99 itself, either is wrong"
    )
