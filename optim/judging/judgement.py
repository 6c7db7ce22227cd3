"""The child's side of judging: what is kept while the samples pass by, and what it comes to."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from optim.arrays import Array
from optim.evalset import EvalSet, evalset_from_digest
from optim.judging import outputs, verdicts
from optim.judging.fidelity import Drift, fidelity
from optim.judging.labelling import Misfit, misfit
from optim.judging.matching import Matching
from optim.judging.paired import Difference, difference
from optim.judging.sequential import conclusion, level_of, looks, loss_at
from optim.judging.values import Extent, Quality
from optim.metrics.base import Metric, find_metric
from optim.metrics.choosing import choose_output
from optim.metrics.support.outputs import answer_of, is_class_like, is_decision
from optim.metrics.support.rows import Rows
from optim.model import Model, TensorSpec
from optim.recipe import Recipe


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
    judgement = Judgement.of(evalset, source.outputs, wanted.samples)
    feeds = evalset.feeds("validation", wanted.samples)
    answers = outputs.outputs_of(Recipe.parse(recipe).runtime, Path(model_path), feeds)
    references = outputs.originals(source, feeds, *map(Path, stored))
    begun = 0.0
    for count, (answer, reference) in enumerate(zip(answers, references, strict=True), 1):
        begun = begun or time.monotonic()
        for both in zip(evalset.each(answer), evalset.each(reference), strict=True):
            judgement.add(*both)
        if wanted.over(count, time.monotonic() - begun) or judgement.tells(wanted, len(feeds)):
            break
    return judgement.quality().model_dump(mode="json")


@dataclass
class Judgement:
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
    def of(
        cls, evalset: EvalSet, specs: tuple[TensorSpec, ...], limit: int | None = None
    ) -> "Judgement":
        """Before the first sample.

        Args:
            specs: the original's outputs.
            limit: how many runs there will be; all by default.
        """
        specs = evalset.of_one(specs)
        labels = evalset.labels("validation", limit)
        size = None if labels is None else int(np.prod(labels.shape[1:], dtype=np.int64))
        floating = [spec for spec in specs if "float" in spec.dtype] or list(specs)
        metric = find_metric(evalset.metric)
        output = choose_output(metric, specs, size)
        named = (*filter(is_class_like, floating), *filter(is_decision, floating))
        classes = next((spec.name for spec in named), "")
        if metric.kind in ("numbers", "boxes", "tokens"):
            classes = ""
        metric = metric.on(scores_classes=output.name == classes)
        drifts = [Drift(spec.name, floating="float" in spec.dtype) for spec in floating]
        return cls(evalset, metric, output, labels, drifts, classes, Matching.of(specs))

    def add(self, outputs: Mapping[str, Array], reference: Mapping[str, Array]) -> None:
        """Count one sample's outputs beside the original's."""
        aligned = self.matching.aligned(outputs, reference)
        sides = (outputs, reference) if self.metric.any_count else aligned
        ours, theirs = (self.metric.read(self.output.name, side) for side in sides)
        outputs, reference = aligned
        label = self._label(theirs)
        self.baseline_rows.append(self.metric.row(theirs, label))
        fits = self.metric.any_count or ours.shape == theirs.shape
        self.rows.append(self.metric.row(ours if fits else np.full(theirs.shape, np.nan), label))
        for drift in self.compared:
            drift.add(reference[drift.name], outputs[drift.name])
        if self.classes:
            pair = reference[self.classes], outputs[self.classes]
            self.answers.append((answer_of(pair[0]), answer_of(pair[1])))

    def tells(self, wanted: Extent, total: int) -> bool:
        """Whether this is a look at which the samples say on which side of the limit it lies."""
        together = self.evalset.together
        planned = tuple(-(-look // together) * together for look in looks(total * together))
        if wanted.within is None or len(self.rows) not in planned:
            return False
        level = level_of(len(self.rows), planned)
        return bool(conclusion(loss_at(self.metric, *self.both_rows(), level), wanted.within))

    def both_rows(self) -> tuple[Rows, Rows]:
        """The original's rows and the other's."""
        return np.array(self.baseline_rows, np.float64), np.array(self.rows, np.float64)

    def classes_of(self, side: int) -> list[int]:
        """The class that the original (0) or the other model (1) names for each sample, if any."""
        return [pair[side] for pair in self.answers]

    def _label(self, reference: Array) -> Array:
        if self.labels is not None:
            return np.asarray(self.labels[len(self.rows)])
        return np.asarray(answer_of(reference)) if self.metric.kind == "class" else reference

    def quality(self) -> Quality:
        """The judgement on all samples counted so far."""
        found = difference(self.metric, *self.both_rows())
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
            total=self.evalset.validation_count * self.evalset.together,
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
