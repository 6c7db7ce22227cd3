"""Whether isolation changes times is said only where the interval tells."""

import pytest

from bench.isolation import judged


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.01, 0.02, "yes"),
        (0.014, 0.539, "cannot be told"),
        (-0.2, 0.2, "cannot be told"),
        (0.04, 0.05, "no"),
        (-0.09, -0.04, "no"),
    ],
)
def test_a_wide_interval_shows_nothing(low: float, high: float, verdict: str) -> None:
    assert judged(low, high) == verdict
