"""Shapley values of a game whose every worth was measured, with intervals.

A player's value is the mean of what it adds over all orders in which the players may come (Shapley
1953, "A value for n-person games"); so the values sum to what all bring together. Two players'
interaction is the mean of what one adds with the other less what it adds without (Grabisch and
Roubens 1999, "An axiomatic approach to the concept of interaction among players in cooperative
games"). Both are weighted sums of worths. The interval of such a sum comes from those of the worths
(MOVER: Zou and Donner 2008, "Construction of confidence limits about effect measures: a general
approach", for independent estimates; intervals need not be symmetric).

Among many players orders are drawn, each with its reverse, and how far their means differ widens
the interval.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from math import factorial, sqrt
from typing import TypeVar

import numpy as np
from scipy import special

from optim.findings import Interval

Coalition = frozenset[int]
Weights = dict[Coalition, float]
Order = tuple[int, ...]
K = TypeVar("K")

_LEVEL = 0.975
NOTHING = Interval(value=0, low=0, high=0)


def coalitions(count: int) -> list[Coalition]:
    """All of so many players, the smallest first."""
    return [frozenset(c) for size in range(count + 1) for c in combinations(range(count), size)]


def orders(count: int, pairs: int, seed: int = 0) -> list[Order]:
    """Orders of the players drawn at random, each followed by its reverse."""
    random = np.random.default_rng(seed)
    drawn = [tuple(random.permutation(count).tolist()) for _ in range(pairs)]
    return [order for one in drawn for order in (one, one[::-1])]


def met(drawn: Iterable[Order]) -> list[Coalition]:
    """The coalitions that these orders go through, each once, the smallest first."""
    found = {frozenset(order[:size]) for order in drawn for size in range(len(order) + 1)}
    return sorted(found, key=lambda one: (len(one), sorted(one)))


def value_weights(player: int, count: int) -> Weights:
    """What each worth counts in a player's value, over all orders."""
    weights: Weights = {}
    for without in coalitions(count):
        if player not in without:
            share = factorial(len(without)) * factorial(count - len(without) - 1) / factorial(count)
            weights[without | {player}] = share
            weights[without] = -share
    return weights


def drawn_weights(player: int, drawn: Sequence[Order]) -> Weights:
    """What each worth counts in a player's value, over the orders drawn."""
    weights: Weights = {}
    for order in drawn:
        place = order.index(player)
        for size, sign in ((place + 1, 1), (place, -1)):
            met_here = frozenset(order[:size])
            weights[met_here] = weights.get(met_here, 0.0) + sign / len(drawn)
    return weights


def added_weights(player: int, other: int, count: int, with_it: bool) -> Weights:
    """What each worth counts in what a player adds, on average, with or without another.

    The difference of the two is their interaction.
    """
    weights: Weights = {}
    for rest in coalitions(count):
        if not rest & {player, other}:
            share = factorial(len(rest)) * factorial(count - len(rest) - 2) / factorial(count - 1)
            before = rest | {other} if with_it else rest
            weights[before | {player}] = share
            weights[before] = -share
    return weights


def minus(weights: Weights, others: Weights) -> Weights:
    """What each worth counts in the difference of two sums."""
    return {
        one: weights.get(one, 0.0) - others.get(one, 0.0)
        for one in dict.fromkeys([*weights, *others])
    }


def summed(
    weights: Weights, measured_as: Callable[[Coalition], K], worths: Mapping[K, Interval]
) -> Interval:
    """A weighted sum of worths with its 95 % interval.

    Args:
        measured_as: what was measured for a coalition: several may share one measurement.
    """
    total: dict[K, float] = {}
    for coalition, weight in weights.items():
        key = measured_as(coalition)
        total[key] = total.get(key, 0.0) + weight
    below = above = 0.0
    for key, weight in total.items():
        down, up = worths[key].value - worths[key].low, worths[key].high - worths[key].value
        if weight < 0:
            down, up = up, down
        below += (weight * max(0.0, down)) ** 2
        above += (weight * max(0.0, up)) ** 2
    value = sum(weight * worths[key].value for key, weight in total.items())
    return Interval(value=value, low=value - sqrt(below), high=value + sqrt(above))


def drawn_value(
    player: int,
    drawn: Sequence[Order],
    measured_as: Callable[[Coalition], K],
    worths: Mapping[K, Interval],
) -> Interval:
    """A player's value over orders drawn in pairs; its interval covers the drawing too."""
    found = summed(drawn_weights(player, drawn), measured_as, worths)
    pairs = [
        summed(drawn_weights(player, drawn[at : at + 2]), measured_as, worths).value
        for at in range(0, len(drawn), 2)
    ]
    own = len(pairs) - 1
    spread = float(np.std(pairs, ddof=1)) / sqrt(len(pairs)) if own else 0.0
    reach = float(special.stdtrit(own, _LEVEL)) * spread if own else 0.0
    return Interval(
        value=found.value,
        low=found.value - sqrt((found.value - found.low) ** 2 + reach**2),
        high=found.value + sqrt((found.high - found.value) ** 2 + reach**2),
    )


def excludes_nothing(interval: Interval, among: int = 1) -> bool:
    """Whether 0 lies outside, at 95 % for all of so many intervals together (Bonferroni)."""
    stretch = special.ndtri(1 - (1 - _LEVEL) / max(1, among)) / special.ndtri(_LEVEL)
    low = interval.value - stretch * (interval.value - interval.low)
    high = interval.value + stretch * (interval.high - interval.value)
    return bool(low > 0 or high < 0)
