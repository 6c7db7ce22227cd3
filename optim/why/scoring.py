"""The original's score on a few hundred samples: as they are, prepared otherwise, or shuffled;
and whether its answers are numbers in other units than the labels.

Runs in a child.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array
from optim.evalset import EvalSet
from optim.evalset.classes import some_of_each
from optim.judging.number_labels import FEWEST, OtherUnits, other_meaning, other_units
from optim.judging.outputs import outputs_of
from optim.metrics.base import Metric, find_metric
from optim.model import TensorSpec
from optim.recipe import Recipe

_SAMPLES = 200
_REACH, _REACH_BYTES = 5_000, 200_000_000
"""Samples among which those of rare classes are looked for."""
_SHUFFLES = 40


class Shuffled(BaseModel):
    """The original's score as given, and the middle one of scores with labels of other samples."""

    model_config = ConfigDict(frozen=True)

    as_given: float
    middle: float
    n: int


@dataclass(frozen=True)
class Scoring:
    """Samples with labels, and how the original's answers to them are scored."""

    path: Path
    evalset: EvalSet
    output: str
    feeds: Sequence[dict[str, Array]]
    labels: Sequence[Any]

    @classmethod
    def of_original(
        cls, path: Path, evalset: EvalSet, outputs: Sequence[Mapping[str, Any]]
    ) -> Self | None:
        """Of the model in a file; None without labels."""
        feeds, labels = _some(evalset)
        if labels is None or not feeds:
            return None
        specs = evalset.of_one([TensorSpec.model_validate(spec) for spec in outputs])
        return cls(path, evalset, evalset.judged(specs).name, feeds, list(labels))

    @cached_property
    def metric(self) -> Metric:
        """That of the EvalSet."""
        return find_metric(self.evalset.metric)

    @cached_property
    def as_given(self) -> float:
        """The score of the samples as they are."""
        return self._scored(self._answers, self.labels)

    def of(self, samples: Sequence[dict[str, Array]]) -> float:
        """The score of these in their place."""
        return self._scored(self._answers_to(samples), self.labels)

    def shuffled(self) -> Shuffled | None:
        """Where labels of other samples fit as well as those given; None where they fit worse.

        As well: not beyond the best of some shuffles, and not the same for all of them, as for
        answers that never change.
        """
        if len(self.labels) < FEWEST or self.metric.kind == "boxes":  # they take long to match
            return None
        sign, found = 1 if self.metric.higher_is_better else -1, self._by_chance
        fits = sign * self.as_given > max(sign * score for score in found)
        if fits or np.ptp(found) <= 1e-6 * max(map(abs, found)):
            return None
        middle = float(np.median(found))
        return Shuffled(as_given=self.as_given, middle=middle, n=len(self.labels))

    @property
    def chance(self) -> float:
        """How far scores lie apart where labels are those of other samples: a standard deviation.

        Of a rare class there are few to score, and the score of a few is mostly chance.
        """
        return 0.0 if self.metric.kind == "boxes" else float(np.std(self._by_chance))

    @cached_property
    def _by_chance(self) -> Sequence[float]:
        """Scores with labels of other samples."""
        random = np.random.default_rng(0)
        orders = (random.permutation(len(self.labels)) for _ in range(_SHUFFLES))
        return [self._scored(self._answers, [self.labels[i] for i in one]) for one in orders]

    def in_other_units(self) -> OtherUnits | None:
        """How labels and answers go together that are proportional but not alike, by least squares.

        None where they are no numbers, tell little of each other, or are as alike as they can be.
        """
        both = self._numbers()
        return other_units(*both) if both else None

    def in_other_words(self) -> str:
        """What labels that are numbers seem to be instead, in a sentence; empty if nothing."""
        both = self._numbers()
        return other_meaning(*both) if both else ""

    def _numbers(self) -> tuple[Array, Array] | None:
        """float[samples, numbers] of answers and of labels; None where they are no such numbers."""
        if self.metric.kind != "numbers" or self.metric.higher_is_better:
            return None
        sides = (self._answers, self.labels)
        sizes = {np.size(one) for side in sides for one in side}
        if len(self.labels) < FEWEST or len(sizes) > 1:
            return None
        answers, labels = (np.stack([np.ravel(x) for x in side]).astype(float) for side in sides)
        return answers, labels

    @cached_property
    def _answers(self) -> Sequence[Any]:
        return self._answers_to(self.feeds)

    def _answers_to(self, samples: Sequence[dict[str, Array]]) -> Sequence[Any]:
        runs = outputs_of(Recipe.baseline().runtime, self.path, samples)
        each = (one for run in runs for one in self.evalset.each(run))
        return [self.metric.read(self.output, one) for one in each]

    def _scored(self, answers: Sequence[Any], labels: Sequence[Any]) -> float:
        pairs = zip(answers, labels, strict=True)
        rows = np.array([self.metric.row(answer, np.asarray(label)) for answer, label in pairs])
        rows = self.metric.decided(rows, rows)
        return float(self.metric.aggregate(rows, np.ones((1, len(rows))))[0])


def _some(evalset: EvalSet) -> tuple[list[dict[str, Array]], Array | None]:
    """Some validation samples and their labels; of classes, those of rare ones among them."""
    labels = evalset.labels("validation", _reach(evalset))
    classes = labels is not None and labels.dtype.kind in "iu" and labels.ndim == 1
    if labels is None or not classes or evalset.together > 1:
        return evalset.feeds("validation", _SAMPLES), evalset.labels("validation", _SAMPLES)
    places = sorted(some_of_each(labels, _SAMPLES))
    feeds = evalset.feeds("validation", places[-1] + 1)
    return [feeds[place] for place in places], labels[places]


def _reach(evalset: EvalSet) -> int:
    """How many samples may be read to choose from."""
    one = sum(value.nbytes for feed in evalset.feeds("validation", 1) for value in feed.values())
    return max(_SAMPLES, min(_REACH, _REACH_BYTES // max(one, 1)))
