"""What an experiment found is drawn for the figure that was asked for."""

import pytest

from optim.findings import Interval
from optim.learning.drawing import outcome_chart
from optim.learning.outcome import Bar, Bars, Outcome


def _bars(*values: float) -> tuple[Bar, ...]:
    spans = (Interval(value=value, low=value - 0.1, high=value + 0.1) for value in values)
    return tuple(Bar(label=f"recipe {i}", value=span) for i, span in enumerate(spans))


OUTCOME = Outcome(
    figures={}, bars=_bars(3.0, 2.0), of_figures={"loss": Bars(bars=_bars(-0.2, 0.5), axis="lost")}
)


@pytest.mark.parametrize(
    ("figure", "axis", "values"),
    [("speedup", "ms a run", (3.0, 2.0)), ("loss", "lost", (-0.2, 0.5))],
)
def test_the_bars_are_those_of_the_figure(
    figure: str, axis: str, values: tuple[float, ...]
) -> None:
    drawn = outcome_chart(OUTCOME, figure)
    assert drawn.layout.xaxis.title.text == axis and tuple(drawn.data[0].x) == values
    low, high = drawn.layout.xaxis.range
    assert low <= min(0.0, min(values) - 0.1) and high >= max(values) + 0.1


def test_bars_that_are_all_zero_have_an_axis() -> None:
    none = (Bar(label="a", value=Interval(value=0, low=0, high=0)),)
    low, high = outcome_chart(Outcome(figures={}, bars=none)).layout.xaxis.range
    assert low < high
