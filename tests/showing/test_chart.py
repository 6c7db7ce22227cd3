"""Charts from values: what is drawn hollow, what is on the line, what the axes show."""

import math
from typing import Literal

import plotly.graph_objects as go
import pytest

from optim.findings import Interval
from optim.showing.chart import Axis, Canvas, Mark, MarkKind, Zone, trade_off
from optim.showing.chart.boxes import Box, Line
from optim.showing.chart.frame import Frame
from optim.showing.chart.marks import COLOURS
from optim.showing.chart.zones import zone_notes

X, Y = Axis("latency", False), Axis("accuracy", True)


def _mark(
    number: int, x: float, y: float, kind: MarkKind = "measured", group: str = "A",
    on_front: bool = False, high: float | None = None, short: str = "",
) -> Mark:  # fmt: skip
    across = Interval(value=x, low=0.9 * x, high=high or 1.1 * x)
    up = Interval(value=y, low=y - 1, high=y + 1)
    return Mark(number, f"#{number} <b>", group, kind, across, up, on_front, short=short)


def _trace(figure: go.Figure, name: str) -> go.Scatter:
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


def _numbers(trace: go.Scatter) -> list[int]:
    return [number for number, *_ in trace.customdata]


def test_each_engine_has_its_shape_and_estimates_are_hollow_and_named() -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 90), _mark(2, 3, 91, group="B"),
             _mark(3, 1, 90, "estimate", "T4")]  # fmt: skip
    figure = trade_off(marks, X, Y)
    assert set(_trace(figure, "original").marker.symbol) == {"square"}
    a, b, estimate = (_trace(figure, name).marker for name in ("A", "B", "T4, estimate"))
    assert a.symbol[0] != b.symbol[0] and a.color != b.color
    assert estimate.symbol[0].endswith("-open") and not a.symbol[0].endswith("-open")


@pytest.mark.parametrize("held", ["holds", "known"])
def test_an_engine_keeps_its_colour_and_shape_where_the_others_are_not_drawn(held: str) -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 3, 91, group="B")]
    drawn, alone = (
        _trace(trade_off(some, X, Y, canvas=Canvas(**{held: tuple(marks)})), "B").marker
        for some in (marks, marks[1:])
    )
    assert (drawn.color, drawn.symbol) == (alone.color, alone.symbol)
    assert drawn.color != COLOURS[0]


def test_a_point_carries_its_trial_and_its_bars() -> None:
    point = _trace(trade_off([_mark(7, 2, 90)], X, Y), "A")
    assert point.customdata[0][0] == 7
    assert point.error_x.array == pytest.approx([0.2])
    assert point.error_y.arrayminus == pytest.approx([1])
    assert "&lt;b&gt;" in point.hovertext[0]


def test_what_is_still_measured_is_pale() -> None:
    points = _trace(trade_off([_mark(0, 2, 90, "live"), _mark(1, 3, 90)], X, Y), "A")
    assert dict(zip(_numbers(points), points.marker.opacity, strict=True)) == {0: 0.5, 1: 1.0}


def test_the_line_joins_the_front_but_not_its_ties() -> None:
    marks = [_mark(0, 1, 90, on_front=True), _mark(1, 2, 92, on_front=True),
             _mark(2, 2.1, 91.5, on_front=True), _mark(3, 5, 80)]  # fmt: skip
    figure = trade_off(marks, X, Y)
    assert list(_trace(figure, "front").x) == [1, 2]
    sizes, widths = (_trace(figure, "A").marker.size, _trace(figure, "A").marker.line.width)
    assert min(sizes[:3]) > sizes[3] and min(widths[:3]) > widths[3] == 0


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
    (ring,) = [t for t in trade_off(marks, X, Y, chosen=1).data if t.meta == "chosen"]
    assert (ring.x[0], ring.y[0]) == (2, 91)
    assert not [t for t in trade_off(marks, X, Y).data if t.meta == "chosen"]


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
    assert _trace(figure, "front").showlegend


