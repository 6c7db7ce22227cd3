"""Stopping early: when it looks, and how often it concludes what is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.findings import Interval
from optim.judging.sequential import (
    ERROR,
    conclusion,
    level_of,
    looks,
    loss_at,
    out_of_reach,
)
from optim.metrics.base import find_metric

TOP1, MAE = find_metric("top1"), find_metric("mae")


@given(st.integers(1, 10**6))
def test_looks_grow_and_end_at_all_samples_and_their_errors_add_up(total: int) -> None:
    planned = looks(total)
    assert planned[-1] == total and list(planned) == sorted(set(planned))
    one_sided = [(1 - level_of(look, planned)) / 2 for look in planned]
    assert sum(one_sided) <= ERROR + 1e-9


def test_what_an_interval_says_of_a_limit() -> None:
    spans = [Interval(value=v, low=v - 1, high=v + 1) for v in (0, 2, 4)]
    assert [conclusion(span, 2) for span in spans] == ["within", "", "beyond"]


def test_what_more_samples_can_tell_is_not_given_up() -> None:
    """Of a model that loses nothing 128 samples say little, and 300 that it is at most 1 point."""
    nothing_lost = np.ones((300, 1))
    some = loss_at(TOP1, nothing_lost[:128], nothing_lost[:128])
    assert not conclusion(some, 0.01) and not out_of_reach(some, 0.01, 300 / 128)
    assert conclusion(loss_at(TOP1, nothing_lost, nothing_lost), 0.01) == "within"
    assert out_of_reach(some, 0.01, 200 / 128)
    at_the_limit = Interval(value=0.01, low=-0.01, high=0.03)
    assert out_of_reach(at_the_limit, 0.01, 100)


def test_a_loss_is_in_the_unit_of_limits() -> None:
    right, wrong = np.ones((100, 1)), np.vstack([np.ones((90, 1)), np.zeros((10, 1))])
    assert loss_at(TOP1, right, wrong).value == pytest.approx(0.1)
    row = np.array(MAE.row(np.array([2.0]), np.array([0.0])))
    worse = np.array(MAE.row(np.array([3.0]), np.array([0.0])))
    found = loss_at(MAE, np.tile(row, (50, 1)), np.tile(worse, (50, 1)))
    assert found.value == pytest.approx(0.5)  # half as much again as the original's error


def concluded(loss: float, limit: float, total: int, random: np.random.Generator) -> str:
    """What is concluded of a model that loses so much, with as many answers changed either way."""
    planned = looks(total)
    changed = random.random(total)
    baseline = (changed >= 0.03).astype(float)[:, None]  # right unless the other one won
    rows = ((changed < 0.03) | (changed >= 0.06 + loss)).astype(float)[:, None]
    for look in planned:
        said = conclusion(
            loss_at(TOP1, baseline[:look], rows[:look], level_of(look, planned)), limit
        )
        if said:
            return said
    return ""


@pytest.mark.parametrize(("loss", "wrong"), [(0.0101, "within"), (0.0099, "beyond")])
def test_conclusions_are_wrong_as_seldom_as_is_said(loss: float, wrong: str) -> None:
    random, tries = np.random.default_rng(0), 400
    found = [concluded(loss, 0.01, 2000, random) for _ in range(tries)]
    # 5 % of 400 are 20; 34 or more have a probability below 0.1 %.
    assert found.count(wrong) < 34
    assert len(set(found)) > 1
