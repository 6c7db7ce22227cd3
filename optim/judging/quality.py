"""Judge a model against the original it came from, on validation samples only.

With labels: the EvalSet's metric for both models on the same samples, with a paired test. Always:
fidelity of the outputs. The judging runs in a child process.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.arrays import Array
from optim.evalset import EvalSet, evalset_from_digest
from optim.findings import Caution
from optim.home import kept, kept_already, written
from optim.home.files import hash_files
from optim.home.scratch import scratch
from optim.judging import outputs, verdicts
from optim.judging.fidelity import Drift, Fidelity, fidelity
from optim.judging.labelling import Misfit, misfit
from optim.judging.matching import Matching
from optim.judging.paired import Difference, difference
from optim.judging.sequential import conclusion, level_of, looks, loss_at
from optim.machine.environment import machine_id
from optim.metrics.base import Metric, find_metric
from optim.metrics.choosing import choose_output
from optim.metrics.support.outputs import answer_of, is_class_like, is_decision
from optim.metrics.support.rows import Rows
from optim.model import Model, TensorSpec
from optim.recipe import Recipe
from optim.settings import settings

_FEWEST = 64  # samples of a first verdict
_KEPT = "judgements"  # folder of the home folder
_TIME_SHARE = 0.6
"""Share of a step's time after which judging stops with the samples it has."""


class Extent(BaseModel):
    """How far to judge, in validation samples (shuffled once) and in seconds from the first answer.

    `samples`: the first so many; all by default. `seconds`: at most; by default what a step's time
    allows. `soon`: enough seconds where there is a first verdict, on 64 samples. `within`: stop as
    soon as the loss is known to be at most this, or more; see `sequential`.
    """

    model_config = ConfigDict(frozen=True)

    samples: int | None = None
    seconds: float | None = None
    soon: float | None = None
    within: float | None = None

    def over(self, count: int, seconds: float) -> bool:
        """Whether the time is up after so many samples."""
        soon = self.soon if count >= _FEWEST else None
        return any(seconds > most for most in (soon, self.seconds) if most is not None)


ALL = Extent()
QUICK = Extent(samples=outputs.CHUNK, seconds=5.0, soon=0.5)
"""A part of the samples, judged within a second if that can be."""


class Quality(BaseModel):
    """How good a model is beside the original, on `n` validation samples.

    `value`, `baseline_value` and `difference` (value - baseline_value) are in the metric's own
    unit, shares for percentages. `p_value` is None where the original is its own reference.
    `complete` means that every validation sample was used. `drifted`: an output is far from the
    original's, whatever the metric says. `relabelling`: a change of the labels that would make them
    fit the original's answers far better.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    value: float
    baseline_value: float
    difference: float
    difference_ci: tuple[float, float]
    p_value: float | None
    n: int
    labelled: bool
    complete: bool
    fidelity: Fidelity
    collapsed: bool
    drifted: bool = False
    verdict: str
    relabelling: str = ""
    warnings: tuple[Caution, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether it may be chosen on its metric alone: the outputs are near the original's."""
        return not (self.collapsed or self.drifted)


