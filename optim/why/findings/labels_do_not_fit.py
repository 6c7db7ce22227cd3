"""Labels that seem shifted, permuted, off by one, or shuffled, against the outputs."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.findings import inputs_prepared_otherwise


def find(seen: Evidence) -> Iterator[Finding]:
    """What the judgement noticed when it compared labels with the original's answers."""
    for text in seen.labels_doubted:
        change = seen.trial.quality.relabelling if seen.trial.quality else ""
        yield Finding(
            concerns="trust",
            text=text,
            advice=f"Change the labels: --labels {change}." if change else "Check the labels.",
        )
    if not seen.labels_doubted and not any(inputs_prepared_otherwise.find(seen)):
        for text in seen.near_chance:
            yield Finding(
                concerns="trust",
                text=text,
                advice="Check that each label is that of its own sample: inputs and labels must "
                "have been shuffled together. Then check how the inputs are prepared.",
            )
