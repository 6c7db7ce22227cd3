"""The child's side of judging: what is kept while the samples pass by, and what it comes to."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from optim.arrays import Array
from optim.evalset import EvalSet, evalset_from_digest
from optim.findings import Interval, largest
from optim.judging import outputs, verdicts
from optim.judging.box_labels import MOST_SAMPLES, box_misfit, picture_size
from optim.judging.collapse import collapsed, far_off
from optim.judging.fidelity import Drift, fidelity
from optim.judging.head import Head, further_heads
from optim.judging.labelling import Misfit, misfit, swapped, unrelated
from optim.judging.matching import Matching
from optim.judging.number_labels import number_misfit
from optim.judging.paired import LEVEL, Difference
from optim.judging.sequential import conclusion, level_of, looks, out_of_reach
from optim.judging.values import Extent, OfOutput, Quality
from optim.metrics.base import Metric, find_metric
from optim.metrics.support.boxes import best_scored
from optim.metrics.support.outputs import answer_of, is_class_like, is_decision
from optim.metrics.support.rows import Rows
from optim.model import Model, TensorSpec
from optim.recipe import Recipe
from optim.runtimes.base import Runtime, runtime_of

_MOST_NUMBERS = 100  # of one label, up to which they may be meant otherwise
_MANY = ("pixels", "tokens")  # kinds of metrics whose answers have many classes
Pair = tuple[outputs.Outputs, outputs.Outputs]
"""The answers to one sample, and the original's."""


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
    judgement.at_random = bool(source.random)
    feeds = evalset.feeds("validation", wanted.samples)
    references = outputs.originals(source, feeds, *map(Path, stored))
    runtime, path = runtime_of(recipe), Path(model_path)
    pairs = _with_itself(references)
    if not (wanted.first_look and _is_the_original(runtime, path, source)):
        pairs = zip(outputs.outputs_of(runtime, path, feeds), references, strict=True)
    begun = 0.0
    for count, (answer, reference) in enumerate(pairs, 1):
        begun = begun or time.monotonic()
        for both in zip(evalset.each(answer), evalset.each(reference), strict=True):
            judgement.add(*both)
        spent = time.monotonic() - begun
        if wanted.over(count, spent) or judgement.tells(wanted, len(feeds), spent):
            break
    references.close()
    return judgement.quality().model_dump(mode="json")


def _is_the_original(runtime: Runtime, path: Path, original: Model) -> bool:
    """Whether this would answer as the references do; drawing at random, it would not."""
    same = path == original.path and runtime == Recipe.baseline().runtime
    return same and not original.random


def _with_itself(answers: Iterable[outputs.Outputs]) -> Iterator[Pair]:
    """A first look at the original runs it once; whether twice is alike the whole one sees."""
    return ((answer, answer) for answer in answers)


