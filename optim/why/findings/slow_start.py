"""Loading and the first run that dwarf all later ones."""

from collections.abc import Iterator

from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding

_RUNS = 350  # a sound network of fast kernels is loaded in 200 of them by engines that compile
_MATTERS_MS = 200.0  # as long as a process takes to start Python and import an engine


def find(seen: Evidence) -> Iterator[Finding]:
    """Where they take as long as hundreds of runs, and long enough to notice."""
    summary = seen.trial.summary
    if summary is None or summary.load_ms is None:
        return
    start = summary.load_ms + (summary.first_run_ms or 0.0)
    if start < _MATTERS_MS or start < _RUNS * seen.p50_ms:
        return
    yield Finding(
        concerns="trust",
        text=f"Loading takes {milliseconds(summary.load_ms)} and the first run "
        f"{milliseconds(summary.first_run_ms or 0.0)}: as long as {start / seen.p50_ms:,.0f} later "
        "runs. A process that starts for a few requests never sees the speed shown here.",
        advice="Keep the process and its session alive, run once before the first request, and "
        "store what the engine compiles.",
    )
