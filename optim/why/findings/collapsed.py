"""A recipe whose answers are far from the original's."""

from collections.abc import Iterator

from optim.judging.saturation import lost
from optim.why.evidence import Evidence
from optim.why.finding import Finding


def find(seen: Evidence) -> Iterator[Finding]:
    """A loss that is shown, or outputs that drifted."""
    quality = seen.trial.quality
    if quality is None or not lost(quality):
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
