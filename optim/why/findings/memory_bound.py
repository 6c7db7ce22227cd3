"""Products that wait for memory: each weight is read once for one or two operations."""

from collections.abc import Iterator

from optim.graph.flops import MATRIX
from optim.graph.values import NodeRow
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import with_pass
from optim.why.saying import does, named, percent

LOW = 2.0
"""FLOPs per byte: with fewer, a product waits for memory whatever computes it."""
_MATTERS = 0.3
_CACHED_BYTES = 2_000_000  # weights that a core's own cache holds are not read from memory


def find(seen: Evidence) -> Iterator[Finding]:
    """By FLOPs per byte of the nodes that take the time."""
    bound = {row.name for row in seen.graph.nodes if _waits(row)}
    works = sorted(
        (work for work in seen.executed if work.name in bound), key=lambda w: -w.microseconds
    )
    if seen.share(works) < _MATTERS:
        return
    nodes = tuple(work.name for work in works)
    moved = sum(seen.rows[name].bytes for name in nodes if name in seen.rows)
    rate = moved / max(1e-9, sum(work.microseconds for work in works)) / 1e3
    low = _lowered(seen)
    yield Finding(
        nodes=nodes,
        text=f"{named(nodes)} {does(nodes, 'take')} {percent(seen.share(works))} of a run and "
        f"{does(nodes, 'are')} bound by memory: less than {LOW:g} operations for each byte that is "
        f"read, {moved / 1e6:.3g} MB a run at {rate:.2g} GB/s. More arithmetic units do not help.",
        cost_ms=seen.ms(works),
        advice="Read fewer bytes: weights in 8 or 4 bits, or share each read among the samples of "
        "a batch.",
        recipe="" if low else with_pass(seen.recipe, "dynamic_int8"),
    )


def _waits(row: NodeRow) -> bool:
    reads_weights = row.op in MATRIX and row.params > 0
    return reads_weights and row.bytes > _CACHED_BYTES and 0 < row.intensity < LOW


def _lowered(seen: Evidence) -> bool:
    return any(part.lowers_to for part in seen.recipe.passes)
