"""What waits for memory: weights or values that are read once for one or two operations each."""

from collections.abc import Container, Iterator

from optim.explaining.executed import Executed
from optim.graph.flops import MATRIX
from optim.graph.values import NodeRow
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import with_pass
from optim.why.saying import does, named, percent

LOW = 2.0
"""FLOPs per byte: with fewer, a product waits for memory whatever computes it."""
_MATTERS = 0.3
_OF_WEIGHTS = (
    "Read fewer bytes: weights in 8 or 4 bits, or share each read among the samples of a batch."
)
_OF_VALUES = (
    "Read and write fewer bytes: work on smaller tensors, or let one operator do what several do "
    "one after the other."
)
_MUCH_BYTES = 8_000_000  # that no core's own cache holds
_NEAR_MEMORY = 0.5
_MEMORY = 10.0  # GB/s that any memory gives one core
_CACHED_BYTES = 2_000_000  # weights that a core's own cache holds are not read from memory


def find(seen: Evidence) -> Iterator[Finding]:
    """Products by FLOPs per byte; what passes over large tensors also by the rate it reaches."""
    bound = {row.name for row in seen.graph.nodes if _waits(row, seen.wiring.constant)}
    passing = {work.name for work in seen.executed if _passes(work, seen)}
    works = sorted(
        (work for work in seen.executed if work.name in bound | passing),
        key=lambda w: -w.microseconds,
    )
    if seen.share(works) < _MATTERS:
        return
    nodes = tuple(work.name for work in works)
    rows = [seen.rows[name] for name in nodes if name in seen.rows]
    moved = sum(row.bytes * max(1, row.steps if row.name in bound else 1) for row in rows)
    rate = moved / max(1e-9, sum(work.microseconds for work in works)) / 1e3
    of_weights = works[0].name in bound
    yield Finding(
        nodes=nodes,
        text=f"{named(nodes)} {does(nodes, 'take')} {percent(seen.share(works))} of a run and "
        f"{does(nodes, 'are')} bound by memory: less than {LOW:g} operations for each byte that is "
        f"read, {moved / 1e6:.3g} MB a run at {rate:.2g} GB/s. More arithmetic units do not help.",
        cost_ms=seen.ms(works),
        advice=_OF_WEIGHTS if of_weights else _OF_VALUES,
        recipe=with_pass(seen.recipe, "dynamic_int8") if of_weights and not _lowered(seen) else "",
    )


def memory_rate(seen: Evidence) -> float:
    """GB/s that one core reads, as probed, or as any memory gives."""
    return max([_MEMORY, *probed(seen, "GB/s", "fp32")])


def probed(seen: Evidence, unit: str, precision: str) -> list[float]:
    """Rates that products, or reading memory, reached on one thread when it was probed."""
    rows = seen.probe.rows if seen.probe else ()
    return [
        row.quartiles[1]
        for row in rows
        if (row.unit, row.precision, row.threads) == (unit, precision, 1) and row.quartiles
    ]


def _waits(row: NodeRow, constant: Container[str]) -> bool:
    """Whether a product reads weights for few operations each time; turned ones, too."""
    weighs = row.op in MATRIX and any(name in constant for name in row.reads)
    steps = max(1, row.steps)  # each reads the weights anew that no core's own cache holds
    return weighs and row.bytes > _CACHED_BYTES and 0 < row.intensity < LOW * steps


def _passes(work: Executed, seen: Evidence) -> bool:
    """Whether a node that multiplies no matrices runs about as fast as memory gives its bytes."""
    row = seen.rows.get(work.name)
    if row is None or row.op in MATRIX or row.bytes < _MUCH_BYTES or not work.microseconds:
        return False
    return row.bytes / work.microseconds / 1e3 > _NEAR_MEMORY * memory_rate(seen)


def _lowered(seen: Evidence) -> bool:
    return any(part.lowers_to for part in seen.recipe.passes)
