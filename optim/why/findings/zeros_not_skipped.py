"""Pruned weights that no engine here skips: zeros are multiplied like any other number."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import instead

_PASS = "magnitude_prune"


def find(seen: Evidence) -> Iterator[Finding]:
    """A recipe that prunes single weights, on an engine without sparse kernels for it."""
    if seen.part(_PASS) is None:
        return
    if seen.observed.weights:
        text = (
            "Pruning set subnormal weights to zero here: what is gained comes from that, not from "
            "fewer multiplications, since the engine multiplies zeros like any other number."
        )
    else:
        text = (
            "The engine multiplies zeros like any other number, so weights that are set to zero "
            "one by one save no time; they only make the file compress better."
        )
    yield Finding(
        concerns="trust",
        text=text,
        advice="For speed remove whole channels, or lower the precision.",
        recipe=instead(seen.recipe, _PASS, ""),
    )
