"""A judgement in words: what the difference means, and how far the samples can carry it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optim.findings import Caution
from optim.judging.paired import Difference
from optim.metrics.base import Metric

_COARSE = 0.01
"""Half-width above which an interval is too wide to tell: 1 point, or 1 % of the original's."""
_MANY_TIMES = 10  # above which a share of the original's error tells nothing
_FEW = 100  # samples, on which a score near guessing may be chance


@dataclass(frozen=True)
class Facts:
    """What a verdict is made of. `class_count` is 0 where the metric knows no classes.

    `undefined` counts the samples on which the original itself has values that are not finite.
    """

    metric: Metric
    found: Difference
    n: int
    total: int
    labelled: bool
    synthetic: bool
    identical: bool
    collapse: str
    drifted: str
    undefined: int
    class_count: int
    misfit: str = ""
    unrelated: str = ""
    unlike: str = ""

    def of_other(self, metric: Metric, found: Difference) -> "Facts":
        """The same samples, for another output and what was found of it."""
        return replace(
            self, metric=metric, found=found, collapse="", drifted="", misfit="", unrelated=""
        )

    @property
    def worst(self) -> float:
        """The largest loss that the interval allows, above 0 for a loss."""
        return -self.found.low if self.metric.higher_is_better else self.found.high

    @property
    def best(self) -> float:
        """The smallest loss that the interval allows, below 0 for a gain."""
        return -self.found.high if self.metric.higher_is_better else self.found.low

    @property
    def coarse(self) -> bool:
        """Whether the samples are too few to tell."""
        scale = 1.0 if self.metric.higher_is_better else abs(self.found.baseline)
        return (self.found.high - self.found.low) / 2 > _COARSE * scale


def verdict(facts: Facts) -> str:
    """One plain sentence."""
    if facts.collapse:
        return f"Collapsed: {facts.collapse}"
    if not facts.labelled:
        return _fidelity_verdict(facts)
    if facts.identical:
        return f"No measurable loss: the outputs are identical on {facts.n:,} samples."
    metric, low, high = facts.metric, facts.best, facts.worst
    if low > 0 or high < 0:
        word, ends = ("worse", (low, high)) if low > 0 else ("better", (-high, -low))
        size = metric.show_difference(facts.found.size)
        if not metric.higher_is_better:
            size += _in_proportion(facts.found, metric)
        first, second = (metric.show_difference(end) for end in ends)
        return f"{size} {word} (95 % interval {first} to {second})."
    if facts.coarse:
        return (
            f"No measurable loss, but {facts.n:,} samples cannot rule out one of up to "
            f"{metric.show_difference(high)}."
        )
    if high == 0:
        as_well = "the same score" if low == 0 else "the same score or a better one"
        return f"No measurable loss: {as_well} on {facts.n:,} samples."
    return f"No measurable loss (at most {metric.show_difference(high)} on {facts.n:,} samples)."


def _in_proportion(found: Difference, metric: Metric) -> str:
    """The difference as a share of the original's own error, where that is not next to nothing."""
    own = abs(found.baseline)
    if not own or abs(found.size) > _MANY_TIMES * own:
        return f" (the original's own is {metric.show(own)})"
    return f" ({100 * abs(found.size) / own:.2g} %)"


def _fidelity_verdict(facts: Facts) -> str:
    where = f"{facts.n:,} {'synthesized' if facts.synthetic else 'unlabelled'} inputs"
    if facts.identical:
        found = f"Identical outputs to the original's on {where}"
    else:
        found = facts.metric.agreement(facts.found.value, where)
    doubt = "" if facts.metric.is_faithful(facts.found.value) else "; check it with labels"
    return f"{found}: fidelity only, not accuracy{doubt}."


def warnings(facts: Facts) -> tuple[Caution, ...]:
    """What limits the judgement, as data."""
    found = [
        _collapsed(facts),
        _drifted(facts),
        _unlike(facts),
        _partial(facts),
        _small(facts),
        _synthetic(facts),
        _at_chance(facts),
        _undefined(facts),
    ]
    return tuple(warning for warning in found if warning)


def randomness(original: Sequence[str], built: Sequence[str]) -> tuple[Caution, ...]:
    """What to say where the original draws at random, by what draws in it and in the other."""
    if not original:
        return ()
    gone = sorted(set(original) - set(built))
    text = (
        f"The original draws at random ({', '.join(original)}), so its answers differ from run to "
        "run and engine to engine: a difference here is not what the recipe costs or gains."
    )
    if gone:
        text += f" The optimized model draws no more ({', '.join(gone)} removed): it is another."
    return (Caution(code="draws_at_random", text=text),)


def _collapsed(facts: Facts) -> Caution | None:
    if not facts.collapse:
        return None
    return Caution(code="collapsed", text=facts.collapse, severity="error")


def _drifted(facts: Facts) -> Caution | None:
    """The metric has its limit, set by whoever chooses; the outputs have this one of their own."""
    if not facts.drifted:
        return None
    holds = "" if facts.best > 0 else f", though the {facts.metric.called} may hold"
    text = (
        f"{facts.drifted}{holds}: what else reads the outputs reads something else now. It is not "
        "chosen by itself; look at its answers first."
    )
    return Caution(code="outputs_drifted", text=text)


def _unlike(facts: Facts) -> Caution | None:
    return Caution(code="numbers_differ", text=facts.unlike) if facts.unlike else None


def _partial(facts: Facts) -> Caution | None:
    if facts.n == facts.total:
        return None
    text = f"Judged on {facts.n:,} of {facts.total:,} validation samples."
    return Caution(code="partly_judged", text=text, severity="info")


def _small(facts: Facts) -> Caution | None:
    if not facts.labelled or facts.identical or not facts.coarse:
        return None
    half = facts.metric.show_difference((facts.found.high - facts.found.low) / 2)
    text = f"{facts.n:,} samples tell the difference to within {half} only."
    return Caution(code="few_samples", text=text)


def _synthetic(facts: Facts) -> Caution | None:
    if not facts.synthetic:
        return None
    text = "The inputs are synthesized: quality is only fidelity to the original, not accuracy."
    return Caution(code="synthetic_inputs", text=text)


def _at_chance(facts: Facts) -> Caution | None:
    """The original itself no better than guessing points at wrong labels or preprocessing."""
    if not facts.labelled or facts.n < min(facts.total, _FEW):
        return None
    if facts.misfit:
        return Caution(code="labels_do_not_fit", text=facts.misfit, severity="error")
    text = facts.unrelated or facts.metric.doubt(facts.found.baseline, facts.class_count)
    return Caution(code="original_near_chance", text=text) if text else None


def _undefined(facts: Facts) -> Caution | None:
    if not facts.undefined:
        return None
    text = (
        f"The original itself has NaN or infinite values on {facts.undefined:,} of {facts.n:,} "
        "samples; these values are not compared. Check the preprocessing."
    )
    return Caution(code="original_not_finite", text=text)
