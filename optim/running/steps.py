"""The steps of a trial, as the worker runs them.

The first step builds the optimized model, times one short slice and judges on a few samples, so
that there is a point within seconds. Every later step is one more slice, or the judgement on the
whole validation split. A step gets and gives JSON, so it may run on another machine that shares
the home folder; everything heavy in it is a child process.
"""

import itertools
import time
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.build import built
from optim.errors import Cancelled, DiskError, OptimError, StepError, of_the_disk
from optim.evalset import EvalSet, evalset_from_digest
from optim.graph import analysis_of
from optim.home import kept, kept_already, unwritable
from optim.judging.quality import ALL, QUICK, Extent, quality_of
from optim.machine.lock import telling
from optim.model import Model, load_model
from optim.recipe import Recipe
from optim.running.noticing import on_answers, on_build, together
from optim.studies.trial import Progress, summary_of
from optim.targets import LOCAL, all_targets
from optim.targets.estimate import estimate
from optim.timing.measure import slice_of
from optim.timing.stopping import StoppingRule

_AGAIN_SECONDS, _LOOKS = 3.0, 15
_FIRST_LOOKS = "first_looks"
_MOST_TRIES = 5
"""Of a step that fails by a disk which otherwise takes files: rights may come back one by one."""
StepKind = Literal["first", "slice", "judge"]


class Job(BaseModel):
    """One step to do: which trial it is of, and what is known of it so far."""

    model_config = ConfigDict(frozen=True)

    kind: StepKind
    model: str
    evalset: str
    recipe: str
    target: str = LOCAL
    progress: Progress = Progress()


class Done(BaseModel):
    """What is known of the trial after a step; with an `error`, what was reached before it."""

    model_config = ConfigDict(frozen=True)

    progress: Progress = Progress()
    error: str = ""
    cancelled: bool = False
    seconds: float = 0.0


def next_step(progress: Progress) -> StepKind | None:
    """What to do next in a trial that has had its first step; None when it is done.

    Slices until the stopping rule has enough; the whole validation split as soon as two slices
    have shown that the point is there to stay.
    """
    if progress.estimate or _timed_enough(progress):
        return None if progress.judged else "judge"
    return "slice" if progress.judged or len(progress.slices) < 2 else "judge"


def _timed_enough(progress: Progress) -> bool:
    summary = summary_of(progress.slices)
    return StoppingRule.of_settings().enough(summary.processes, summary.speedup)


def run_step(job: Job, on_phase: Callable[[str], None], cancelled: Callable[[], bool]) -> Done:
    """Do one step. Errors meant for people are in the answer, beside what was reached.

    While the disk takes nothing the step waits, and what failed by it is done again.
    """
    step = _Step(job, on_phase, cancelled)
    started, error, gave_up = time.monotonic(), "", False
    try:
        for tried in itertools.count(1):
            if _done(step, last=tried >= _MOST_TRIES):
                break
            _wait_for_disk(on_phase, cancelled)
    except Cancelled:
        gave_up = True
    except OptimError as caught:
        error = str(caught)
    seconds = time.monotonic() - started
    return Done(progress=step.progress, error=error, cancelled=gave_up, seconds=seconds)


def _done(step: "_Step", last: bool) -> bool:
    """Whether the step could be done; where the disk took nothing, it is no fault of the step's.

    Raises: what the step does; DiskError where it is the last try and the disk takes files.
    """
    try:
        step.run()
    except Exception as error:
        told = error if isinstance(error, DiskError) else of_the_disk(error)
        if told is None:
            raise
        if last and not unwritable():
            raise told from error
        return False
    return True


def _wait_for_disk(on_phase: Callable[[str], None], cancelled: Callable[[], bool]) -> None:
    """Wait a little, and then for as long as the disk takes nothing."""
    why = unwritable()
    while True:
        if why:
            on_phase(f"waiting: {why.what.rstrip('.')}")
        for _ in range(_LOOKS):
            time.sleep(_AGAIN_SECONDS / _LOOKS)
            if cancelled():
                raise Cancelled("Cancelled.", "Retry it when there is space.")
        if not (why := unwritable()):
            return


class _Step:
    """One step under way; `progress` grows as it gets on."""

    def __init__(
        self, job: Job, on_phase: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        self._job, self._on_phase, self._cancelled = job, on_phase, cancelled
        self._recipe = Recipe.parse(job.recipe)
        self._original = load_model(job.model)
        self._evalset: EvalSet = evalset_from_digest(job.evalset)
        self.progress = job.progress

    def run(self) -> None:
        match self._job.kind:
            case "first":
                optimized = self._build()
                if self._job.target == LOCAL:
                    self._time(optimized)
                else:
                    self._estimate(optimized)
                self._judge(optimized, quick=True)
            case "slice":
                self._time(load_model(self.progress.model_digest))
            case "judge":
                self._judge(load_model(self.progress.model_digest))

    def _learn(self, **news: object) -> None:
        self.progress = self.progress.model_copy(update=news)

    def _build(self) -> Model:
        self._on_phase("building")
        result = built(
            self._original,
            self._recipe,
            self._evalset,
            cancelled=self._cancelled,
            say=lambda text: self._on_phase(f"building, {text}"),
        )
        self._learn(
            model_digest=result.model.digest,
            size_bytes=result.model.size_bytes,
            reports=result.reports,
        )
        noticed = on_build(self._original, result.model, self._recipe, self._evalset)
        self._learn(cautions=together(self.progress.cautions, noticed))
        return result.model

    def _time(self, optimized: Model) -> None:
        self._on_phase("timing")
        taken = len(self.progress.slices)
        with telling(lambda why: self._on_phase(f"timing: {why}" if why else "timing")):
            piece = slice_of(
                optimized,
                self._original,
                self._recipe,
                self._evalset,
                seconds=StoppingRule.of_settings().seconds(taken),
                seed=taken,
                solo=taken == 0,
                cancelled=self._cancelled,
            )
        self.progress = self.progress.with_slice(piece)

    def _judge(self, optimized: Model, quick: bool = False) -> None:
        self._on_phase("judging")
        quality = quality_of(
            optimized,
            self._original,
            self._recipe,
            self._evalset,
            self._first_look() if quick else ALL,
            cancelled=self._cancelled,
        )
        if quick and not quality.complete:
            self._look_alike(quality.n)
        self._learn(quality=quality, judged=not quick or quality.complete)
        if self._job.target == LOCAL:
            known = optimized, self._original, self._recipe, self._evalset
            noticed = on_answers(*known, quality, self._cancelled)
            self._learn(cautions=together(self.progress.cautions, noticed))

    def _first_look(self) -> Extent:
        """On as many samples as the model's first one, which had time for so many.

        Points that are judged on different samples would move as soon as they meet.
        """
        return kept_already(Extent, _FIRST_LOOKS, self._judged_on) or QUICK

    def _look_alike(self, count: int) -> None:
        runs = count // self._evalset.together
        alike = QUICK.model_copy(update={"samples": runs, "soon": QUICK.seconds})
        kept(Extent, _FIRST_LOOKS, self._judged_on, lambda: alike)

    @property
    def _judged_on(self) -> str:
        return f"{self._original.digest} {self._evalset.digest}"

    def _estimate(self, optimized: Model) -> None:
        self._on_phase("estimating")
        target = all_targets()[self._job.target]
        guess = estimate(analysis_of(optimized), target, self._recipe)
        if guess.refused:
            raise StepError(guess.refused, "Choose another target or recipe.", "estimate")
        self._learn(estimate=guess)
