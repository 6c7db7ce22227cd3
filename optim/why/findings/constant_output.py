"""An output that is nearly the same for every sample."""

from collections.abc import Iterator

from optim.findings import percent
from optim.names import legible
from optim.why.evidence import Evidence
from optim.why.finding import Finding

_CONSTANT = 1e-3


def find(seen: Evidence) -> Iterator[Finding]:
    """Of the original, by its answers to validation samples.

    With labels only of what is held against them: the class of a rare event hardly ever changes.
    """
    for name, spread in seen.observed.spread.items():
        if spread < _CONSTANT and seen.judged in ("", name):
            yield Finding(
                concerns="trust",
                nodes=(name,),
                text=f"The original's output {legible(name)} is nearly the same for every sample "
                f"(it varies by {percent(spread, 2)} of its size): agreement with it says nothing, "
                "and any damage to the model stays unseen.",
                advice="Check the weights and the preprocessing: the inputs may all look alike to "
                "the model.",
            )
