"""Counts for a monitoring system, in Prometheus' text format."""

from collections import Counter

from optim.studies.listing import list_studies
from optim.studies.study import open_study


def counts() -> str:
    """Studies, and trials by state."""
    studies = list_studies()
    states = Counter(trial.state for info in studies for trial in open_study(info.name).trials())
    lines = [
        "# HELP optim_studies Studies in the store.",
        "# TYPE optim_studies gauge",
        f"optim_studies {len(studies)}",
        "# HELP optim_trials Trials in the store by state.",
        "# TYPE optim_trials gauge",
        *(f'optim_trials{{state="{state}"}} {count}' for state, count in sorted(states.items())),
    ]
    return "\n".join(lines) + "\n"