def test_a_logarithmic_axis_of_less_than_a_decade_has_more_numbers_than_1_2_and_5() -> None:
    x = Axis("latency", False, log=True)
    narrow = trade_off([_mark(0, 0.28, 90), _mark(1, 0.6, 90)], x, Y)
    assert narrow.layout.xaxis.dtick is None
    assert trade_off([_mark(0, 0.2, 90), _mark(1, 60, 90)], x, Y).layout.xaxis.dtick == "D2"


def test_ticks_of_a_logarithmic_axis_are_whole_numbers_not_their_last_digit() -> None:
    ticks = trade_off([_mark(0, 1, 90)], Axis("latency", False, True), Y).layout.xaxis.tickformat
    assert ticks.endswith("r"), "by g 1,000 is 1e+3"


def test_no_points_make_an_empty_chart_that_says_why_and_has_no_numbers() -> None:
    empty = trade_off([], X, Y, canvas=Canvas(empty="Nothing passes the filter."))
    assert not empty.data and not empty.layout.xaxis.showticklabels
    assert "Nothing passes the filter." in {note.text for note in empty.layout.annotations}


def _names(figure: go.Figure) -> set[str]:
    return {note.text for note in figure.layout.annotations if note.name == "label"}


def test_the_original_the_front_and_the_chosen_are_named() -> None:
    marks = [_mark(0, 4, 90, "baseline", short="original"), _mark(1, 1, 91, short="#1"),
             _mark(2, 2, 92, on_front=True, short="#2"),
             _mark(3, 3, 88, short="#3 <b>")]  # fmt: skip
    assert _names(trade_off(marks, X, Y)) == {"original", "#2"}
    assert _names(trade_off(marks, X, Y, chosen=3)) == {"original", "#2", "<b>#3 &lt;b&gt;</b>"}


def test_names_without_room_are_left_out_but_never_that_of_the_chosen() -> None:
    crowd = [
        _mark(n, 1 + n / 1e6, 90, on_front=True, short=f"#{n} int8 on ONNX") for n in range(40)
    ]
    for chosen in (0, 39):
        names = _names(trade_off(crowd, X, Y, chosen=chosen))
        assert f"<b>#{chosen} int8 on ONNX</b>" in names and len(names) < 10


def test_in_a_dense_crowd_the_chosen_and_the_original_are_named_farther_off() -> None:
    """Points all around: their names are tied to them by a line."""
    around = [_mark(n, 1 + n % 21 / 50, 90 + n // 21 / 20, short=f"#{n}") for n in range(2, 212)]
    edges = [_mark(300, 3, 95), _mark(301, 0.2, 86)]
    marks = [_mark(0, 1.2, 90.2, "baseline", short="original"), *around, *edges]
    for chosen, name in ((0, "<b>original</b>"), (None, "original")):
        (note,) = [
            note for note in trade_off(marks, X, Y, chosen=chosen).layout.annotations
            if note.text == name
        ]  # fmt: skip
        assert note.showarrow and abs(note.ax) + abs(note.ay) >= 30


def test_the_bar_of_a_neighbour_crosses_no_name_where_there_is_another_place() -> None:
    name = "#0 int8 on OpenVINO"
    marks = [_mark(0, 1, 90, on_front=True, short=name), _mark(1, 2, 91)]
    sides = [
        next((n.xanchor, n.yanchor) for n in trade_off(some, X, Y).layout.annotations
             if n.text == name)
        for some in (marks, [*marks, _mark(2, 1.1, 91.2)])
    ]  # fmt: skip
    assert sides == [("left", "bottom"), ("left", "top")]


def test_what_collapsed_moves_no_axis_and_has_a_strip_on_the_worse_side() -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 89)]
    alone, beside = trade_off(marks, X, Y), trade_off([*marks, _mark(2, 0.1, 3, "collapsed")], X, Y)
    assert beside.layout.yaxis.range == alone.layout.yaxis.range
    assert beside.layout.xaxis.range == alone.layout.xaxis.range
    strip = _trace(beside, "collapsed")
    assert strip.yaxis == "y2" and strip.x[0] == pytest.approx(alone.layout.xaxis.range[0])
    assert beside.layout.yaxis2.domain[1] < beside.layout.yaxis.domain[0]
    down = trade_off([*marks, _mark(2, 0.1, 3, "collapsed")], X, Axis("error", False))
    assert down.layout.yaxis2.domain[0] > down.layout.yaxis.domain[1]


