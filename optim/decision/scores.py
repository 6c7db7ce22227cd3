"""Scores of the validation samples, each model on its recipe's engine, in a child; then kept."""

from importlib.metadata import version

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.decision.costs import Numbers
from optim.errors import InputError
from optim.evalset import EvalSet, evalset_from_digest
from optim.home import kept
from optim.judging.outputs import outputs_of
from optim.machine.environment import machine_id
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import runtime_of

_WHERE = "decide"


class Scores(BaseModel):
    """The probability of class 1 for each validation sample, in their order."""

    model_config = ConfigDict(frozen=True)

    values: tuple[float, ...]


def scores_of(model: Model, original: Model, recipe: Recipe, evalset: EvalSet) -> Numbers:
    """[n] of all validation samples. Raises InputError where these are no probabilities; StepError.

    Args:
        model: the optimized one; `original` says which output is judged.
    """
    engine = recipe.runtime
    versions = (version(name) for name in engine.packages)
    key = " ".join((model.digest, evalset.digest, engine.spelling, machine_id(), *versions))
    outputs = evalset.of_one(original.outputs)
    name = evalset.judged(outputs).name

    def make() -> Scores:
        given = {
            "path": str(model.path),
            "runtime": engine.spelling,
            "evalset": evalset.digest,
            "output": name,
        }
        files = sandbox.Files(readable=(model.folder, evalset.path))
        return Scores(values=sandbox.call(take_scores, given, where=_WHERE, files=files))

    found = np.array(kept(Scores, "scores", key, make).values)
    if not ((found >= 0) & (found <= 1)).all():
        raise InputError(
            f"The output {name!r} is no probability of class 1: it goes from {found.min():.3g} to "
            f"{found.max():.3g}.",
            "Costs decide by probabilities; give a model whose output is one.",
            _WHERE,
        )
    return found


def take_scores(path: str, runtime: str, evalset: str, output: str) -> list[float]:
    """Child function: the last number of the output for each validation sample."""
    from pathlib import Path

    samples = evalset_from_digest(evalset)
    runs = outputs_of(runtime_of(runtime), Path(path), samples.feeds("validation"))
    return [float(np.ravel(one[output])[-1]) for run in runs for one in samples.each(run)]


def bad_of(evalset: EvalSet) -> np.ndarray:
    """Which validation samples are of class 1, [n]. Raises InputError where not all are 0 or 1."""
    labels = evalset.labels("validation")
    if labels is None or not np.isin(labels, (0, 1)).all() or labels.ndim != 1:
        raise InputError(
            "Costs are of decisions between two classes, labelled 0 (good) and 1 (bad).",
            "Bring an EvalSet with such labels.",
            _WHERE,
        )
    found: np.ndarray = labels == 1
    return found
