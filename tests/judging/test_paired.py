import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from optim.judging.paired import difference, mcnemar, proportion_interval
from optim.metrics.base import find_metric

counts = st.integers(0, 300)


@given(counts, counts, st.integers(1, 500))
def test_mcnemar_and_its_interval_are_symmetric(won, lost, same):
    assert mcnemar(won, lost) == pytest.approx(mcnemar(lost, won))
    assert 0 < mcnemar(won, lost) <= 1
    low, high = proportion_interval(won, lost, won + lost + same)
    assert (-high, -low) == pytest.approx(proportion_interval(lost, won, won + lost + same))
    assert low <= (won - lost) / (won + lost + same) <= high


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(1, 4) == pytest.approx(2 * 6 / 32)


def test_intervals_cover_the_truth():
    """Of 400 experiments with a known paired difference, about 95 % cover it."""
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        drawn = random.multinomial(200, [0.03, 0.06, 0.91])
        low, high = proportion_interval(int(drawn[0]), int(drawn[1]), 200)
        covered += low <= -0.03 <= high
    assert 0.92 <= covered / 400 <= 0.99


def test_bootstrap_interval_of_a_mean_covers_the_truth():
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(120):
        baseline = np.abs(random.standard_normal((150, 1)))
        rows = baseline + 0.1 + 0.3 * random.standard_normal((150, 1))
        found = difference(find_metric("mae"), baseline, rows)
        covered += found.low <= 0.1 <= found.high
    assert covered / 120 >= 0.88


@hypothesis_settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["auc", "f1", "mae", "rmse", "cosine"]))
def test_swapping_the_models_turns_the_difference_around(seed, name):
    random = np.random.default_rng(seed)
    metric = find_metric(name)
    labels = np.r_[0, 1, random.integers(0, 2, 40)]
    a, b = ([metric.row(o, v) for o, v in zip(s, labels, strict=True)]
            for s in random.random((2, 42, 1)))  # fmt: skip
    there, back = (difference(metric, np.array(x), np.array(y)) for x, y in ((a, b), (b, a)))
    assert there.size == pytest.approx(-back.size)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.p_value == pytest.approx(back.p_value)


@pytest.mark.parametrize("name", ["auc", "f1", "mae", "rmse", "cosine"])
def test_equal_rows_differ_by_nothing(name):
    random = np.random.default_rng(0)
    pairs = zip(random.random((30, 1)), np.arange(30) % 2, strict=True)
    rows = np.array([find_metric(name).row(o, v) for o, v in pairs])
    found = difference(find_metric(name), rows, rows.copy())
    assert (found.size, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_equally_right_answers_still_leave_doubt():
    rows = np.ones((50, 1))
    found = difference(find_metric("top1"), rows, rows)
    assert found.size == 0 and found.p_value == 1
    assert -0.06 < found.low < -0.03 and 0.03 < found.high < 0.06
