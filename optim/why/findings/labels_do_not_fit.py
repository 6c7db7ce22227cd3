"""Labels that seem shifted, permuted or off by one against the outputs."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding


def find(seen: Evidence) -> Iterator[Finding]:
    """What the judgement noticed when it compared labels with the original's answers."""
    for text in seen.labels_doubted:
        change = seen.trial.quality.relabelling if seen.trial.quality else ""
        yield Finding(
            concerns="trust",
            text=text,
            advice=f"Change the labels: --labels {change}." if change else "Check the labels.",
        )