def test_a_first_reading_has_no_bars_and_moves_no_axis() -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 89)]
    alone, beside = trade_off(marks, X, Y), trade_off([*marks, _mark(2, 8e8, 90, "first")], X, Y)
    assert beside.layout.xaxis.range == alone.layout.xaxis.range
    points = _trace(beside, "A")
    at = _numbers(points).index(2)
    assert points.error_x.array[at] == points.error_y.arrayminus[at] == 0
    assert points.x[at] == pytest.approx(alone.layout.xaxis.range[1])


def test_axes_stop_at_the_values_that_can_be() -> None:
    marks = [_mark(0, 0.03, 99.9), _mark(1, 0.5, 99.5)]
    layout = trade_off(marks, Axis("ms", False, least=0), Axis("%", True, least=0, most=100)).layout
    assert layout.xaxis.range[0] == 0 and layout.yaxis.range[1] == 100


def test_a_point_at_the_end_of_an_axis_is_seen_whole() -> None:
    """Half of it beyond the end would be cut off, and clicks on its middle would miss it."""
    marks = [_mark(0, 0.01, 100), _mark(1, 0.5, 98)]
    layout = trade_off(marks, Axis("ms", False, least=0), Axis("%", True, least=0, most=100)).layout
    assert -0.03 < layout.xaxis.range[0] < 0 and 100 < layout.yaxis.range[1] < 100.2


def test_among_many_only_the_front_and_the_chosen_have_bars() -> None:
    marks = [_mark(n, 1 + n, 90, on_front=n == 3) for n in range(31)]
    points = _trace(trade_off(marks, X, Y, chosen=5), "A")
    barred = {n for n, bar in zip(_numbers(points), points.error_x.array, strict=True) if bar}
    assert barred == {3, 5}
    assert all(len(known) == 5 for known in points.customdata), "bars for the one pointed at"


def test_a_zone_is_shaded_and_its_edge_drawn_only_where_it_can_be_seen() -> None:
    marks = [_mark(0, 1, 90), _mark(1, 2, 91)]
    for low, edges in ((90.5, 1), (10.0, 0)):
        figure = trade_off(marks, X, Y, shaded=[Zone("y", low, float("inf"), "allowed", firm=True)])
        assert [shape.type for shape in figure.layout.shapes] == ["rect", *["line"] * edges]
    assert not trade_off(marks, X, Y, shaded=[Zone("y", 99, float("inf"), "out")]).layout.shapes


@pytest.mark.parametrize("along", ["x", "y"])
def test_names_of_zones_whose_edges_lie_close_do_not_meet(along: Literal["x", "y"]) -> None:
    low = {"x": 1.5, "y": 90.5}[along]
    zones = [Zone(along, low, float("inf"), str(firm), firm=firm) for firm in (True, False)]
    figure = trade_off([_mark(0, 1, 90), _mark(1, 2, 91)], X, Y, shaded=zones)
    one, other = (note for note in figure.layout.annotations if note.name == "zone")
    free = "y" if along == "x" else "x"
    assert {one[free], other[free]} == {0, 1}


