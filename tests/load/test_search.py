"""The walk through settings comes near what trying all of them finds, with few tries."""

import numpy as np
import pytest

from optim.load.search import cheapest, largest, settings_of, space
from optim.serving.settings import Rest, Serving


def model_of(seed: int) -> dict[Serving, float]:
    """Capacities such as servers have: gains of sessions and batches that multiply, and jitter."""
    rng = np.random.default_rng(seed)
    protocol, parallel, batched, waits = rng.uniform([0.7, 0.3, 0.9, 0.6], [1.4, 1, 3, 1.2])
    threaded, pinned = rng.uniform([-0.2, 0.95], [0.8, 1.1])

    def peak(one: Serving) -> float:
        found = 300 * (1 if isinstance(one, Rest) else protocol) * one.sessions**parallel
        found *= one.threads**threaded * (pinned if one.pinned else 1)
        found *= batched ** np.log2(one.most) ** 0.5 * (waits if one.wait_ms else 1)
        return float(found * rng.uniform(0.99, 1.01))

    return {one: peak(one) for one in settings_of(space(10, cores=4))}


@pytest.mark.parametrize("seed", range(12))
def test_it_finds_nearly_the_best_of_all(seed: int) -> None:
    peaks = model_of(seed)
    rng, tried = np.random.default_rng(seed), list[Serving]()

    def peak(one: Serving) -> float:
        tried.append(one)
        return peaks[one]

    found = largest(space(10, cores=4), lambda one: peaks[one] * rng.uniform(0.95, 1.05), peak)
    assert found.serving and found.rate >= 0.95 * max(peaks.values())
    assert len(tried) <= 6 and len(found.ranked) <= len(peaks) / 3


def test_the_best_of_each_number_of_sessions_is_loaded_and_the_best_two_again() -> None:
    tried = list[Serving]()

    def peak(one: Serving) -> float:
        tried.append(one)
        return one.sessions + 0.1 * one.most

    found = largest(space(10, cores=4), lambda one: 100 * one.most / one.sessions, peak)
    assert {one.sessions for one in tried} == {1, 2, 4}
    assert found.serving and found.serving.sessions == 4
    twice = [one for one in tried if tried.count(one) == 2]
    assert len(set(twice)) == 2 and found.serving in twice


def test_the_cheapest_has_as_few_cores_as_do() -> None:
    peaks = model_of(3)
    rate = 1.05 * max(value for one, value in peaks.items() if one.sessions * one.threads == 1)
    found = cheapest(space(10, cores=4), rate, peaks.__getitem__, lambda one: peaks[one] > rate)
    assert found.serving and found.serving.sessions * found.serving.threads == 2
    none = cheapest(space(10, cores=4), 1e9, peaks.__getitem__, lambda _: False)
    assert none.serving is None and none.rate == 0


def test_no_batch_waits_longer_than_half_the_limit() -> None:
    assert max(one.wait_ms for one in settings_of(space(2, cores=2))) <= 1
    assert len(set(settings_of(space(100, cores=2)))) == len(settings_of(space(100, cores=2)))
