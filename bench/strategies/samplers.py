"""Optuna's samplers, with the recipe's parts and settings as parameters: speed and loss at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna

from bench.strategies.game import Game
from optim.recipe import Recipe
from optim.studies.params import parameters

Values = Mapping[str, Any]


def tpe(game: Game) -> None:
    """Tree-structured Parzen estimators (Bergstra et al. 2011; Ozaki et al. 2020 for two goals)."""
    _optimized(game, optuna.samplers.TPESampler(seed=_seed(game), multivariate=False))


def nsga2(game: Game) -> None:
    """The genetic algorithm NSGA-II (Deb et al. 2002); a population of 8, since looks are few."""
    _optimized(game, optuna.samplers.NSGAIISampler(seed=_seed(game), population_size=8))


def _seed(game: Game) -> int:
    return int(game.rng.integers(2**31))


def _optimized(game: Game, sampler: optuna.samplers.BaseSampler) -> None:
    """Ask, look, tell. A recipe that is asked for again is timed in one process more."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    space = {name: _values(name) for name in game.table.candidates}
    while True:
        trial = study.ask()
        shown = game.look(_suggested(trial, space))
        if shown is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, [shown.log, shown.loss.value])


def _values(spelling: str) -> Values:
    """A recipe as the product's own Optuna parameters, lists of names aside."""
    return parameters(Recipe.parse(spelling), "local", {})[0]


def _suggested(trial: optuna.Trial, space: Mapping[str, Values]) -> str:
    """Walk down to one recipe: each parameter is suggested among the values that are left.

    Which parts there are comes before their settings, and a parameter's name says its choices,
    since Optuna never lets them change.
    """
    left = dict(space)
    for name in sorted({name for values in space.values() for name in values}, key=_rank):
        choices = _choices(left, name)
        if len(choices) > 1:
            listed = "|".join(map(str, choices))
            chosen = trial.suggest_categorical(f"{name} of {listed}", choices)
            left = {key: values for key, values in left.items() if values.get(name) == chosen}
    return next(iter(left))


def _choices(left: Mapping[str, Values], name: str) -> Sequence[Any]:
    found = {values.get(name) for values in left.values()}
    return sorted(found, key=str)


def _rank(name: str) -> tuple[bool, str]:
    return "." in name, name
