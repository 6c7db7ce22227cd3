"""Which recipes to try on a model on this machine: a few to start with, then the best."""

from collections.abc import Callable

from optim.findings import EVEN
from optim.graph import analysis_of
from optim.machine.environment import usable_cores
from optim.model import Model
from optim.recipe import Recipe
from optim.search.answer import Answer, answer
from optim.search.find import Search
from optim.search.history import earlier
from optim.search.news import News
from optim.search.on_machine import OnThisMachine
from optim.search.predict import Predictor, mix_of
from optim.search.prior import prior_for
from optim.search.space import (
    around,
    candidates,
    circumstances_of,
    installable,
    starting_recipes,
    threaded,
)
from optim.studies.goal import Goal
from optim.studies.picking import Facts
from optim.studies.study import Study


def starting_set(model: Model) -> list[Recipe]:
    """The starting recipes for a model on this machine: the original, then what promises most.

    On equally many threads, so that those that only have more do not come first.
    """
    here = circumstances_of(model)
    first, *others = starting_recipes(here)
    expected = prior_for(here, mix_of(analysis_of(model)))
    return [first, *sorted(others, key=lambda one: -expected(threaded(one, 1)))]


def find_best(
    study: Study,
    goal: Goal,
    budget: float,
    on_news: Callable[[News], None] = lambda news: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Answer:
    """Search for the best recipe within the goal's limits and `budget` seconds from now.

    What was measured in this study already counts, so that a search goes on where one ended. What
    it measures becomes trials of the study. Stopped or out of time, it answers with the best
    so far.
    """
    here, cores = circumstances_of(study.model), goal.cores or usable_cores()
    alone = goal.objective == "memory" or goal.max_memory_mb is not None
    instrument = OnThisMachine(study, here, budget, cancelled, alone=alone)
    mix = mix_of(analysis_of(study.model))
    search = Search(
        instrument,
        Predictor(mix, prior_for(here, mix), earlier(study)),
        goal,
        budget=budget,
        pool=candidates(here, cores),
        near=lambda recipe: around(recipe, here, cores),
        cores=cores,
        on_news=on_news,
    )
    try:
        picked = search.run()
    finally:
        instrument.close()
    return answer(
        picked or _ORIGINAL,
        search.news(),
        goal,
        labelled=study.evalset.labelled,
        spent=instrument.now() > 0.8 * budget or cancelled(),
        absent=installable(here),
    )


_ORIGINAL = Facts("onnxruntime", threads=1, is_original=True, gain=EVEN, alike=EVEN, loss=None)