def quality_of(
    built: Model,
    original: Model,
    recipe: Recipe,
    evalset: EvalSet,
    extent: Extent = ALL,
    *,
    afresh: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Quality:
    """Judge `built`, run as the recipe says, against `original` on ONNX Runtime as it comes.

    A judgement on all samples is kept, and given again whatever was asked for.

    Args:
        extent: on how many samples.
        afresh: judge even if it is kept.

    Raises: StepError where one of the models fails on a sample; Cancelled.
    """
    known = _Known(built, original, recipe, evalset)
    if not afresh and (found := known.quality):
        return found
    seconds = extent.seconds or _TIME_SHARE * settings().step_seconds
    originals = outputs.originals_place(original, evalset)
    with scratch("outputs") as folder:
        argument = {
            "model_path": str(built.path),
            "original": original.model_dump(mode="json"),
            "recipe": recipe.runtime.spelling,
            "evalset_digest": evalset.digest,
            "extent": extent.model_copy(update={"seconds": seconds}).model_dump(),
            "stored": (str(originals), str(folder)),
        }
        answer = sandbox.call(
            judge,
            argument,
            where="quality",
            files=sandbox.Files(
                readable=(built.folder, original.folder, evalset.path, originals),
                writable=(folder,),
            ),
            cancelled=cancelled,
        )
        for part in folder.iterdir():
            with written(originals / part.name) as new:
                part.replace(new)
    found = Quality.model_validate(answer)
    random = verdicts.randomness(original.random, built.random)
    if random:
        said = found.fidelity.sqnr_db is not None
        verdict = f"Draws at random. {found.verdict}" if said else found.verdict
        warnings = (*random, *found.warnings)
        return found.model_copy(update={"verdict": verdict, "warnings": warnings})
    if found.complete:
        known.keep(found)
    return found


class _Known:
    """The judgement on all samples of a model that was judged before, by what it depends on."""

    def __init__(self, built: Model, original: Model, recipe: Recipe, evalset: EvalSet) -> None:
        engine = recipe.runtime
        versions = (version(name) for name in ("onnxruntime", *engine.packages))
        parts = (built.digest, original.digest, evalset.digest, engine.spelling, machine_id())
        self._key = " ".join((*parts, *versions, _deriving()))

    @property
    def quality(self) -> Quality | None:
        """What was judged before, if anything."""
        return kept_already(Quality, _KEPT, self._key)

    def keep(self, found: Quality) -> None:
        kept(Quality, _KEPT, self._key, lambda: found, afresh=True)


@cache
def _deriving() -> str:
    """Digest of the code that a judgement comes from."""
    return hash_files(*sorted(Path(__file__).parent.glob("*.py")))


def judge(
    model_path: str,
    original: dict[str, Any],
    recipe: str,
    evalset_digest: str,
    extent: dict[str, Any],
    stored: tuple[str, str],
) -> dict[str, Any]:
    """Child: see `quality_of`. Returns a Quality as JSON values.

    Args:
        stored: the folders where the original's outputs may lie, and where to write new ones.
    """
    evalset, source = evalset_from_digest(evalset_digest), Model.model_validate(original)
    wanted = Extent.model_validate(extent)
    judgement = _Judgement.of(evalset, source.outputs, wanted.samples)
    feeds = evalset.feeds("validation", wanted.samples)
    answers = outputs.outputs_of(Recipe.parse(recipe).runtime, Path(model_path), feeds)
    references = outputs.originals(source, feeds, *map(Path, stored))
    begun = 0.0
    for count, (answer, reference) in enumerate(zip(answers, references, strict=True), 1):
        begun = begun or time.monotonic()
        judgement.add(answer, reference)
        if wanted.over(count, time.monotonic() - begun) or judgement.tells(wanted, len(feeds)):
            break
    return judgement.quality().model_dump(mode="json")


@dataclass
class _Judgement:
    """What is kept while the samples pass by: rows for the metric, drifts of the outputs."""

    evalset: EvalSet
    metric: Metric
    output: TensorSpec
    labels: Array | None
    compared: list[Drift]
    classes: str
    matching: Matching
    rows: list[Any] = field(default_factory=list)
    baseline_rows: list[Any] = field(default_factory=list)
    answers: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, evalset: EvalSet, specs: tuple[TensorSpec, ...], limit: int | None) -> "_Judgement":
        labels = evalset.labels("validation", limit)
        size = None if labels is None else int(np.prod(labels.shape[1:], dtype=np.int64))
        floating = [spec for spec in specs if "float" in spec.dtype] or list(specs)
        metric = find_metric(evalset.metric)
        output = choose_output(metric, specs, size)
        named = (*filter(is_class_like, floating), *filter(is_decision, floating))
        classes = next((spec.name for spec in named), "")
        if metric.kind == "numbers":
            classes = ""
        metric = metric.on(scores_classes=output.name == classes)
        drifts = [Drift(spec.name, floating="float" in spec.dtype) for spec in floating]
        return cls(evalset, metric, output, labels, drifts, classes, Matching.of(specs))

    def add(self, outputs: Mapping[str, Array], reference: Mapping[str, Array]) -> None:
        """Count one sample's outputs beside the original's."""
        outputs, reference = self.matching.aligned(outputs, reference)
        ours, theirs = outputs[self.output.name], reference[self.output.name]
        label = self._label(theirs)
        self.baseline_rows.append(self.metric.row(theirs, label))
        self.rows.append(self.metric.row(_shaped(ours, theirs), label))
        for drift in self.compared:
            drift.add(reference[drift.name], outputs[drift.name])
        if self.classes:
            pair = reference[self.classes], outputs[self.classes]
            self.answers.append((answer_of(pair[0]), answer_of(pair[1])))

    def tells(self, wanted: Extent, total: int) -> bool:
        """Whether this is a look at which the samples say on which side of the limit it lies."""
        planned = looks(total) if wanted.within is not None else ()
        if wanted.within is None or len(self.rows) not in planned:
            return False
        level = level_of(len(self.rows), planned)
        return bool(conclusion(loss_at(self.metric, *self._rows(), level), wanted.within))

    def _rows(self) -> tuple[Rows, Rows]:
        """The original's rows and the other's."""
        return np.array(self.baseline_rows, np.float64), np.array(self.rows, np.float64)

    def _label(self, reference: Array) -> Array:
        if self.labels is not None:
            return np.asarray(self.labels[len(self.rows)])
        return np.asarray(answer_of(reference)) if self.metric.kind == "class" else reference

    def quality(self) -> Quality:
        """The judgement on all samples counted so far."""
        found = difference(self.metric, *self._rows())
        drift = fidelity(self.compared, self._agreement())
        collapse = self._collapse(found)
        drifted = "" if collapse else self._drifted()
        low, high = (0.0, 0.0) if self._identical else (found.low, found.high)
        if not self.evalset.labelled:  # nothing agrees more with itself
            worse = min if self.metric.higher_is_better else max
            low, high = worse(low, 0.0), worse(high, 0.0)
        unfit = self._misfit()
        facts = verdicts.Facts(
            metric=self.metric,
            found=Difference(found.value, found.baseline, low, high, found.p_value),
            n=len(self.rows),
            total=self.evalset.validation_count,
            labelled=self.evalset.labelled,
            synthetic=self.evalset.synthetic,
            identical=self._identical,
            collapse=collapse,
            drifted=drifted,
            undefined=max((drift.undefined for drift in self.compared), default=0),
            class_count=self._class_count(),
            misfit=unfit.text if unfit else "",
            unlike=self.matching.said(),
        )
        return Quality(
            metric=self.evalset.metric,
            value=found.value,
            baseline_value=found.baseline,
            difference=found.size,
            difference_ci=(low, high),
            p_value=found.p_value if self.evalset.labelled else None,
            n=facts.n,
            labelled=facts.labelled,
            complete=facts.n == facts.total,
            fidelity=drift,
            collapsed=bool(collapse),
            drifted=bool(drifted),
            verdict=verdicts.verdict(facts),
            relabelling=unfit.change if unfit else "",
            warnings=verdicts.warnings(facts),
        )

    @property
    def _identical(self) -> bool:
        return all(d.sqnr_db is None and not d.broken and not d.misshapen for d in self.compared)

    def _drifted(self) -> str:
        """What is said of a floating output that is far off; numbers of classes have no noise."""
        floating = (drift for drift in self.compared if drift.floating)
        return next(filter(None, (drift.drifted() for drift in floating)), "")

    def _agreement(self) -> float | None:
        return float(np.mean([a == b for a, b in self.answers])) if self.answers else None

    def _misfit(self) -> Misfit | None:
        """Whether the labels seem to be meant otherwise, where they are classes."""
        if self.labels is None or self.metric.kind != "class" or not self.answers:
            return None
        answers = np.array([original for original, _ in self.answers])
        return misfit(self.labels[: len(answers)], answers, max(self.output.shape, default=1))

    def _class_count(self) -> int:
        if self.metric.kind != "class":
            return 0
        if self.labels is not None and is_decision(self.output):
            return int(np.max(self.labels)) + 1
        return max(self.output.shape, default=1)

    def _collapse(self, found: Difference) -> str:
        reasons = [drift.collapse() for drift in self.compared]
        originals, others = ({pair[side] for pair in self.answers} for side in (0, 1))
        if len(originals) > 1 and len(others) == 1:
            reasons.append(f"It answers class {others.pop()} on every sample.")
        if self.metric.higher_is_better and found.high < 0:
            chance = self.metric.chance
            if found.value - chance < (found.baseline - chance) / 2:
                reasons.append(f"It lost more than half of the original's {self.metric.title}.")
        return next(filter(None, reasons), "")


def _shaped(ours: Array, theirs: Array) -> Array:
    """`ours`, or NaNs of the original's shape where the shapes differ; the drift says so."""
    return ours if ours.shape == theirs.shape else np.full(theirs.shape, np.nan)