@pytest.mark.parametrize("up", [True, False])
def test_the_name_of_a_zone_is_not_struck_through_by_the_edge_of_another(up: bool) -> None:
    frame = Frame(x=(0, 1), y=(0, 100), log=False)
    edge, near = (50, 51) if up else (50, 49)

    def zone(end: float, firm: bool) -> Zone:
        low, high = (end, math.inf) if up else (-math.inf, end)
        return Zone("y", low, high, str(firm), firm=firm)

    notes = zone_notes([zone(near, True), zone(edge, False)], frame)
    assert [note["y"] for note in notes] == [near, near]
    assert zone_notes([zone(near + 40, True), zone(edge, False)], frame)[1]["y"] == edge


@pytest.mark.parametrize(
    ("points", "ends"),
    [
        ([], [1, 0]),
        ([(0.1, 0.6)], [0, 1]),
        ([(0.9, 0.5)], [1, 0]),  # either way it is on one of them
        ([(0.9, 0.35)], [0, 1]),
        ([(0.1, 0.52), (0.9, 0.52)], [1, 0]),
        ([(0.9, 0.9)], [1, 0]),
    ],
)
def test_names_of_zones_make_way_for_points(
    points: list[tuple[float, float]], ends: list[int]
) -> None:
    frame = Frame(x=(0, 1), y=(0, 100), log=False)
    zones = [
        Zone("y", low, math.inf, "a zone", firm=firm) for low, firm in ((45, True), (53, False))
    ]
    notes = zone_notes(zones, frame, points=points)
    assert [note["x"] for note in notes] == ends
    assert [note["xanchor"] for note in notes] == [("left", "right")[end] for end in ends]


def test_a_name_alone_stands_where_no_point_is() -> None:
    frame = Frame(x=(0, 1), y=(0, 100), log=False)
    zone = Zone("y", 50, math.inf, "a zone", firm=False)
    assert zone_notes([zone], frame, points=[(0.1, 0.52)])[0]["x"] == 1


def test_colours_are_told_from_both_grounds() -> None:
    for ground in ("#ffffff", "#12171d"):
        assert min(_contrast(colour, ground) for colour in COLOURS) >= 3


