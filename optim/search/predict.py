"""How fast a recipe may be before it is timed: a Gaussian process over recipes and models.

Two recipes are alike as far as they share parts, settings and pairs of part and engine; two models
are, as far as the same kinds of operators take their time. What was timed, in this search or in
earlier studies on this machine, moves the expectation of what is alike (Rasmussen and Williams,
"Gaussian Processes for Machine Learning", 2006, equations 2.25 and 2.26).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from optim.findings import Interval
from optim.graph.flops import MATRIX
from optim.graph.values import Analysis, NodeRow
from optim.passes.base import Pass, Stage
from optim.recipe import Recipe

_VARIANCE = {"engine": 0.03, "part": 0.01, "lower": 0.06, "setting": 0.01, "threads": 0.05}
"""Of log gains, for each token of its kind that two recipes share; `lower`: a lower precision, if
only of the weights, which moves the time most, alone and with its engine."""
_Z95 = 1.96  # standard errors from the middle of an interval to its ends
_OWN = 0.02  # what no token explains
_TIMED = 0.05  # standard error of a log gain that was timed in one process
_ELSEWHERE = 0.7  # how far another model of the same mix tells
_MIX_LENGTH = 0.35
_FLOPS_PER_S, _BYTES_PER_S = 5e10, 1e10  # rough, and only their ratio matters to a mix

Mix = Mapping[str, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """A gain that was measured: log of the speed relative to the original on one thread."""

    recipe: Recipe
    mix: tuple[tuple[str, float], ...]
    gain: float
    spread: float
    here: bool
    """Whether it is of the model at hand."""


@dataclass(frozen=True)
class Expectation:
    """Mean and standard deviation of a log gain."""

    mean: float
    spread: float

    @classmethod
    def of(cls, ratio: Interval) -> Self:
        """What the 95 % interval of a measured ratio says of its log."""
        return cls(log(ratio.value), log(ratio.high / ratio.low) / 2 / _Z95)

    @property
    def interval(self) -> Interval:
        """The ratio with its 95 % interval."""
        value, low, high = (exp(self.mean + side * _Z95 * self.spread) for side in (0, -1, 1))
        return Interval(value=value, low=low, high=high)


class Predictor:
    """What to expect of recipes on one model.

    Args:
        mix: shares of the model's time by kind of operator; see `mix_of`.
        prior: the log gain of a recipe where nothing was timed yet.
    """

    def __init__(
        self, mix: Mix, prior: Callable[[Recipe], float], earlier: Iterable[Known] = ()
    ) -> None:
        self._mix, self._prior = tuple(sorted(mix.items())), prior
        self._known = list(earlier)

    def learn(self, recipe: Recipe, gain: float, spread: float) -> None:
        """Take in what was timed; a later figure of a recipe replaces the one before."""
        new = Known(recipe, self._mix, gain, spread, here=True)
        others = (one for one in self._known if not (one.here and one.recipe == recipe))
        self._known = [*others, new]

    def expect(self, recipes: Iterable[Recipe]) -> list[Expectation]:
        """What to expect of each."""
        means, covariance = self.together(recipes)
        spreads = spreads_of(covariance)
        return [Expectation(*pair) for pair in zip(means.tolist(), spreads.tolist(), strict=True)]

    def together(self, recipes: Iterable[Recipe]) -> tuple[Floats, Floats]:
        """Means of their log gains, [n], and the covariance, [n, n]: how much one tells of another.

        It does not hold the noise of timing.
        """
        asked = [Known(one, self._mix, 0.0, 0.0, here=True) for one in recipes]
        means = np.array([self._prior(one.recipe) for one in asked])
        covariance = _table(asked, asked)
        if self._known and asked:
            off = np.array([one.gain - self._prior(one.recipe) for one in self._known])
            noise = np.diag([max(one.spread, 0.01) ** 2 for one in self._known])
            across = _table(asked, self._known)
            among = _table(self._known, self._known) + noise
            solved = np.linalg.solve(among, np.column_stack([off, across.T]))
            means = means + across @ solved[:, 0]
            covariance = covariance - across @ solved[:, 1:]
        return means, covariance


def spreads_of(covariance: Floats) -> Floats:
    """The standard deviations, none of them quite 0."""
    found: Floats = np.sqrt(np.maximum(np.diag(covariance), 1e-4))
    return found


def once_known(covariance: Floats, place: int) -> Floats:
    """The covariance as it will be when the one at this place was timed, whatever that gives."""
    column = covariance[:, place]
    told: Floats = covariance - np.outer(column, column) / (column[place] + _TIMED**2)
    return told


def mix_of(analysis: Analysis) -> dict[str, float]:
    """Shares of a model's work by kind: convolutions, products, recurrent layers, the rest."""
    work: dict[str, float] = {}
    for row in analysis.nodes:
        kind = _kind(row)
        work[kind] = work.get(kind, 0.0) + row.flops / _FLOPS_PER_S + row.bytes / _BYTES_PER_S
    total = sum(work.values()) or 1.0
    return {kind: value / total for kind, value in work.items()}


