"""Times are told where paired ratios have them: their order is that of the ratios."""

from hypothesis import given
from hypothesis import strategies as some
from pytest import approx
from support.trials import summary

from optim.findings import Interval
from optim.timing.beside import beside

TIMES = some.floats(1e-3, 1e4)
RATIOS = some.floats(0.02, 50)


@given(TIMES, TIMES, RATIOS)
def test_the_gain_is_between_the_originals_time_and_its_own(
    original: float, timed: float, ratio: float
) -> None:
    found = beside(summary(timed, ratio, thread_gain=None), original)
    assert found.p50_ms.value * found.gain.value == approx(original)
    assert found.p50_ms.low * found.gain.high == approx(original)
    assert found.baseline_p50_ms == approx(original)
    assert found.percentiles["p99"].value == approx(found.p50_ms.value)  # as it was timed
    assert found.throughput_per_s == approx(1e3 / found.p50_ms.value)
    assert found.slowed * original == approx(timed * ratio)


@given(TIMES, TIMES, RATIOS, RATIOS)
def test_of_two_moments_the_order_is_that_of_the_ratios(
    one: float, other: float, ratio: float, larger: float
) -> None:
    ratio, larger = sorted((ratio, larger))
    slow, fast = (beside(summary(t, r), 2.0) for t, r in ((one, ratio), (other, larger)))
    assert fast.p50_ms.value <= slow.p50_ms.value


def test_another_moment_is_told() -> None:
    (told,) = beside(summary(3.0, 2.0, thread_gain=None), 4.0).warnings
    assert told.code == "other_moment" and "1.50 times as long beside this" in told.text
    (told,) = beside(summary(1.0, 2.0, thread_gain=None), 4.0).warnings
    assert "2.00 times as fast beside this" in told.text
    assert not beside(summary(2.0, 2.0, thread_gain=None), 4.1).warnings


def test_nothing_follows_from_a_vague_ratio() -> None:
    timed = summary(3.0, 2.0, gain=Interval(value=2.0, low=0.1, high=9.0))
    assert beside(timed, 4.0) is timed
