"""Evidence of a case: built, run and profiled for real, timed by a stopwatch."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx

from optim.build import built
from optim.evalset import EvalSet, load_evalset
from optim.explaining.executed import Side, wanted_precision
from optim.explaining.profile import join_profile
from optim.graph import analysis_of
from optim.ingest import ingest
from optim.judging.quality import quality_of
from optim.model import Model
from optim.recipe import Recipe
from optim.why.evidence import Evidence
from optim.why.gathering import evidence
from support.trials import summary, trial
from support.why_cases import Case

_RUNS = 20


class Witness:
    """Sees cases, each model with its samples brought and profiled once, in this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._brought: dict[tuple[Callable[..., object], ...], tuple[Model, EvalSet]] = {}
        self._sides: dict[tuple[str, str], Side] = {}

    def __call__(self, case: Case) -> Evidence:
        """What is known of a case."""
        model, evalset = self._bring(case)
        recipe = Recipe.parse(case.recipe)
        made = built(model, recipe, evalset)
        before = self._side(model, Recipe.baseline(recipe.runtime.threads), evalset)
        after = self._side(made.model, recipe, evalset)
        timed = summary(after.p50_us / 1e3, before.p50_us / after.p50_us, **case.facts)
        judged = quality_of(made.model, model, recipe, evalset) if case.judged else None
        facts = {"model_digest": made.model.digest, "reports": made.reports}
        done = trial(1, timed, judged, case.recipe).model_copy(update=facts)
        study = SimpleNamespace(model=model, evalset=evalset)
        return evidence(study, done, (before,), (after,))  # type: ignore[arg-type]

    def _bring(self, case: Case) -> tuple[Model, EvalSet]:
        key = (case.model, case.arrays)
        if key not in self._brought:
            made = case.model()
            onnx.save(made, self._folder / "model.onnx")
            np.savez(self._folder / "evalset.npz", **case.arrays(made))
            model = ingest(self._folder / "model.onnx", evalset=self._folder / "evalset.npz")
            self._brought[key] = model, load_evalset(self._folder / "evalset.npz", model)
        return self._brought[key]

    def _side(self, model: Model, recipe: Recipe, evalset: EvalSet) -> Side:
        key = (model.digest, recipe.runtime.spelling)
        if key not in self._sides:
            (feeds,) = evalset.feeds("calibration", 1)
            times = recipe.runtime.profile(model.path, feeds, _RUNS)
            graph = analysis_of(model)
            self._sides[key] = Side(
                analysis=graph,
                profile=join_profile(graph, times),
                wanted=wanted_precision(recipe),
                p50_us=_microseconds(model, recipe, feeds),
            )
        return self._sides[key]


def _microseconds(model: Model, recipe: Recipe, feeds: dict[str, np.ndarray]) -> float:
    """The quickest of some runs: other programs only make runs longer."""
    session = recipe.runtime.open(model.path)
    run, taken = session.bind(feeds), []
    for _ in range(_RUNS):
        begun = time.perf_counter()
        run()
        taken.append(1e6 * (time.perf_counter() - begun))
    session.close()
    return min(taken)
