"""Labels that seem shifted, permuted or off by one against the outputs."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding

_CODE = "labels_do_not_fit"


def find(seen: Evidence) -> Iterator[Finding]:
    """What the judgement noticed when it compared labels with the original's answers."""
    quality = seen.trial.quality
    for caution in quality.warnings if quality else ():
        if caution.code == _CODE:
            change = quality.relabelling if quality else ""
            yield Finding(
                concerns="trust",
                text=caution.text,
                advice=f"Change the labels: --labels {change}." if change else "Check the labels.",
            )
