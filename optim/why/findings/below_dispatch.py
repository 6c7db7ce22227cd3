"""A model so small that calling the engine takes longer than computing."""

from collections.abc import Iterator

from optim.explaining.profile import ProfiledNode
from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.saying import percent

_MOST_OUTSIDE = 0.5
_TINY_MS = 0.01
_RUNS_OF_NOTHING = 3.0
_MOST_CALL_MS = 0.3  # no engine's call takes longer: what is outside of nodes beyond that, waits


_BRIEF_US = 2.0  # a node that takes less, and far longer than its work, is mostly being started
_GFLOPS, _GBS = 20.0, 20.0  # that any core reaches on numbers in its own cache
_WORK = 0.25
_MANY = 16
_MOST_STARTED = 0.75


def find(seen: Evidence) -> Iterator[Finding]:
    """By the time outside all nodes, or by what a run with nothing in it takes (the probe).

    Else by nodes that are so small that starting them takes longer than what they do.
    """
    told = list(_called(seen))
    yield from told or _started(seen)


def _started(seen: Evidence) -> Iterator[Finding]:
    scale = seen.after.scale
    brief = [node for node in seen.after.profile if _is_brief(node, scale * node.microseconds)]
    took = scale * sum(node.microseconds for node in brief) / 1e3
    if len(brief) < _MANY or took < _MOST_STARTED * seen.p50_ms:
        return
    yield Finding(
        nodes=tuple(max(node.rows, key=lambda row: row.bytes).name for node in brief),
        text=f"{len(brief)} nodes take {1e3 * took / len(brief):.2g} µs each, "
        f"{percent(took / seen.p50_ms)} of a run, and have next to nothing to compute: starting "
        "them takes longer than what they do (dispatch).",
        cost_ms=took,
        advice="Run several samples at once (a batch), or export with fewer and larger operators: "
        "one LSTM or GRU for steps that are written out, one product for several.",
    )


def _is_brief(node: ProfiledNode, microseconds: float) -> bool:
    """Whether a node is over at once and its operations and bytes explain little of it."""
    moved = sum(row.bytes for row in node.rows)
    work = max(node.flops / _GFLOPS, moved / _GBS) / 1e3
    return bool(node.rows) and node.counted and work < _WORK * microseconds < _WORK * _BRIEF_US


def _called(seen: Evidence) -> Iterator[Finding]:
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
