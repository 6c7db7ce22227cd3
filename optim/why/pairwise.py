"""What pairs of players bring, where only some of the coalitions were measured.

Worths are fitted by least squares as a sum over players and pairs of players (the second-order
approximation of a game: Grabisch, Marichal and Roubens 2000, "Equivalent representations of set
functions"). Averaged over the others, each there or not, that gives what one player adds with
another and without: a weighted sum of worths, as over all coalitions. What the fit leaves over,
larger groups' doing, widens the intervals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import Self

import numpy as np
from scipy import special

from optim.arrays import Array
from optim.findings import Interval
from optim.why.shapley import Coalition, K, Weights, summed

_LEVEL = 0.975


@dataclass(frozen=True)
class Fit:
    """A fit of so many players' game. `solves` gives [terms] from the worths of [coalitions]."""

    count: int
    met: tuple[Coalition, ...]
    terms: tuple[Coalition, ...]
    solves: Array

    @classmethod
    def of(cls, count: int, met: Sequence[Coalition]) -> Self:
        """Of coalitions that tell all pairs apart, such as those with `more_for_pairs`."""
        some, terms = tuple(filter(None, met)), _terms(count)
        return cls(count, some, terms, np.linalg.pinv(_inside(terms, some)))

    def added(self, player: int, other: int, with_it: bool) -> Weights:
        """What each worth counts in what a player adds, on average, with or without another."""
        asked = np.zeros(len(self.terms))
        for place, term in enumerate(self.terms):
            if player in term:
                rest = term - {player}
                asked[place] = float(with_it) if rest == {other} else 0.5 ** len(rest)
        return dict(zip(self.met, (asked @ self.solves).tolist(), strict=True))

    def summed(
        self,
        weights: Weights,
        measured_as: Callable[[Coalition], K],
        worths: Mapping[K, Interval],
    ) -> Interval:
        """The weighted sum of worths with its 95 % interval, the lack of fit included."""
        found = summed(weights, measured_as, worths)
        size = sqrt(sum(weight**2 for weight in weights.values()))
        reach = size * self._left_over([worths[measured_as(one)].value for one in self.met])
        below, above = found.value - found.low, found.high - found.value
        return Interval(
            value=found.value,
            low=found.value - sqrt(below**2 + reach**2),
            high=found.value + sqrt(above**2 + reach**2),
        )

    def _left_over(self, worths: Sequence[float]) -> float:
        """How far a worth lies off the fit, at 95 %."""
        known = np.array(worths)
        off = known - _inside(self.terms, self.met) @ (self.solves @ known)
        freedom = max(1, len(self.met) - len(self.terms))
        spread = sqrt(float(off @ off) / freedom)
        return float(special.stdtrit(freedom, _LEVEL)) * spread


def more_for_pairs(count: int, met: Sequence[Coalition]) -> list[Coalition]:
    """The coalitions of one or two that are needed beside those met, to tell all pairs apart."""
    terms, more = _terms(count), list[Coalition]()
    rank = _rank(terms, met)
    for candidate in terms:
        if rank == len(terms):
            break
        better = _rank(terms, [*met, *more, candidate])
        if better > rank:
            more.append(candidate)
            rank = better
    return more


def _terms(count: int) -> tuple[Coalition, ...]:
    """The players alone, and in pairs."""
    return tuple(frozenset(some) for size in (1, 2) for some in combinations(range(count), size))


def _inside(terms: Sequence[Coalition], met: Sequence[Coalition]) -> Array:
    """[coalitions, terms]: 1 where a term's players are all in a coalition."""
    return np.array([[term <= one for term in terms] for one in met], float)


def _rank(terms: Sequence[Coalition], met: Sequence[Coalition]) -> int:
    return int(np.linalg.matrix_rank(_inside(terms, met)))
