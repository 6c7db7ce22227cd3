"""What an experiment found is drawn for the figure that was asked for."""

from types import SimpleNamespace

import numpy as np
import pytest
from support import trials as made_up

from optim.findings import Interval
from optim.learning.drawing import Box, graph, outcome_chart
from optim.learning.experiments.recipes import slowest
from optim.learning.outcome import Bar, Bars, Figure, Outcome
from optim.learning.pictures.roofline import _peak
from optim.learning.pictures.soft_targets import beside


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


def test_an_estimates_band_is_shown_however_wide_it_is() -> None:
    wide = Interval(value=6.19, low=2.31, high=17.4)
    measured, estimated = (
        Figure(title="s", value=wide, unit="×", estimated=e) for e in (False, True)
    )
    assert measured.shown == "6.19× (not settled)"
    assert estimated.shown == "6.19× (2.31 to 17.40), by an estimate"


SEEN = ((0.5, 105.0), (0.4, 90.0), (0.001, 900.0))
"""Shares of the time, and GFLOP/s; of the last the clock cannot tell."""


def test_no_operator_that_is_timed_well_lies_above_the_roof() -> None:
    ran = [SimpleNamespace(share=share, gflops_per_second=rate) for share, rate in SEEN]
    assert _peak(52.0, ran) == 105.0  # type: ignore[arg-type]
    assert _peak(200.0, ran) == 200.0  # type: ignore[arg-type]


def test_the_bars_of_the_tail_are_the_usual_run_and_the_slow_one() -> None:
    drawn = slowest(made_up.summary(2.0, 1.0))["tail"].bars
    assert [bar.label for bar in drawn] == ["usual (median)", "slow (p99)"]
    assert slowest(made_up.summary(2.0, 1.0, percentiles={"p50": made_up.around(2.0)})) == {}


def test_a_sample_that_is_a_picture_is_shown_beside_what_its_teacher_says() -> None:
    grey = np.arange(12.0).reshape(1, 1, 3, 4)
    assert beside({"x": grey}) == grey[0, 0].tolist()
    assert beside({"x": grey[0]}) == [] and beside({"x": grey, "y": grey}) == []


def test_a_line_to_a_later_row_crosses_no_name() -> None:
    """Names stand below their boxes: lines pass between columns, and below names."""
    names = [str(at) for at in range(12)]
    reads = {"4": ["3"], "9": ["2"], "8": ["0"]}
    boxes = [Box(name, "Conv", reads.get(name, []), [name]) for name in names]
    lines = [one for one in graph(boxes, {}, per_row=4).data if one.mode == "lines"]
    assert len(lines) == 3
    for line in lines:
        inner = list(zip(line.x, line.y, strict=True))[1:-1]
        assert all(x % 1 == 0.5 or y % 1 == pytest.approx(0.34) for x, y in inner)
        steps = zip(inner, inner[1:], strict=False)
        assert all(a[0] == b[0] or a[1] == b[1] for a, b in steps), "nothing slanted"


def test_names_are_narrow_enough_for_a_phone() -> None:
    ops = ["Relu", "BatchNormalization", "GlobalAveragePool", "LRN", "QLinearConv"]
    boxes = [Box(op, op, [], [op]) for op in ops]
    (names,) = [one.text for one in graph(boxes, {}).data if one.mode == "markers+text"]
    assert names[:4] == ("Relu", "Batch<br>Norm", "Global<br>Average…", "LRN")
    assert all(len(line) <= 8 for name in names for line in name.split("<br>"))
