"""The steps of a trial, as the worker runs them.

The first step builds the optimized model, times one short slice and judges on a few samples, so
that there is a point within seconds. Every later step is one more slice, or the judgement on the
whole validation split. A step gets and gives JSON, so it may run on another machine that shares
the home folder; everything heavy in it is a child process.
"""

import time
from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from optim.build import BuildStep, built
from optim.errors import Cancelled, OptimError, StepError
from optim.evalset import EvalSet, evalset_from_digest
from optim.graph import analysis_of
from optim.judging.quality import Quality, quality_of
from optim.model import Model, load_model
from optim.recipe import Recipe
from optim.settings import settings
from optim.studies.trial import Progress, summary_of
from optim.targets import LOCAL, all_targets
from optim.targets.estimate import Estimate, estimate
from optim.timing.measure import slice_of
from optim.timing.measurement import Slice
from optim.timing.stats import good_enough

Kind = Literal["first", "slice", "judge"]
FIRST_SLICE_SECONDS = 0.6
SLICE_SECONDS = 1.5
MAX_SLICES = 8


class Job(BaseModel):
    """One step to do: which trial it is of, and what is known of it so far."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    model: str
    evalset: str
    recipe: str
    target: str = LOCAL
    progress: Progress = Progress()


class Done(BaseModel):
    """What a step brought. With an `error` the rest is what it had brought until then."""

    model_config = ConfigDict(frozen=True)

    model_digest: str = ""
    size_bytes: int | None = None
    steps: tuple[BuildStep, ...] = ()
    slice: Slice | None = None
    quality: Quality | None = None
    estimate: Estimate | None = None
    error: str = ""
    cancelled: bool = False
    seconds: float = 0.0

    def with_(self, **values: Any) -> Self:
        """The same with these values."""
        return self.model_copy(update=values)

    def added_to(self, progress: Progress, kind: Kind) -> Progress:
        """The trial's progress after this step, which was of this kind."""
        news = {
            "model_digest": self.model_digest,
            "size_bytes": self.size_bytes,
            "steps": self.steps,
            "quality": self.quality,
            "estimate": self.estimate,
            "judged": kind == "judge" or (self.quality is not None and self.quality.complete),
        }
        progress = progress.model_copy(update={key: value for key, value in news.items() if value})
        return progress.with_slice(self.slice) if self.slice else progress


def next_step(progress: Progress) -> Kind | None:
    """What to do next in a trial that has had its first step; None when it is done.

    Slices until the interval is narrow enough, or the budget of slices or of seconds is used up;
    the whole validation split as soon as two slices have shown that the point is there to stay.
    """
    if progress.estimate or timed_enough(progress):
        return None if progress.judged else "judge"
    return "slice" if progress.judged or len(progress.slices) < 2 else "judge"


def timed_enough(progress: Progress) -> bool:
    """Whether no further slice is wanted."""
    count = len(progress.slices)
    spent = FIRST_SLICE_SECONDS + SLICE_SECONDS * (count - 1)
    out_of_budget = count >= MAX_SLICES or spent >= settings().trial_seconds
    return out_of_budget or good_enough(summary_of(progress.slices))


def run_step(job: Job, on_phase: Callable[[str], None], cancelled: Callable[[], bool]) -> Done:
    """Do one step. Errors meant for people are in the answer, beside what was reached."""
    step = _Step(job, on_phase, cancelled)
    started = time.monotonic()
    try:
        step.run()
    except Cancelled:
        step.done = step.done.with_(cancelled=True)
    except OptimError as error:
        step.done = step.done.with_(error=str(error))
    return step.done.with_(seconds=time.monotonic() - started)


class _Step:
    """One step under way; `done` grows as it gets on."""

    def __init__(
        self, job: Job, on_phase: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        self._job, self._on_phase, self._cancelled = job, on_phase, cancelled
        self._recipe = Recipe.parse(job.recipe)
        self._original = load_model(job.model)
        self._evalset: EvalSet = evalset_from_digest(job.evalset)
        self.done = Done()

    def run(self) -> None:
        match self._job.kind:
            case "first":
                optimized = self._build()
                if self._job.target == LOCAL:
                    self._time(optimized, FIRST_SLICE_SECONDS, solo=True)
                else:
                    self._estimate(optimized)
                self._judge(optimized, quick=True)
            case "slice":
                self._time(load_model(self._job.progress.model_digest), SLICE_SECONDS, solo=False)
            case "judge":
                self._judge(load_model(self._job.progress.model_digest))

    def _build(self) -> Model:
        self._on_phase("building")
        result = built(self._original, self._recipe, self._evalset, cancelled=self._cancelled)
        self.done = self.done.with_(
            model_digest=result.model.digest,
            size_bytes=result.model.size_bytes,
            steps=result.steps,
        )
        return result.model

    def _time(self, optimized: Model, seconds: float, solo: bool) -> None:
        self._on_phase("timing")
        part = slice_of(
            optimized,
            self._original,
            self._recipe,
            self._evalset,
            seconds=seconds,
            seed=len(self._job.progress.slices),
            solo=solo,
            cancelled=self._cancelled,
        )
        self.done = self.done.with_(slice=part)

    def _judge(self, optimized: Model, quick: bool = False) -> None:
        self._on_phase("judging")
        quality = quality_of(
            optimized,
            self._original,
            self._recipe,
            self._evalset,
            quick=quick,
            cancelled=self._cancelled,
        )
        self.done = self.done.with_(quality=quality)

    def _estimate(self, optimized: Model) -> None:
        self._on_phase("estimating")
        target = all_targets()[self._job.target]
        guess = estimate(analysis_of(optimized), target, self._recipe)
        if guess.refused:
            raise StepError(guess.refused, "Choose another target or recipe.", "estimate")
        self.done = self.done.with_(estimate=guess)