@dataclass
class Judgement:
    """What is kept while the samples pass by: rows for the metric, drifts of the outputs."""

    evalset: EvalSet
    lead: Head
    others: tuple[Head, ...]
    compared: list[Drift]
    classes: str
    matching: Matching
    answers: list[tuple[int, int]] = field(default_factory=list)
    boxes: list[Array] = field(default_factory=list)
    """What the original found in the first samples, where true boxes are known."""
    places: list[tuple[Array, Array]] = field(default_factory=list)
    """Its classes of the first samples' pixels or tokens, and those of their labels."""
    numbers: list[tuple[Array, Array]] = field(default_factory=list)
    """Its answers to the first samples and their labels, where these are numbers."""
    at_random: bool = False
    """The original draws at random: its own answers differ from run to run."""

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
        floating = [spec for spec in specs if "float" in spec.dtype] or list(specs)
        metric = find_metric(evalset.metric)
        output = evalset.judged(specs)
        named = (*filter(is_class_like, floating), *filter(is_decision, floating))
        classes = next((spec.name for spec in named), "")
        if evalset.output in {spec.name for spec in named}:
            classes = evalset.output
        if metric.kind in ("numbers", "boxes", "tokens"):
            classes = ""
        metric = metric.on(scores_classes=output.name == classes)
        drifts = [Drift(spec.name, floating="float" in spec.dtype) for spec in floating]
        lead = Head(metric, output, evalset.labels("validation", limit))
        others = further_heads(evalset, specs, limit)
        return cls(evalset, lead, others, drifts, classes, Matching.of(specs))

    @property
    def metric(self) -> Metric:
        """Of the output that leads."""
        return self.lead.metric

    @property
    def output(self) -> TensorSpec:
        """The one that leads."""
        return self.lead.output

    @property
    def labels(self) -> Array | None:
        """Of the output that leads."""
        return self.lead.labels

    def add(self, outputs: Mapping[str, Array], reference: Mapping[str, Array]) -> None:
        """Count one sample's outputs beside the original's."""
        aligned = self.matching.aligned(outputs, reference)
        for head in (self.lead, *self.others):
            head.add((outputs, reference), aligned)
        if self.metric.kind == "boxes" and len(self.boxes) < MOST_SAMPLES:
            self.boxes.append(best_scored(self.metric.read(self.output.name, reference)))
        if (
            self.metric.kind in _MANY
            and self.labels is not None
            and len(self.places) < MOST_SAMPLES
        ):
            label = self.labels[len(self.places)]
            self.places.append(self.metric.places(reference[self.output.name], label))
        self._keep_numbers(reference)
        outputs, reference = aligned
        for drift in self.compared:
            drift.add(reference[drift.name], outputs[drift.name])
        if self.classes:
            pair = reference[self.classes], outputs[self.classes]
            self.answers.append((answer_of(pair[0]), answer_of(pair[1])))

    def _keep_numbers(self, reference: Mapping[str, Array]) -> None:
        """The first samples' answers and labels, where these are a few numbers each."""
        place = len(self.numbers)
        errors = self.metric.kind == "numbers" and not self.metric.higher_is_better
        if not errors or self.labels is None or not place < min(len(self.labels), MOST_SAMPLES):
            return
        answer, label = np.ravel(reference[self.output.name]), np.ravel(self.labels[place])
        if answer.size == label.size <= _MOST_NUMBERS:
            self.numbers.append((answer.astype(float), label.astype(float)))

    def tells(self, wanted: Extent, total: int, spent: float) -> bool:
        """Whether this is a look at which the samples say on which side of the limit it lies, or
        that those for which there is time will not.

        Args:
            total: how many runs there may be.
            spent: seconds so far.
        """
        together, count = self.evalset.together, len(self.lead.rows)
        planned = tuple(-(-look // together) * together for look in looks(total * together))
        if wanted.within is None or count not in planned:
            return False
        if conclusion(self._loss_at(level_of(count, planned)), wanted.within):
            return True
        growth = (wanted.seconds or math.inf) / max(spent, 1e-9)
        whole = growth * count >= total * together
        return not whole and out_of_reach(self._loss_at(LEVEL), wanted.within, growth)

    def _loss_at(self, level: float) -> Interval:
        """The worst output's."""
        return largest([head.loss_at(level) for head in (self.lead, *self.others)])

    def both_rows(self) -> tuple[Rows, Rows]:
        """The original's rows and the other's, of the output that leads."""
        return self.lead.both_rows()

    def classes_of(self, side: int) -> list[int]:
        """The class that the original (0) or the other model (1) names for each sample, if any."""
        return [pair[side] for pair in self.answers]

    def quality(self) -> Quality:
        """The judgement on all samples counted so far."""
        found, others = self.lead.difference(), [head.difference() for head in self.others]
        drift = fidelity(self.compared, self._agreement())
        collapse = self._collapse(found, others)
        drifted = "" if collapse or self.at_random else far_off(self.compared)
        low, high = (0.0, 0.0) if self._identical else (found.low, found.high)
        if not self.evalset.labelled:  # nothing agrees more with itself
            worse = min if self.metric.higher_is_better else max
            low, high = worse(low, 0.0), worse(high, 0.0)
        unfit = self._misfit(found.baseline)
        facts = verdicts.Facts(
            metric=self.metric,
            found=Difference(found.value, found.baseline, low, high, found.p_value),
            n=len(self.lead.rows),
            total=self.evalset.validation_count * self.evalset.together,
            labelled=self.evalset.labelled,
            synthetic=self.evalset.synthetic,
            identical=self._identical,
            collapse=collapse,
            drifted=drifted,
            undefined=max((drift.undefined for drift in self.compared), default=0),
            class_count=self._class_count(),
            misfit=unfit.text if unfit else "",
            unrelated=self._unrelated(),
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
            others=self._of_others(facts, others),
            relabelling=unfit.change if unfit else "",
            warnings=verdicts.warnings(facts),
        ).with_others_said()

    def _of_others(
        self, facts: verdicts.Facts, found: Sequence[Difference]
    ) -> tuple[OfOutput, ...]:
        """The judgement on each further output that has labels."""
        return tuple(
            OfOutput(
                output=head.output.name,
                metric=head.metric.spelling,
                value=one.value,
                baseline_value=one.baseline,
                difference=one.size,
                difference_ci=(one.low, one.high),
                verdict=verdicts.verdict(facts.of_other(head.metric, one)),
            )
            for head, one in zip(self.others, found, strict=True)
        )

    @property
    def _identical(self) -> bool:
        return all(d.sqnr_db is None and not d.broken and not d.misshapen for d in self.compared)

    def _agreement(self) -> float | None:
        return float(np.mean([a == b for a, b in self.answers])) if self.answers else None

    def _misfit(self, score: float) -> Misfit | None:
        """Whether the labels seem to be meant otherwise, by the original's answers."""
        if self.labels is None:
            return None
        if self.metric.kind == "binary":
            return swapped(score, len(self.lead.rows))
        if self.numbers:
            told = number_misfit(*(np.stack(side) for side in zip(*self.numbers, strict=True)))
            return Misfit(told) if told else None
        if self.metric.kind == "boxes":
            size = picture_size(self.evalset.feeds("validation", 1)[0])
            return box_misfit(self.labels, self.boxes, size)
        if self.places:
            answers, labels = (np.concatenate(side) for side in zip(*self.places, strict=True))
            most = max((*labels, *answers), default=0) + 1
        else:
            (labels, answers), most = self._classes(), max(self.output.shape, default=1)
        return misfit(labels, answers, most) if len(answers) else None

    def _unrelated(self) -> str:
        labels, answers = self._classes()
        return unrelated(labels, answers) if len(answers) else ""

    def _classes(self) -> tuple[Array, Array]:
        """Each sample's class by its label and by the original; none without such labels."""
        if self.labels is None or self.metric.kind != "class" or not self.answers:
            return np.array([]), np.array([])
        answers = np.array([original for original, _ in self.answers])
        return self.labels[: len(answers)], answers

    def _class_count(self) -> int:
        if self.metric.kind != "class":
            return 0
        if self.labels is not None and is_decision(self.output):
            return int(np.max(self.labels)) + 1
        return max(self.output.shape, default=1)

    def _collapse(self, found: Difference, of_others: Sequence[Difference]) -> str:
        heads = zip((self.lead, *self.others), (found, *of_others), strict=True)
        lost = [head.lost_most(one) for head, one in heads]
        return collapsed(self.compared, self.answers, lost, self.at_random)
