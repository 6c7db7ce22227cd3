"""What a search knows from before: what was timed here, and not what other work disturbed."""

import numpy as np
import pytest
from support.study_tools import brought, study

from optim.machine.environment import environment
from optim.recipe import Recipe
from optim.search.recorder import Recorder
from optim.studies.study import Study
from optim.studies.trial import Progress
from optim.timing.measurement import BASELINE, CANDIDATE, SINGLE_THREAD, Slice

__all__ = ["brought", "study"]  # fixtures


def slice_with(contention: float) -> Slice:
    arms = {
        arm: [[100 + i, 101, 99] for i in range(4)] for arm in (CANDIDATE, BASELINE, SINGLE_THREAD)
    }
    return Slice(
        arms=arms,
        started_at="",
        load_average=0,
        environment=environment(),
        contention=contention,
    )


def timed(study: Study, spelling: str, *contentions: float) -> Recipe:
    recipe = Recipe.parse(spelling)
    number = study.add(recipe)
    study.claim([number])
    study.begin(number)
    progress = Progress()
    for one in contentions:
        progress = progress.with_slice(slice_with(one))
    study.save(number, progress)
    study.complete(number, [1.0, 0.5])
    return recipe


@pytest.mark.parametrize(
    ("spelling", "contentions", "kept"),
    [
        ("openvino:threads=2", (0.0, 0.8, 0.1), [0.0, 0.1]),
        ("openvino:threads=2", (0.8, 0.9), []),
        ("openvino", (0.8, 0.0), [0.8, 0.0]),  # its ratio is paired, and waits for no other thread
    ],
)
def test_what_threads_waited_in_is_timed_anew(
    study: Study,
    spelling: str,
    contentions: tuple[float, ...],
    kept: list[float],
) -> None:
    recipe = timed(study, spelling, *contentions)
    progress, slices = Recorder(study).measured()[recipe]
    assert np.allclose([one.contention for one in slices], kept)
    assert len(progress.slices) == len(kept)
