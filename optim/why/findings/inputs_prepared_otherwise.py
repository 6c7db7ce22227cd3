"""Inputs that seem in the wrong layout or scale: prepared otherwise, the original scores better."""

from collections.abc import Iterator

from optim.metrics.base import find_metric
from optim.names import legible
from optim.why.evidence import Evidence
from optim.why.finding import Finding

_GAIN = 0.1  # of a share, at least
_CHANCE = 4.0  # standard errors of a share, or of what scores by chance
_FEWER_ERRORS = 0.6  # of the error as given


def find(seen: Evidence) -> Iterator[Finding]:
    """The best of the preparations that were tried, where it is clearly better.

    Labels that are not the model's, or in other units, make any disorder look better than none:
    nothing is said then.
    """
    if seen.labels_doubted or seen.observed.units or seen.observed.meaning:
        return
    metric = find_metric(seen.evalset.metric)
    for best in seen.observed.alternatives[:1]:
        if metric.higher_is_better:
            error = max(best.chance, (0.25 / best.n) ** 0.5)
            better = best.value - best.as_given > max(_GAIN, _CHANCE * error)
        else:
            better = best.value < _FEWER_ERRORS * best.as_given
        if better:
            yield Finding(
                concerns="trust",
                nodes=(best.input,),
                text=f"With the input {legible(best.input)} {best.what}, the original scores "
                f"{metric.show(best.value)} instead of {metric.show(best.as_given)} "
                f"({metric.title} on {best.n} samples): the EvalSet seems to be prepared otherwise "
                "than the model expects.",
                advice="Prepare the inputs as in training and bring the EvalSet again.",
            )