def _contrast(one: str, other: str) -> float:
    """As WCAG 2 has it."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("y", "worse"), [(Y, 20), (Y, 75), (Axis("error", False), 900)])
def test_one_far_worse_point_squeezes_no_axis_but_has_a_strip(y: Axis, worse: float) -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 89, on_front=True), _mark(2, 1, 80)]
    beside = trade_off([*marks, _mark(3, 0.5, worse)], X, y)
    assert beside.layout.yaxis.range == trade_off(marks, X, y).layout.yaxis.range
    assert _numbers(_trace(beside, "far worse")) == [3]
    assert _trace(beside, "far worse").yaxis == "y2"


@pytest.mark.parametrize("log", [False, True])
def test_one_slow_point_squeezes_no_axis_but_stands_past_it_with_its_value(log: bool) -> None:
    x = Axis("latency", False, log)
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 89, on_front=True), _mark(2, 3, 88)]
    alone, beside = (trade_off(some, x, Y, 3) for some in (marks, [*marks, _mark(3, 83.21, 88.5)]))
    if log:  # squeezes nothing
        assert _numbers(_trace(beside, "A")) == [1, 2, 3]
        return
    assert beside.layout.xaxis.range == alone.layout.xaxis.range
    slow = _trace(beside, "past the axis")
    assert _numbers(slow) == [3] and (slow.xaxis, slow.yaxis, slow.y[0]) == ("x2", "y", 88.5)
    assert beside.layout.xaxis2.domain[0] > beside.layout.xaxis.domain[1]
    assert [note.text for note in beside.layout.annotations if note.name == "past"] == ["83.2"]
    (ring,) = (trace for trace in beside.data if trace.meta == "chosen")
    assert ring.xaxis == "x2"


def test_many_slow_points_rule_the_axis_as_the_bulk_does() -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 89), *(_mark(n, 60, 88) for n in (2, 3, 4))]
    assert trade_off(marks, X, Y).layout.xaxis.range[1] > 60


def test_what_is_within_the_loss_allowed_is_never_far() -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 20)]
    allowed = Zone("y", 10, float("inf"), "allowed", firm=True)
    assert _numbers(_trace(trade_off(marks, X, Y, shaded=[allowed]), "A")) == [1]


def test_in_a_replay_the_axes_and_the_strip_are_those_of_all_that_will_come() -> None:
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 2, 89, on_front=True), _mark(2, 0.5, 20)]
    first, last = (
        trade_off(some, X, Y, canvas=Canvas(holds=tuple(marks))) for some in (marks[:1], marks)
    )
    assert first.layout.yaxis.range == last.layout.yaxis.range
    assert first.layout.yaxis.domain == last.layout.yaxis.domain


def test_a_name_without_room_is_cut_and_then_its_number() -> None:
    name = "#1 " + "int8" * 8
    alone = _names(trade_off([_mark(1, 5, 90, on_front=True, short=name)], X, Y, chosen=1))
    assert alone == {f"<b>{name}</b>"}
    narrow = Canvas(width=200)
    marks = [_mark(1, 5, 90, on_front=True, short=name)]
    assert _names(trade_off(marks, X, Y, chosen=1, canvas=narrow)) == {"<b>#1</b>"}


def test_a_name_does_not_lie_on_that_of_a_zone() -> None:
    allowed = Zone("y", 90.3, float("inf"), "within the loss allowed", firm=True)
    marks = [_mark(0, 1, 93, "baseline"), _mark(1, 8, 90, on_front=True, short="#1 int8")]
    free, beside = (trade_off(marks, X, Y, shaded=zones) for zones in ((), [allowed]))
    (was,), (now,) = (
        [note for note in figure.layout.annotations if note.name == "label"]
        for figure in (free, beside)
    )
    assert (was.xanchor, was.yanchor) != (now.xanchor, now.yanchor)


@pytest.mark.parametrize("up", [True, False])
def test_a_strip_has_axes_of_its_own_before_anything_is_in_it(up: bool) -> None:
    """Plotly leaves out axes without a trace: the axis' numbers were written into the strip."""
    marks = [_mark(0, 4, 90, "baseline"), _mark(1, 3.9, 90), _mark(2, 1, 3, "collapsed")]
    marks.append(_mark(3, 400, 90))  # past the axis
    y = Axis("accuracy", up)
    first = trade_off(marks[:1], X, y, canvas=Canvas(holds=tuple(marks)))
    assert {(trace.xaxis or "x", trace.yaxis or "y") for trace in first.data} >= {
        ("x", "y"), ("x", "y2"), ("x2", "y"),
    }  # fmt: skip


def test_a_name_is_not_struck_through_by_the_front_where_there_is_another_place() -> None:
    marks = [
        _mark(0, 9, 90, "baseline"),
        _mark(1, 2, 80, on_front=True),
        _mark(2, 4, 88, on_front=True, short="#2 int8 on OpenVINO"),
        _mark(3, 8, 95, on_front=True),
    ]
    figure = trade_off(marks, X, Y)
    (name,) = [note for note in figure.layout.annotations if note.name == "label"]
    assert (name.xanchor, name.yanchor) in {("right", "bottom"), ("left", "top")}


@pytest.mark.parametrize(
    ("line", "crossed"),
    [(((0, 0), (4, 4)), True), (((0, 2), (9, 2)), True), (((2, 2), (2.5, 2.5)), True),
     (((0, 4), (9, 4)), False), (((0, 3), (2, 9)), False), (((4, 0), (4, 9)), False)],
)  # fmt: skip
def test_a_line_crosses_a_box_where_a_part_of_it_is_inside(line: Line, crossed: bool) -> None:
    assert Box(1, 1, 3, 3).crossed(line) is crossed
