"""Charts from values: what is drawn hollow, what is on the line, what the axes show."""

import plotly.graph_objects as go
import pytest

from optim.findings import Interval
from optim.showing.chart import ACCENT, Axis, Mark, MarkKind, trade_off

X, Y = Axis("latency", False), Axis("accuracy", True)


def _mark(
    number: int, x: float, y: float, kind: MarkKind = "measured", group: str = "A",
    on_front: bool = False, high: float | None = None,
) -> Mark:  # fmt: skip
    across = Interval(value=x, low=0.9 * x, high=high or 1.1 * x)
    up = Interval(value=y, low=y - 1, high=y + 1)
    return Mark(number, f"#{number} <b>", group, kind, across, up, on_front)


def _trace(figure: go.Figure, name: str) -> go.Scatter:
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


def test_each_engine_has_its_shape_and_estimates_are_hollow_and_named() -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 90), _mark(2, 3, 91, group="B"),
             _mark(3, 1, 90, "estimate", "T4")]  # fmt: skip
    figure = trade_off(marks, X, Y)
    assert _trace(figure, "baseline").marker.symbol == "square"
    assert _trace(figure, "A").marker.symbol != _trace(figure, "B").marker.symbol
    assert _trace(figure, "T4, estimate").marker.symbol.endswith("-open")
    assert not _trace(figure, "A").marker.symbol.endswith("-open")


def test_a_point_carries_its_trial_and_its_bars() -> None:
    point = _trace(trade_off([_mark(7, 2, 90)], X, Y), "A")
    assert point.customdata[0][0] == 7
    assert point.error_x.array == pytest.approx([0.2])
    assert point.error_y.arrayminus == pytest.approx([1])
    assert "&lt;b&gt;" in point.hovertext[0]


def test_what_is_still_measured_is_pale() -> None:
    figure = trade_off([_mark(0, 2, 90, "live")], X, Y)
    assert _trace(figure, "A, tightening").marker.opacity < 1


def test_the_line_joins_the_front_but_not_its_ties() -> None:
    marks = [_mark(0, 1, 90, on_front=True), _mark(1, 2, 92, on_front=True),
             _mark(2, 2.1, 91.5, on_front=True), _mark(3, 5, 80)]  # fmt: skip
    figure = trade_off(marks, X, Y)
    assert list(_trace(figure, "front").x) == [1, 2]
    assert list(_trace(figure, "A").marker.color)[:3] == [ACCENT] * 3
    assert _trace(figure, "A").marker.color[3] != ACCENT


def test_the_line_follows_the_better_direction_of_both_axes() -> None:
    marks = [_mark(0, 1, 3, on_front=True), _mark(1, 2, 2, on_front=True)]
    up_right = trade_off(marks, Axis("speed-up", True), Axis("error", False))
    assert list(_trace(up_right, "front").x) == [2]  # the second beats the first: no line


def test_measured_and_estimated_fronts_are_two_lines() -> None:
    marks = [_mark(i, 1 + i, 90 + i, "measured", on_front=True) for i in range(2)]
    marks += [_mark(2 + i, 0.1 + i, 90 + i, "estimate", on_front=True) for i in range(2)]
    figure = trade_off(marks, X, Y)
    assert _trace(figure, "front").line.dash == "solid"
    assert _trace(figure, "front, estimated").line.dash == "dot"


def test_the_chosen_point_is_ringed() -> None:
    marks = [_mark(0, 1, 90), _mark(1, 2, 91)]
    assert len(trade_off(marks, X, Y, chosen=1).data) == len(trade_off(marks, X, Y).data) + 1


@pytest.mark.parametrize("log", [False, True])
def test_one_wide_interval_does_not_squeeze_the_others(log: bool) -> None:
    marks = [_mark(0, 1, 90), _mark(1, 2, 91, high=9000)]
    low, high = trade_off(marks, Axis("latency", False, log), Y).layout.xaxis.range
    ends = (10**low, 10**high) if log else (low, high)
    assert ends[0] < 1 and 2 < ends[1] < 50


def test_bars_as_long_as_the_points_lie_apart_are_shown_whole() -> None:
    marks = [_mark(0, 1, 90), _mark(1, 2, 91)]
    low, high = trade_off(marks, X, Y).layout.yaxis.range
    assert low < 89 and high > 92


def test_a_front_of_one_point_is_explained_in_the_legend() -> None:
    figure = trade_off([_mark(0, 1, 90, on_front=True), _mark(1, 2, 89)], X, Y)
    assert _trace(figure, "front").line.color == ACCENT


def test_ticks_of_a_logarithmic_axis_are_whole_numbers_not_their_last_digit() -> None:
    assert trade_off([_mark(0, 1, 90)], Axis("latency", False, True), Y).layout.xaxis.tickformat


def test_no_points_make_an_empty_chart() -> None:
    assert not trade_off([], X, Y).data
