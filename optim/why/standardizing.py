"""Where a graph divides by a standard deviation, seen by values: normalization however spelled.

A divisor that is, row by row, the same multiple of the deviation of a value before it is that
value's deviation, whatever operators it was computed by. Runs in a child.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array
from optim.graph.analysis import analyse
from optim.graph.values import Analysis, NodeRow
from optim.graph.wiring import Wiring
from optim.why.reading_out import read_out

if TYPE_CHECKING:
    import onnx

_STEPS = 12  # nodes back from a divisor to what it is the deviation of
_FEWEST, _SHORTEST = 4, 4  # rows, and numbers of one
_VARIES, _EXACT = 1e-3, 0.02
_SAME = 0.05
"""Of what deviations vary by from row to row: a multiple of them varies by far less."""
_MOST_BYTES = 300_000_000  # of values that are looked at together


class Standardizing(BaseModel):
    """A quotient, the value that it divides by the deviation of, and all outputs between.

    `factor`: the divisor over the deviation: 1, or a little more for that of a sample (n - 1).
    """

    model_config = ConfigDict(frozen=True)

    quotient: str
    value: str
    between: tuple[str, ...]
    factor: float


def standardizing(
    path: Path, proto: "onnx.ModelProto", feeds: Sequence[Mapping[str, Array]], folder: Path
) -> list[Standardizing]:
    """Every such quotient of the graph."""
    graph = analyse(path)
    wiring = Wiring(graph)
    candidates = [
        (row, divisor, behind)
        for row in graph.nodes
        for divisor in _divisors(row, wiring)
        if _is_smaller(divisor, row, graph)
        if (behind := _behind(divisor, wiring))
    ]
    wanted = {name for _, divisor, behind in candidates for name in (divisor, *behind)}
    if not wanted or sum(graph.tensor_bytes.get(name, 0) for name in wanted) > _MOST_BYTES:
        return []
    values = read_out(proto, sorted(wanted), feeds, folder)
    return [one for found in candidates if (one := _matched(*found, values, wiring))]


def _divisors(row: NodeRow, wiring: Wiring) -> Iterator[str]:
    """What a node divides by, or multiplies with; both it and what is divided are computed."""
    if row.op in ("Div", "Mul") and wiring.constant.isdisjoint(row.reads):
        for name in row.reads[1:] if row.op == "Div" else row.reads:
            if name not in wiring.constant and wiring.maker(name) is not None:
                yield name


def _is_smaller(divisor: str, row: NodeRow, graph: Analysis) -> bool:
    """Whether it may be shared by several numbers of the quotient; unknown sizes may be."""
    sizes = [graph.tensor_bytes.get(name) for name in (divisor, row.writes[0])]
    return None in sizes or _SHORTEST * (sizes[0] or 0) <= (sizes[1] or 0)


def _behind(value: str, wiring: Wiring) -> list[str]:
    """Computed values and inputs that one is made of, the nearest first, some steps back."""
    found: dict[str, None] = {}
    waiting = [(value, 0)]
    for name, steps in waiting:
        made = wiring.maker(name)
        if made is None or steps == _STEPS:
            continue
        for read in made.reads:
            if read and read not in found and read not in wiring.constant:
                found[read] = None
                waiting.append((read, steps + 1))
    return list(found)


def _matched(
    row: NodeRow, divisor: str, behind: list[str], values: Mapping[str, list[Array]], wiring: Wiring
) -> Standardizing | None:
    for name in behind:
        factor = _factor(values.get(divisor, []), values.get(name, []))
        if factor:
            between = _between(name, row, wiring)
            return Standardizing(quotient=row.writes[0], value=name, between=between, factor=factor)
    return None


def _factor(divisors: Sequence[Array], values: Sequence[Array]) -> float:
    """How many times the deviation of a value's rows a divisor, or its reciprocal, is; else 0."""
    pairs = [_rows(*pair) for pair in zip(divisors, values, strict=False)]
    if not pairs or any(pair is None for pair in pairs):
        return 0.0
    divided = np.concatenate([pair[0] for pair in pairs if pair])
    rows = np.concatenate([pair[1] for pair in pairs if pair])
    if len(rows) < _FEWEST or not (np.isfinite(rows).all() and (divided > 0).all()):
        return 0.0
    for deviation, exact in ((rows.std(axis=1), False), (np.sqrt((rows**2).mean(axis=1)), True)):
        for one in (divided, 1 / divided):
            factor = _multiple(one, deviation)
            if factor and (not exact or abs(factor - 1) < _EXACT):
                return factor
    return 0.0


def _multiple(one: Array, other: Array) -> float:
    """By which number all of the first are the second; 0 where there is none, or they are equal."""
    if not other.all() or (varies := float(other.std() / other.mean())) < _VARIES:
        return 0.0
    ratio = one / other
    return float(ratio.mean()) if ratio.std() < _SAME * varies * ratio.mean() else 0.0


def _rows(divisor: Array, value: Array) -> tuple[Array, Array] | None:
    """float[rows] and float[rows, numbers]: a value's numbers that share a divisor, as doubles."""
    if divisor.dtype.kind != "f" or value.dtype.kind != "f" or divisor.ndim != value.ndim:
        return None
    sizes = list(zip(divisor.shape, value.shape, strict=True))
    shared = [axis for axis, (one, other) in enumerate(sizes) if one == 1 < other]
    if not shared or any(one not in (1, other) for one, other in sizes):
        return None
    rows = np.moveaxis(value.astype(np.float64), shared, range(-len(shared), 0))
    rows = rows.reshape(divisor.size, -1)
    return (divisor.astype(np.float64).ravel(), rows) if rows.shape[1] >= _SHORTEST else None


def _between(value: str, quotient: NodeRow, wiring: Wiring) -> tuple[str, ...]:
    """Outputs on the ways from a value to the quotient, its own last."""
    found: dict[str, bool] = {value: True}

    def leads(row: NodeRow, steps: int) -> bool:
        known = found.get(row.writes[0])
        if known is None:
            found[row.writes[0]] = False
            made = [maker for name in row.reads if (maker := wiring.maker(name)) is not None]
            further = [leads(one, steps + 1) for one in made] if steps < _STEPS else []
            known = value in row.reads or any(further)
            found[row.writes[0]] = known
        return known

    leads(quotient, 0)
    return tuple(name for name, is_there in found.items() if is_there and name != value)
