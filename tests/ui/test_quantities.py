"""Qualities judged on different samples are shown on one scale."""

from types import SimpleNamespace
from typing import Any

import pytest

from ui.quantities import QUALITY, quantities


def judged(value: float, baseline: float, n: int) -> Any:
    difference = value - baseline
    quality = SimpleNamespace(
        value=value,
        baseline_value=baseline,
        difference=difference,
        difference_ci=(difference - 0.01, difference + 0.01),
        n=n,
        complete=n >= 10_000,
    )
    return SimpleNamespace(quality=quality)


def test_a_first_judgement_stands_at_its_difference_from_the_original() -> None:
    full, first = judged(0.95, 0.95, 10_000), judged(0.93, 0.94, 512)
    shown = quantities("top1", [full, first])[QUALITY].get(first)
    assert shown is not None
    assert (shown.low, shown.value, shown.high) == pytest.approx((93.0, 94.0, 95.0))


def test_alone_it_stands_at_its_own_value() -> None:
    first = judged(0.93, 0.94, 512)
    shown = quantities("top1", [first])[QUALITY].get(first)
    assert shown is not None and shown.value == pytest.approx(93.0)


def test_an_axis_says_what_the_score_is_known_on() -> None:
    full, first = judged(0.95, 0.95, 10_000), judged(0.93, 0.94, 512)
    assert quantities("top1", [first])[QUALITY].axis.endswith("(on 512 samples so far)")
    assert quantities("top1", [first, full])[QUALITY].axis == "Top-1 accuracy, %"


@pytest.mark.parametrize(("metric", "most"), [("top1", 100.0), ("auc", 1.0), ("mae", 1.003)])
def test_intervals_end_where_the_metric_does(metric: str, most: float) -> None:
    shown = quantities(metric)[QUALITY].get(judged(0.993, 0.993, 60))
    assert shown is not None and shown.high == pytest.approx(most)
