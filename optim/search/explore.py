"""Find the best configuration of a study's model on this machine."""

from collections.abc import Callable

from optim.graph import analysis_of
from optim.machine.environment import usable_cores
from optim.search.answer import Answer, answer
from optim.search.find import Search
from optim.search.news import News
from optim.search.on_machine import OnThisMachine
from optim.search.predict import Predictor, mix_of
from optim.search.prior import prior_for
from optim.search.space import candidates, circumstances_of, near
from optim.studies.goal import Goal
from optim.studies.picking import EVEN, Facts
from optim.studies.study import Study


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
    instrument = OnThisMachine(study, here, budget, cancelled)
    mix = mix_of(analysis_of(study.model))
    search = Search(
        instrument,
        Predictor(mix, prior_for(here, mix)),
        goal,
        budget=budget,
        pool=candidates(here, cores),
        near=lambda recipe: near(recipe, here),
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
        spent=instrument.now() > 0.8 * budget,
    )


_ORIGINAL = Facts("onnxruntime", threads=1, is_original=True, gain=EVEN, alike=EVEN, loss=None)
