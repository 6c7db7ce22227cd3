"""Where a measurement contradicts the estimates, they are widened and it is said."""

import pytest

from optim.findings import Interval
from optim.showing.doubts import contradiction, doubted
from optim.showing.hardware import Bar, hardware_chart


def bar(target: str, of: str, ms: float) -> Bar:
    return Bar(target, target, of, Interval(value=ms, low=ms / 2, high=ms * 2), "compute")


BARS = [
    *(bar(name, "original", 2.0) for name in ("genoa", "raspberry_pi_5", "nvidia_t4")),
    *(bar(name, "#1", 1.0) for name in ("genoa", "raspberry_pi_5", "nvidia_t4")),
]


def test_slower_here_and_faster_by_the_estimates_is_said_and_widens_those_of_cpus() -> None:
    here = Interval(value=0.25, low=0.24, high=0.26)
    said = contradiction(BARS, "#1", "original", here)
    assert "0.25× (0.24 to 0.26) the speed of the original; estimated for 2 CPUs" in said
    found = {(b.target, b.of): b for b in doubted(BARS, "#1", "original", here)}
    for name in ("genoa", "raspberry_pi_5"):
        one = found[name, "#1"]
        assert one.doubted and one.time is not None
        assert (one.time.low, one.time.value, one.time.high) == pytest.approx((0.5, 1.0, 8.0))
    assert not found["nvidia_t4", "#1"].doubted and not found["genoa", "original"].doubted
    labels = next(t for t in hardware_chart([*found.values()]).data if t.type == "scatter")
    assert sum("(doubtful)" in text for text in labels.text) == 2


@pytest.mark.parametrize(
    "here",
    [
        Interval(value=1.8, low=1.7, high=1.9),
        Interval(value=0.98, low=0.94, high=1.02),
    ],
)
def test_where_they_agree_or_nothing_is_shown_nothing_is_doubted(here: Interval) -> None:
    assert contradiction(BARS, "#1", "original", here) == ""
    assert doubted(BARS, "#1", "original", here) == BARS


def test_faster_here_and_slower_by_the_estimates_reaches_down() -> None:
    slower = [bar("genoa", "original", 1.0), bar("genoa", "#1", 2.0)]
    found = doubted(slower, "#1", "original", Interval(value=2.0, low=1.9, high=2.1))
    assert found[1].time is not None and found[1].time.low == pytest.approx(0.5)
