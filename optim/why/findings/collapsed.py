"""A recipe whose answers are clearly worse, or far from the original's."""

from collections.abc import Iterator

from optim.findings import Interval
from optim.judging.quality import Quality
from optim.metrics.base import find_metric
from optim.why.evidence import Evidence
from optim.why.finding import Finding

_MATTERS = 0.005  # of a share, or of the error


def find(seen: Evidence) -> Iterator[Finding]:
    """A loss that is shown, or outputs that drifted."""
    quality = seen.trial.quality
    if quality is None or not (_lost(quality) or not quality.sound):
        return
    passes = [one.title for one in seen.recipe.passes if one.lowers_to] or ["the recipe"]
    worst = min(quality.fidelity.cosine or 1.0, 1.0)
    yield Finding(
        concerns="quality",
        text=f"{quality.verdict} The outputs' cosine to the original's is {worst:.3g} "
        f"({', '.join(passes)}).",
        advice="See where the error jumps, layer by layer, and leave those nodes in float; 'Find "
        "the best' does that by itself.",
    )


def _lost(quality: Quality) -> bool:
    """Whether a loss worth a word is shown."""
    low, high = quality.difference_ci
    difference = Interval(value=quality.difference, low=low, high=high)
    loss = find_metric(quality.metric).loss(difference, quality.baseline_value)
    return loss.low > 0 and loss.value > _MATTERS