def _kind(row: NodeRow) -> str:
    if row.op not in MATRIX:
        return "other"
    if row.steps > 1:
        return "recurrent"
    if "Conv" not in row.op:
        return "product"
    grouped = row.gemm is not None and row.gemm[0] > 1
    return "grouped convolution" if grouped else "convolution"


def _table(rows: list[Known], columns: list[Known]) -> Floats:
    """Covariances of log gains, [rows, columns]."""
    tokens = sorted({token for one in (*rows, *columns) for token in _tokens(one.recipe)})
    place = {token: position for position, token in enumerate(tokens)}
    shared: Floats = _roots(rows, place) @ _roots(columns, place).T
    others = [[1.0 if a.here and b.here else _across(a, b) for b in columns] for a in rows]
    same = [[_OWN * (a.here and b.here and a.recipe == b.recipe) for b in columns] for a in rows]
    covariance: Floats = shared * np.array(others) + np.array(same)
    return covariance


def _roots(known: list[Known], place: dict[str, int]) -> Floats:
    """The root of each token's variance, [known, tokens]; 0 for those that one does not have."""
    found = np.zeros((len(known), len(place)))
    for row, one in enumerate(known):
        for token, variance in _tokens(one.recipe).items():
            found[row, place[token]] = sqrt(variance)
    return found


def _across(a: Known, b: Known) -> float:
    return _ELSEWHERE * _alike(a.mix, b.mix)


@lru_cache(maxsize=4096)
def _tokens(recipe: Recipe) -> dict[str, float]:
    """What a recipe is made of, and how much each tells."""
    engine = recipe.runtime
    found = {f"on {engine.name}": _VARIANCE["engine"]}
    for one in recipe.parts:
        lowers = one.lowers_to or (isinstance(one, Pass) and one.stage == Stage.PRECISION)
        kind = "lower" if lowers else "part"
        found[f"{one.name} {one.lowers_to}"] = _VARIANCE[kind]
        found[f"{one.name} {one.lowers_to} on {engine.name}"] = _VARIANCE[kind]
        given = one.model_dump(mode="json", exclude_defaults=True, exclude={"threads"})
        for field, value in given.items():
            found[f"{one.name}.{field}={value}"] = _VARIANCE["setting"]
    if engine.threads > 1:
        found[f"threads={engine.threads}"] = _VARIANCE["threads"]
    return found


@lru_cache(maxsize=4096)
def _alike(one: tuple[tuple[str, float], ...], other: tuple[tuple[str, float], ...]) -> float:
    """1 for models whose time goes to the same kinds of operators, less otherwise."""
    a, b = dict(one), dict(other)
    apart = sum((a.get(kind, 0.0) - b.get(kind, 0.0)) ** 2 for kind in {*a, *b})
    return exp(-apart / (2 * _MIX_LENGTH**2))
