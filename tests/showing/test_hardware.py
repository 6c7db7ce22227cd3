"""The bars of all hardware and the roofline, as figures."""

import math
import re
from html import escape

import pytest

from optim.findings import Interval
from optim.recipe import Recipe
from optim.showing.bounds import BOUNDS
from optim.showing.hardware import Bar, estimated, hardware_chart, ordered
from optim.showing.roofline import left_out, roofline_chart
from optim.targets import all_targets, find_target
from optim.targets.estimate import estimate
from optim.targets.measured import all_evidence
from optim.targets.roofline import roofline

GRAPH = all_evidence()["genoa"].graph("fashion")
RECIPE = Recipe.parse("onnxruntime")
HERE = Interval(value=2.0, low=1.9, high=2.2)
HOSTILE = "<script>x</script>"


def bars():
    modelled = [target for target in all_targets().values() if target.modelled]
    of_original = [
        estimated(target, "original", estimate(GRAPH, target, RECIPE)) for target in modelled
    ]
    measured = [Bar("local", HOSTILE, of, HERE) for of in ("original", "#3")]
    slower = [Bar(b.target, b.title, "#3", b.time, b.bound, b.refused, b.said) for b in of_original]
    return [*measured[:1], *of_original, *measured[1:], *slower]


def drawn(figure):
    """Trace by trace: every bar's target with what it shows."""
    return {
        (*data, trace.name): (trace.base + x, trace.marker)
        for trace in figure.data
        if trace.type == "bar"
        for data, x in zip(trace.customdata, trace.x, strict=True)
    }


def test_targets_are_sorted_and_what_refuses_comes_last():
    found = ordered(bars())
    times = [row[-1].time.value if row[-1].time else math.inf for row in found]
    assert times == sorted(times) and math.isinf(times[-1])
    assert len(found) == len(all_targets())
    figure = hardware_chart(bars())
    names = list(figure.layout.yaxis.ticktext)
    assert [name.replace("<br>", " ") for name in names] == [escape(row[0].title) for row in found]
    assert all(len(line) <= 30 for name in names for line in name.split("<br>")), "fit a phone"


def test_measured_is_solid_and_estimated_hollow_with_a_second_cue():
    figure = hardware_chart(bars())
    shown = drawn(figure)
    assert shown["local", "#3", "measured on this machine"][0] == pytest.approx(2.0)
    looks = {}
    for (target, _, name), (_, marker) in shown.items():
        hollow = marker.color == "rgba(0,0,0,0)"
        assert hollow == (target != "local") == name.startswith("estimated")
        looks[name] = (marker.line.color, marker.pattern.shape)
    kinds = [look for name, look in looks.items() if name.startswith("estimated")]
    assert len({colour for colour, _ in kinds}) == len({shape for _, shape in kinds}) == len(kinds)


def test_bars_carry_intervals_and_refusals_say_why():
    figure = hardware_chart(bars())
    (measured,) = [trace for trace in figure.data if trace.name == "measured on this machine"]
    assert measured.error_x.array[0] == pytest.approx(0.2)
    assert measured.error_x.arrayminus[0] == pytest.approx(0.1)
    labels = next(trace for trace in figure.data if trace.type == "scatter")
    refused = [text for text in labels.text if "cannot run" in text]
    assert refused and all("does not compute in fp32" in text for text in refused)
    hovers = dict(zip(map(tuple, labels.customdata), labels.hovertext, strict=True))
    assert "it computes in int8" in hovers["edge_tpu", "#3"].replace("<br>", " ")
    assert "estimated, not measured" in hovers["nvidia_t4", "#3"]
    assert HOSTILE not in str(figure.to_json())


def test_without_a_trial_the_original_stands_alone():
    alone = [bar for bar in bars() if bar.of == "original"]
    figure = hardware_chart(alone)
    assert sorted(figure.data[0].y)[0] == int(sorted(figure.data[0].y)[0])


def test_a_roofline_has_every_operator_with_arithmetic():
    found = roofline(GRAPH, find_target("genoa"), RECIPE)
    figure = roofline_chart(found)
    points = [trace for trace in figure.data if trace.mode == "markers"]
    with_work = [work for work in found.works if work.flops and work.bytes]
    assert sum(len(trace.x) for trace in points) == len(with_work)
    assert {trace.name for trace in points} <= {look.said for look in BOUNDS.values()}
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    hovers = " ".join(text for trace in points for text in trace.hovertext)
    assert all(work.rows[0].name.split("/")[-1] in hovers for work in with_work[:3])
    biggest = max(with_work, key=lambda work: work.seconds)
    sizes = {y: s for trace in points for y, s in zip(trace.y, trace.marker.size, strict=True)}
    assert max(sizes, key=sizes.get) == pytest.approx(biggest.flops / biggest.seconds)
    said = left_out(found)
    assert bool(said) == (len(with_work) < len(found.works))
    assert not said or re.match(r"\d+ of \d+ operators do no arithmetic", said)
