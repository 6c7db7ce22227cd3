"""A model so small that calling the engine takes longer than computing."""

from collections.abc import Iterator

from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.saying import percent

_MOST_OUTSIDE = 0.5
_TINY_MS = 0.01
_RUNS_OF_NOTHING = 3.0
_MOST_CALL_MS = 0.3  # no engine's call takes longer: what is outside of nodes beyond that, waits


def find(seen: Evidence) -> Iterator[Finding]:
    """By the time outside all nodes, or by what a run with nothing in it takes (the probe)."""
    outside = max(0.0, seen.p50_ms - seen.after.nodes_us / 1e3)
    empty = seen.probe.dispatch_us(seen.engine) if seen.probe else None
    tiny = seen.p50_ms < max(_TINY_MS, _RUNS_OF_NOTHING * (empty or 0.0) / 1e3)
    if not tiny and not _MOST_OUTSIDE * seen.p50_ms <= outside < _MOST_CALL_MS:
        return
    cost = min(max(outside, (empty or 0.0) / 1e3), seen.p50_ms)
    if empty is not None and empty >= 1e3 * seen.p50_ms:
        why = "a run with nothing in it takes no less on this engine"
    elif tiny and empty is not None:
        why = f"a run with nothing in it takes {empty:.2g} µs on this engine"
    elif tiny:
        why = "most of so short a run is what every run takes"
    else:
        why = f"{percent(cost / seen.p50_ms)} of it is in no node"
    yield Finding(
        text=f"One run takes {milliseconds(seen.p50_ms)}, and {why}: calling the engine, handing "
        "over inputs and outputs, starting operators. Fewer or cheaper operations can hardly be "
        "felt.",
        cost_ms=cost or None,
        advice="Run several samples at once (a batch) so that they share a call; choose the engine "
        "by its cost per call.",
    )
