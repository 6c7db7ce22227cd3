"""Interactions from some of the coalitions: exact for games of pairs, careful with others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.findings import Interval
from optim.why import shapley
from optim.why.pairwise import Fit, more_for_pairs
from optim.why.shapley import Coalition


def exact(value: float) -> Interval:
    return Interval(value=value, low=value, high=value)


def as_is(coalition: Coalition) -> Coalition:
    return coalition


def enough(count: int, seed: int = 0) -> list[Coalition]:
    met = shapley.met(shapley.orders(count, 4, seed))
    return [*met, *more_for_pairs(count, met)]


@given(st.integers(6, 9), st.integers(0, 2**32 - 1))
def test_a_game_of_pairs_is_told_exactly(count: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    alone, pairs = chance.normal(size=count), np.triu(chance.normal(size=(count, count)), 1)
    met = enough(count, seed)
    fit = Fit.of(count, met)

    def worth(on: Coalition) -> float:
        members = sorted(on)
        return float(alone[members].sum() + pairs[np.ix_(members, members)].sum())

    worths = {one: exact(worth(one)) for one in met}
    both = [fit.added(1, 0, with_it=side) for side in (True, False)]
    differ = fit.summed(shapley.minus(*both), as_is, worths)
    assert differ.value == pytest.approx(pairs[0, 1], abs=1e-6)
    everything = {one: exact(worth(one)) for one in shapley.coalitions(count)}
    known = shapley.summed(shapley.added_weights(1, 0, count, with_it=True), as_is, everything)
    assert fit.summed(both[0], as_is, worths).value == pytest.approx(known.value, abs=1e-6)


def test_what_larger_groups_do_widens_the_interval() -> None:
    met = enough(6)
    fit = Fit.of(6, met)
    worths = {one: exact(float(len(one & {0, 1, 2}) == 3)) for one in met}
    differ = fit.summed(shapley.minus(fit.added(1, 0, True), fit.added(1, 0, False)), as_is, worths)
    assert differ.high - differ.low > 0.1


@pytest.mark.parametrize("count", [6, 7, 9])
def test_only_what_is_needed_is_measured_beside_the_orders(count: int) -> None:
    met = shapley.met(shapley.orders(count, 4))
    more = more_for_pairs(count, met)
    assert len(more) <= count and not {*more} & {*met}
    assert more_for_pairs(count, [*met, *more]) == []
