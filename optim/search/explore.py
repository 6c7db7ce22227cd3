"""Which recipes to try: a starting set for any model, then the neighbours of what did well.

What to try is declared by the parts; here it is gathered.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from optim.errors import InputError
from optim.graph import analysis_of
from optim.judging.saturation import SATURATED
from optim.machine.environment import environment
from optim.part import Circumstances, Ingredient, Start, build_part
from optim.passes.base import Pass, all_passes
from optim.recipe import Recipe, ingredients
from optim.running.queue import Queue
from optim.studies.choice import front_of
from optim.studies.study import Study
from optim.studies.trial import Trial

_START_SIZE = 9
_NEIGHBOURS_PER_ROUND = 4
_LOG = logging.getLogger(__name__)


def starting_recipes(
    ops: Mapping[str, int], flags: Iterable[str] = (), cores: int = 1
) -> list[Recipe]:
    """About eight recipes that show the trade-offs of a model, the baseline first.

    Args:
        ops: how many nodes of each operator the model has.
        flags: the CPU's instruction sets, as `/proc/cpuinfo` names them.
        cores: how many cores may be used.
    """
    return started(Circumstances(ops, frozenset(flags), cores))[:_START_SIZE]


def circumstances_of(study: Study) -> Circumstances:
    """The study's model on this machine."""
    here = environment()
    histogram = analysis_of(study.model).op_histogram
    return Circumstances(histogram, frozenset(here["flags"].split()), int(here["cores"]))


def starting_set(study: Study) -> list[Recipe]:
    """The starting recipes for a study's model on this machine."""
    here = circumstances_of(study)
    return starting_recipes(here.ops, here.flags, here.cores)


def explore_study(
    study: Study, queue: Queue, budget: float, on_change: Callable[[Trial], None]
) -> list[int]:
    """Try the starting set, then neighbours of the front, until `budget` seconds are over.

    What runs when the budget ends is cancelled; a trial that has a first point keeps it.
    Returns the numbers of all trials started.
    """
    deadline = time.monotonic() + budget
    recipes, here = starting_set(study), circumstances_of(study)
    numbers: list[int] = []
    while recipes and time.monotonic() < deadline:
        new = [study.add(recipe, "local", origin="explore", again=True) for recipe in recipes]
        numbers += new
        queue.run_all(study, new, on_change, seconds=deadline - time.monotonic())
        trials = study.trials_of(numbers)
        tried = {trial.recipe for trial in trials}
        near = [*_mended(trials, here), *_near_the_best(trials, here)]
        recipes = list(dict.fromkeys(r for r in near if r not in tried))[:_NEIGHBOURS_PER_ROUND]
    return numbers


def _mended(trials: Sequence[Trial], here: Circumstances) -> Iterator[Recipe]:
    """Remedies for the trials whose 8-bit products were found to overflow, on a front or not."""
    for trial in trials:
        if any(caution.code == SATURATED for caution in trial.warnings):
            yield from remedies(trial.recipe, here)


def _near_the_best(trials: Sequence[Trial], here: Circumstances) -> Iterator[Recipe]:
    on_front = front_of(trials)
    for trial in trials:
        if trial.number in on_front:
            yield from neighbours(trial.recipe, here)
