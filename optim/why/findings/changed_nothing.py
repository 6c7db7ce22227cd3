"""A pass that changed nothing in this model."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import instead


def find(seen: Evidence) -> Iterator[Finding]:
    """By the passes' own reports."""
    for report in seen.trial.reports:
        if not report.modified:
            said = " ".join(report.said) or "It found nothing that it could change."
            yield Finding(
                concerns="trust",
                text=f"{report.name} changed nothing. {said}",
                advice="Leave it out, or change its settings.",
                recipe=instead(seen.recipe, report.name, ""),
            )
