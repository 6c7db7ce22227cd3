"""A trial: a recipe on a target, with its Measurement, Estimate or error.

`Progress` is what its steps find out and the store keeps (digests and JSON; raw samples are files),
`Trial` what everybody else sees: the same with what it is of, and the statistics derived.
"""

import logging
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from optim.build import PassReport
from optim.errors import InputError, OptimError
from optim.findings import Caution
from optim.home import kept
from optim.home.files import file_path, hash_files, put_bytes
from optim.judging.quality import Quality
from optim.recipe import Recipe
from optim.targets import LOCAL
from optim.targets.estimate import Estimate
from optim.timing import cautions, measurement, stats
from optim.timing.measurement import Measurement, Slice, Summary

State = Literal["waiting", "running", "tightening", "done", "failed", "cancelled", "interrupted"]
FINISHED: frozenset[State] = frozenset({"done", "failed", "cancelled", "interrupted"})
FEW_RUNS = 20
"""Below so many an interval says nothing: ends of 0 and 811 million ms were seen."""
_SUFFIX = ".slice.gz"
ASKED = "asked"
"""Attribute of what a trial is of: recipe, target, who asked for it and when."""
_logger = logging.getLogger(__name__)


class Progress(BaseModel):
    """What is known of a trial so far, stored after every step.

    `slices` are the digests of its slices' files, in the order they were timed. `model_digest` and
    `size_bytes` are the optimized model's. `judged` means that the quality is final:
    judged on the whole validation split, or as much of it as the time allows. `cautions` are what
    the steps found out beside their figures.
    """

    model_config = ConfigDict(frozen=True)

    phase: str = ""
    model_digest: str = ""
    size_bytes: int | None = None
    reports: tuple[PassReport, ...] = ()
    slices: tuple[str, ...] = ()
    quality: Quality | None = None
    estimate: Estimate | None = None
    judged: bool = False
    cautions: tuple[Caution, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _as_first_stored(cls, data: Any) -> Any:
        """Version 0.1 called the passes' reports `steps`."""
        if isinstance(data, dict) and "steps" in data:
            return {**data, "reports": data["steps"]}
        return data

    @property
    def has_point(self) -> bool:
        """Whether there is something to draw: a latency and a quality."""
        return bool(self.slices or self.estimate) and self.quality is not None

    def with_slice(self, piece: Slice) -> Self:
        """The same with one more slice, its samples kept in a file."""
        digest = put_bytes(Measurement(slices=(piece,)).to_bytes(), _SUFFIX)
        return self.model_copy(update={"slices": (*self.slices, digest)})


@lru_cache(maxsize=4096)
def summary_of(slices: tuple[str, ...]) -> Summary:
    """The statistics of slices given by digest. Raises InputError where a file is unreadable.

    They are kept beside the samples, so that a study of many trials opens at once, and derived
    anew where the code that derives them has changed.
    """
    if not all(file_path(digest, _SUFFIX).exists() for digest in slices):
        return stats.summarize(measurement_of(slices))
    key = " ".join((_deriving(), *slices))
    return kept(Summary, "summaries", key, lambda: stats.summarize(measurement_of(slices)))


@cache
def _deriving() -> str:
    """Digest of the code that statistics and warnings come from."""
    return hash_files(*(Path(str(module.__file__)) for module in (stats, cautions, measurement)))


def measurement_of(slices: tuple[str, ...]) -> Measurement:
    """The raw samples of slices given by digest."""
    stored = (Measurement.from_bytes(file_path(d, _SUFFIX).read_bytes()) for d in slices)
    return Measurement(slices=tuple(piece for one in stored for piece in one.slices))


class Trial(Progress):
    """One trial as it stands. Latencies in ms, sizes in bytes.

    `phase` says what a running trial does: building, timing, judging. `origin` is who asked for
    it: "user", "cli", "start" (the starting set), "search".
    """

    number: int
    recipe: Recipe
    recipe_digest: str
    """With the versions that its parts had when it was made."""
    target: str
    state: State
    error: str = ""
    summary: Summary | None = None
    warnings: tuple[Caution, ...] = ()
    pinned: bool = False
    note: str = ""
    origin: str = ""
    created: str

    @property
    def progress(self) -> Progress:
        """What its steps have found out."""
        return Progress(**{name: getattr(self, name) for name in Progress.model_fields})

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINISHED

    @property
    def verdict(self) -> str:
        """What is said of its quality; why it ended, where that is a fault or all there is."""
        judged = self.quality.verdict if self.quality else ""
        return judged if judged and self.state == "interrupted" else self.error or judged

    @property
    def is_original(self) -> bool:
        """Whether it is what all others are compared with: the original on one thread, here."""
        return self.runs_the_original and self.target == LOCAL

    @property
    def runs_the_original(self) -> bool:
        """Whether it is the original as it comes on one thread, on whichever hardware."""
        return self.recipe.is_baseline and self.recipe.runtime.threads == 1

    @property
    def held_up(self) -> bool:
        """Whether it waits for something else that is timed on its machine."""
        return not self.finished and self.phase.startswith("timing:")

    @property
    def unsettled(self) -> bool:
        """Whether no interval can be told of its figures.

        It is a first reading, or its runs scatter so that nothing follows from them.
        """
        if self.summary is None:
            return False
        few = self.state != "done" and self.summary.runs < FEW_RUNS
        return few or self.summary.speedup.vague

    @property
    def latency_ms(self) -> float | None:
        """Measured median or estimate, whichever there is."""
        if self.summary:
            return self.summary.p50_ms.value
        return self.estimate.value if self.estimate else None


def derived(progress: Progress) -> tuple[Summary | None, tuple[Caution, ...]]:
    """Statistics and all warnings of a trial. A lost samples file is a warning, no failure."""
    warnings = [
        Caution(code="no_change", text=f"{s.name} changed nothing in this model.", severity="info")
        for s in progress.reports
        if not s.modified
    ]
    summary = None
    if progress.slices:
        try:
            summary = summary_of(progress.slices)
            warnings += summary.warnings
        except (OptimError, OSError) as error:
            text = f"Its timings cannot be read ({error}); measure it again."
            warnings.append(Caution(code="samples_lost", text=text, severity="error"))
    if progress.quality:
        warnings += progress.quality.warnings
    warnings += progress.cautions
    return summary, tuple(warnings)


def trial_of(frozen: FrozenTrial) -> Trial | None:
    """The Trial that an Optuna trial stands for; None for one that this version cannot read."""
    asked = asked_of(frozen)
    try:
        progress = Progress.model_validate(frozen.user_attrs.get("progress", {}))
        recipe = recipe_of(asked)
    except (KeyError, InputError, ValidationError) as error:
        _logger.warning("Trial %d is left out, it cannot be read: %s", frozen.number, error)
        return None
    end = frozen.user_attrs.get("end", {})
    summary, warnings = derived(progress)
    return Trial(
        **{name: getattr(progress, name) for name in Progress.model_fields},
        number=frozen.number,
        recipe=recipe,
        recipe_digest=asked["recipe_digest"],
        target=asked["target"],
        origin=asked["origin"],
        created=asked["created"],
        state=_state(frozen.state, progress, end.get("state", "failed")),
        error=end.get("error", ""),
        summary=summary,
        warnings=warnings,
    )


def asked_of(frozen: FrozenTrial) -> dict[str, Any]:
    """What an Optuna trial is of; before version 0.3 each was an attribute of its own."""
    kept = frozen.user_attrs
    return {**kept, **kept.get(ASKED, {})}


def recipe_of(asked: dict[str, Any]) -> Recipe:
    """The recipe that was asked for. Raises KeyError or InputError where it cannot be read."""
    return _recipe(asked.get("recipe", ""), asked["recipe_digest"], asked["recipe_yaml"])


@lru_cache(maxsize=4096)
def _recipe(spelling: str, digest: str, stored: str) -> Recipe:
    """A trial's recipe: by its spelling, much sooner read, where that still means the same."""
    with suppress(InputError):
        recipe = Recipe.parse(spelling)
        if recipe.digest == digest:
            return recipe
    return Recipe.from_yaml(stored)


def _state(state: TrialState, progress: Progress, end: State) -> State:
    match state:
        case TrialState.WAITING:
            return "waiting"
        case TrialState.RUNNING:
            return "tightening" if progress.has_point else "running"
        case TrialState.COMPLETE:
            return "done"
        case _:
            return end
