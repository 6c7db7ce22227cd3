"""What a run takes longer than the original's, by the interval of their ratio."""

import pytest
from support.trials import summary

from bench.bars import difference


def test_the_difference_is_that_of_the_ratio():
    found = difference(summary(p50=2.0, speedup=1.5))
    assert found.value == pytest.approx(2.0 - 3.0)
    assert found.low < found.value < found.high
