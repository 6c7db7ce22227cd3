"""What makes Shapley values what they are, and that their intervals cover the truth."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.findings import Interval
from optim.why import shapley
from optim.why.shapley import Coalition

numbers = st.floats(-3, 3)
counts = st.integers(1, 5)


def exact(value: float) -> Interval:
    return Interval(value=value, low=value, high=value)


def games(count: int) -> st.SearchStrategy[dict[Coalition, float]]:
    """Any worths; nobody is worth nothing."""
    some = shapley.coalitions(count)
    made = st.lists(numbers, min_size=len(some), max_size=len(some))
    return made.map(lambda worths: {**dict(zip(some, worths, strict=True)), frozenset(): 0.0})


any_game = counts.flatmap(lambda n: games(n).map(lambda worths: (n, worths)))


def values(count: int, worths: dict[Coalition, float]) -> list[float]:
    known = {one: exact(worth) for one, worth in worths.items()}
    return [
        shapley.summed(shapley.value_weights(i, count), lambda c: c, known).value
        for i in range(count)
    ]


def interaction(count: int, worths: dict[Coalition, float], a: int, b: int) -> float:
    known = {one: exact(worth) for one, worth in worths.items()}
    with_it, without = (shapley.added_weights(a, b, count, side) for side in (True, False))
    return shapley.summed(shapley.minus(with_it, without), lambda c: c, known).value


@given(any_game)
def test_efficiency(game: tuple[int, dict[Coalition, float]]) -> None:
    count, worths = game
    assert sum(values(*game)) == pytest.approx(worths[frozenset(range(count))], abs=1e-9)


@given(any_game, st.data())
def test_symmetry(game: tuple[int, dict[Coalition, float]], data: st.DataObject) -> None:
    count, worths = game
    order = data.draw(st.permutations(range(count)))
    renamed = {frozenset(order[i] for i in one): worth for one, worth in worths.items()}
    found, again = values(count, worths), values(count, renamed)
    assert [again[order[i]] for i in range(count)] == pytest.approx(found, abs=1e-9)


@given(any_game, numbers)
def test_a_dummy_gets_what_it_brings(game: tuple[int, dict[Coalition, float]], own: float) -> None:
    count, worths = game
    more = worths | {one | {count}: worth + own for one, worth in worths.items()}
    assert values(count + 1, more) == pytest.approx([*values(count, worths), own], abs=1e-9)
    for other in range(count):
        assert interaction(count + 1, more, count, other) == pytest.approx(0, abs=1e-9)


@given(counts.flatmap(lambda n: st.tuples(st.just(n), games(n), games(n))))
def test_additivity(both: tuple[int, dict[Coalition, float], dict[Coalition, float]]) -> None:
    count, one, other = both
    added = {coalition: one[coalition] + other[coalition] for coalition in one}
    expected = [a + b for a, b in zip(values(count, one), values(count, other), strict=True)]
    assert values(count, added) == pytest.approx(expected, abs=1e-9)


@given(st.integers(2, 5).flatmap(lambda n: games(n).map(lambda worths: (n, worths))))
def test_an_interaction_is_each_others_and_the_difference_of_its_sides(
    game: tuple[int, dict[Coalition, float]],
) -> None:
    for a, b in combinations(range(game[0]), 2):
        assert interaction(*game, a, b) == pytest.approx(interaction(*game, b, a), abs=1e-9)
    pair = {frozenset(): 0.0, frozenset([0]): 1.0, frozenset([1]): 2.0, frozenset([0, 1]): 7.0}
    assert interaction(2, pair, 0, 1) == 4.0


@given(st.integers(6, 9), st.integers(0, 99), st.data())
def test_orders_drawn_share_all_out_and_give_a_dummy_its_own(
    count: int, seed: int, data: st.DataObject
) -> None:
    drawn = shapley.orders(count, 4, seed)
    worths = {one: data.draw(numbers) if one else 0.0 for one in shapley.met(drawn)}
    known = {one: exact(worth) for one, worth in worths.items()}
    found = [shapley.drawn_value(i, drawn, lambda c: c, known) for i in range(count)]
    assert sum(one.value for one in found) == pytest.approx(
        worths[frozenset(range(count))], abs=1e-9
    )
    assert drawn == shapley.orders(count, 4, seed) and len(drawn) == 8
    plain = {one: exact(2.0 * len(one)) for one in shapley.met(drawn)}
    alone = shapley.drawn_value(0, drawn, lambda c: c, plain)
    assert (alone.low, alone.value, alone.high) == pytest.approx((2, 2, 2))


def around(error: float, seen: float) -> Interval:
    """The interval that a measurement gives, from its standard error."""
    return Interval(value=seen, low=seen - 1.96 * error, high=seen + 1.96 * error)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_intervals_cover_the_truth_as_often_as_they_say(count: int) -> None:
    random = np.random.default_rng(count)
    some = shapley.coalitions(count)
    tries, covered, width = 600, np.zeros(count), 0.0
    for _ in range(tries):
        worths = {one: float(random.normal()) if one else 0.0 for one in some}
        errors = {one: float(random.uniform(0.005, 0.2)) if one else 0.0 for one in some}
        known = {one: around(errors[one], random.normal(worths[one], errors[one])) for one in some}
        for player, truth in enumerate(values(count, worths)):
            found = shapley.summed(shapley.value_weights(player, count), lambda c: c, known)
            covered[player] += found.low <= truth <= found.high
            width += found.high - found.low
    assert np.all(np.abs(covered / tries - 0.95) < 0.035)  # four standard errors
    assert width > 0


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_intervals_of_orders_drawn_cover_the_truth(noise: float) -> None:
    """With interactions, over games and drawings; t over few pairs is a rough measure."""
    random, count, tries = np.random.default_rng(7), 6, 150
    covered = []
    for seed in range(tries):
        own = random.normal(size=count)
        pairs = np.triu(random.normal(scale=0.3, size=(count, count)), 1)
        triples = {t: random.normal(scale=0.3) for t in combinations(range(count), 3)}

        def worth(one: Coalition, own=own, pairs=pairs, triples=triples) -> float:
            inside = sorted(one)
            return float(
                own[inside].sum()
                + pairs[np.ix_(inside, inside)].sum()
                + sum(w for t, w in triples.items() if one.issuperset(t))
            )

        truth = values(count, {one: worth(one) for one in shapley.coalitions(count)})
        drawn = shapley.orders(count, 4, seed)
        known = {
            one: around(noise, random.normal(worth(one), noise)) if one else exact(0)
            for one in shapley.met(drawn)
        }
        for player in range(count):
            found = shapley.drawn_value(player, drawn, lambda c: c, known)
            covered.append(found.low <= truth[player] <= found.high)
    assert 0.9 < np.mean(covered) <= 1


def test_one_measurement_for_several_coalitions_counts_once() -> None:
    """What cancels has no error, and what adds up has all of it."""
    same = {"a": Interval(value=1.0, low=0.9, high=1.2)}
    none = shapley.summed({frozenset([0]): 1.0, frozenset([1]): -1.0}, lambda c: "a", same)
    assert (none.low, none.value, none.high) == (0, 0, 0)
    twice = shapley.summed({frozenset([0]): -1.0, frozenset([1]): -1.0}, lambda c: "a", same)
    assert (twice.low, twice.value, twice.high) == pytest.approx((-2.4, -2, -1.8))


def test_chance_among_many_is_not_named() -> None:
    just = Interval(value=1.0, low=0.05, high=1.95)
    assert shapley.excludes_nothing(just) and not shapley.excludes_nothing(just, among=10)
    assert shapley.excludes_nothing(Interval(value=-1.0, low=-1.2, high=-0.9), among=20)
