"""The table of figures: read as they are, on one scale, in the places that their entries say."""

from types import SimpleNamespace
from typing import Any

import pytest
from support.trials import METRIC, ORIGINAL, estimated, measured, quality, summary, trial

from optim.findings import Interval
from optim.showing import text
from optim.showing.figure import Where
from optim.showing.figures import LATENCY, QUALITY, SPEEDUP, figures, figures_for, lines
from optim.studies.choice import has_place
from optim.studies.picking import facts_of


def judged(value: float, baseline: float, n: int) -> Any:
    difference = value - baseline
    found = SimpleNamespace(
        value=value,
        baseline_value=baseline,
        difference=difference,
        difference_ci=(difference - 0.01, difference + 0.01),
        n=n,
        complete=n >= 10_000,
    )
    return SimpleNamespace(quality=found, summary=None, estimate=None)


def test_a_first_judgement_stands_at_its_difference_from_the_original() -> None:
    full, first = judged(0.95, 0.95, 10_000), judged(0.93, 0.94, 512)
    found = figures("top1", [full, first])[QUALITY].scaled(first)
    assert found is not None
    assert (found.low, found.value, found.high) == pytest.approx((93.0, 94.0, 95.0))


def test_alone_it_stands_at_its_own_value() -> None:
    first = judged(0.93, 0.94, 512)
    found = figures("top1", [first])[QUALITY].of(first)
    assert found is not None and found.value == 0.93


def test_an_axis_says_what_the_score_is_known_on() -> None:
    full, first = judged(0.95, 0.95, 10_000), judged(0.93, 0.94, 512)
    assert figures("top1", [first])[QUALITY].axis.endswith("<br>on 512 samples so far")
    assert figures("top1", [first, full])[QUALITY].axis == "Top-1 accuracy, %"


@pytest.mark.parametrize(("metric", "most"), [("top1", 100.0), ("auc", 1.0), ("mae", 1.003)])
def test_intervals_end_where_the_metric_does(metric: str, most: float) -> None:
    found = figures(metric)[QUALITY].scaled(judged(0.993, 0.993, 60))
    assert found is not None and found.high == pytest.approx(most)


def test_figures_read_with_unit_and_interval() -> None:
    known, one = figures(METRIC), trial(1, summary(0.8, 2.0), quality(0.89))
    assert known[LATENCY].text(one) == "0.8 ms (0.792 to 0.808)"
    assert known[SPEEDUP].text(one) == "2.00× (1.98 to 2.02)"
    assert known[QUALITY].text(one) == "89.00 % (88.90 to 89.10)"
    assert known["size"].text(one) == "4.37 MB"
    size = known["size"].scaled(one)
    assert size and size.value == pytest.approx(4.366655)
    assert known["quality_difference"].text(one) == "-1.00 points (-1.10 to -0.90)"
    assert known["cosine"].text(one) == "0.999000"


@pytest.mark.parametrize(("slowest", "unit", "at"), [(0.09, "µs", 50.0), (0.2, "ms", 0.05)])
def test_times_shown_together_share_the_unit_of_the_longest(
    slowest: float, unit: str, at: float
) -> None:
    shown = [measured(0, slowest, 1.0), measured(1, 0.05, 2.0)]
    found = figures(METRIC, shown)
    for name in (LATENCY, "p99"):
        place = found[name].scaled(shown[1])
        assert place and place.value == pytest.approx(at) and found[name].axis.endswith(unit)
    assert found[LATENCY].text(shown[1]).startswith("50 µs")


def test_no_difference_is_called_none_only_where_it_is_certain() -> None:
    difference = figures(METRIC)["quality_difference"]
    assert difference.text(trial(1, judged=quality(ORIGINAL, reach=0))) == "none"
    assert difference.text(trial(1, judged=quality(ORIGINAL))).startswith("+0.00 points (")


def test_an_estimate_never_reads_as_a_measurement() -> None:
    known = figures(METRIC)
    assert known[LATENCY].text(estimated(1, 2.0)) == "2 ms (1.4 to 2.8), an estimate"
    assert known[SPEEDUP].text(estimated(1, 2.0)) == ""
    assert "estimate" not in known["size"].text(estimated(1, 2.0))


def test_what_is_not_known_is_left_out() -> None:
    assert [figure.name for figure, _ in lines(Where.PANEL, METRIC, trial(1))] == ["size"]
    full = lines(Where.PANEL, METRIC, trial(1, summary(1.0, 2.0), quality(ORIGINAL)))
    unknown = ("compressed", "compile", "pays_after")
    known = [name for name in figures_for(Where.PANEL, METRIC) if name not in unknown]
    assert [figure.name for figure, _ in full] == known


def test_figures_have_names_and_keys_of_their_own() -> None:
    found = list(figures(METRIC).values())
    keys = [key for figure in found for key in (figure.key, figure.ci_key) if key]
    assert len(set(keys)) == len(keys)
    assert len({figure.title for figure in found}) == len(found)
    assert all(figure.where for figure in found)


def test_a_first_reading_is_said_without_an_interval() -> None:
    """Of 3 runs "0.00 to 811084835.87" was shown."""
    early = trial(0, summary(2.0, 1.8, runs=3)).model_copy(update={"state": "tightening"})
    known = figures(METRIC, [early])
    assert early.unsettled and known[LATENCY].text(early) == "2 ms, a first reading"
    assert known[SPEEDUP].text(early) == "1.80×, a first reading"
    assert known["size"].text(early) == "4.37 MB"
    assert not trial(0, summary(2.0, 1.8, runs=3)).unsettled, "it has ended: its interval stands"


@pytest.mark.parametrize("low, high", [(0.02, 31.4), (0.0, 21_907_085.0)])
def test_an_interval_that_says_nothing_is_nowhere_a_number(low: float, high: float) -> None:
    """Where threads fought "0.02× (0.00 to 21,907,085)" was shown of a trial that was done."""
    vague = Interval(value=0.8, low=low, high=high)
    timed = summary(2.0, 1.8).model_copy(update={"speedup": vague, "gain": vague})
    wide = trial(0, timed, quality(0.89))
    known = figures(METRIC, [wide])
    assert wide.unsettled
    assert known[SPEEDUP].text(wide) == "0.80×, not settled"
    assert known[SPEEDUP].ends(wide) == known[LATENCY].ends(wide) == "not settled"
    assert known[LATENCY].text(wide) == "2 ms, not settled"
    assert text.spanned(vague, text.times) == "0.80× (not settled)"
    assert not has_place(wide) and facts_of(wide) is None, "it is in no ranking"


def test_what_is_judged_on_a_part_says_so_wherever_it_reads() -> None:
    first = trial(1, judged=quality(0.89, n=512).model_copy(update={"complete": False}))
    known = figures(METRIC, [first])
    assert known[QUALITY].text(first).endswith(", on 512 samples so far")
    assert known[QUALITY].so_far == "on 512 samples so far"
    assert "so far" not in figures(METRIC)[QUALITY].text(trial(1, judged=quality(0.89)))
