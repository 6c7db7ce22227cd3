"""What a judgement is asked for, and what it says."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from optim.findings import Caution, Interval, largest
from optim.judging.fidelity import Fidelity
from optim.judging.outputs import CHUNK
from optim.metrics.base import find_metric
from optim.names import legible

_FEWEST = 64  # samples of a first verdict


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

    @property
    def first_look(self) -> bool:
        """Whether a first verdict is wanted soon; a whole judgement follows."""
        return self.soon is not None

    def over(self, count: int, seconds: float) -> bool:
        """Whether the time is up after so many samples."""
        soon = self.soon if count >= _FEWEST else None
        return any(seconds > most for most in (soon, self.seconds) if most is not None)


ALL = Extent()
QUICK = Extent(samples=CHUNK, seconds=5.0, soon=0.25)
"""A part of the samples, judged within a second if that can be."""


class OfOutput(BaseModel):
    """How good a further output that has labels is, as `Quality` says it of the one that leads."""

    model_config = ConfigDict(frozen=True)

    output: str
    metric: str
    value: float
    baseline_value: float
    difference: float
    difference_ci: tuple[float, float]
    verdict: str

    @property
    def loss(self) -> Interval:
        """The loss with its interval, in the unit that limits are given in."""
        return _loss(self)

    @property
    def said(self) -> str:
        """Its score and its verdict, as a sentence."""
        metric = find_metric(self.metric)
        scores = f"{metric.show(self.value)}, the original {metric.show(self.baseline_value)}"
        return f"Output {legible(self.output)!r}, {metric.title}: {scores}. {self.verdict}"


class Quality(BaseModel):
    """How good a model is beside the original, on `n` validation samples.

    `value`, `baseline_value` and `difference` (value - baseline_value) are in the metric's own
    unit, shares for percentages. `p_value` is None where the original is its own reference.
    `complete` means that every validation sample was used. `drifted`: an output is far from the
    original's, whatever the metric says. `relabelling`: a change of the labels that would make them
    fit the original's answers far better. `others`: the judgement on further outputs with labels.
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
    others: tuple[OfOutput, ...] = ()
    relabelling: str = ""
    warnings: tuple[Caution, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether it may be chosen on its metric alone: the outputs are near the original's."""
        return not (self.collapsed or self.drifted)

    @property
    def loss(self) -> Interval:
        """The loss with its interval, in the unit that limits are given in: the worst output's."""
        return largest([_loss(self), *(other.loss for other in self.others)])

    def with_others_said(self) -> Self:
        """With what was found of further outputs among the warnings, and losses in the verdict."""
        if not self.others:
            return self
        worse = [other for other in self.others if other.loss.low > 0]
        said = Caution(
            code="other_outputs",
            text=" ".join(other.said for other in self.others),
            severity="warning" if worse else "info",
        )
        lost = [f" Output {legible(other.output)!r}: {other.verdict}" for other in worse]
        verdict = self.verdict if self.collapsed else self.verdict + "".join(lost)
        return self.model_copy(update={"verdict": verdict, "warnings": (said, *self.warnings)})


def _loss(of: OfOutput | Quality) -> Interval:
    low, high = of.difference_ci
    span = Interval(value=of.difference, low=low, high=high)
    return find_metric(of.metric).loss(span, of.baseline_value)
