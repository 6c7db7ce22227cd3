"""What an engine executed, and what that stands for in the graph.

An engine executes other nodes than the graph has: it fuses, splits, renames and adds. So two
profiles are compared by the operators and names of the graph's nodes that the executed ones stand
for. All of it is read off profiles; nothing is run here.
"""

from collections.abc import Container, Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from optim.explaining.profile import CONVERSIONS, ProfiledNode
from optim.graph.flops import INTEGER, MATRIX
from optim.graph.values import Analysis
from optim.graph.wiring import Wiring
from optim.recipe import Recipe

INT8 = "int8"
_PRECISIONS = {
    **{"float": "fp32", "f32": "fp32", "float16": "fp16", "f16": "fp16"},
    **{"bfloat16": "bf16", "bf16": "bf16", "uint8": INT8, "int8": INT8, "u8": INT8, "i8": INT8},
}
"""What profilers call a type -> what we call it. Indices and flags are no arithmetic."""


def precision_of(node: ProfiledNode) -> str:
    """What an executed node computes in, by our names; empty where it does no arithmetic."""
    return _PRECISIONS.get(node.precision, "")


class Executed(BaseModel):
    """One executed node and what it stands for in the graph."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Of the graph's node that does most of its arithmetic, else of the executed node."""
    op: str
    """That node's operator in the graph, so that engines can be compared."""
    executed_op: str
    precision: str
    """fp32, fp16, bf16, int8, or empty where it does no arithmetic."""
    microseconds: float
    """Of a run: as profiled, on the scale of the measured run (`Side.scale`)."""
    multiplies: bool
    """Whether it holds a matrix product: these are the nodes that a lower precision is for."""
    has_weights: bool = True
    converts: bool = False
    """Whether it only changes a type or a layout."""


class Side(BaseModel):
    """One of two recipes: its optimized graph, its profile, the precision it asks for."""

    model_config = ConfigDict(frozen=True)

    analysis: Analysis
    profile: tuple[ProfiledNode, ...]
    wanted: str = ""
    p50_us: float | None = None
    """Measured median of a run, where there is one."""
    origins: Mapping[str, tuple[str, ...]] = {}
    """Node of its graph -> those of the original whose work it does (`GraphMatch.origins`)."""

    def origin(self, name: str) -> str:
        """The original's node that one of its graph does most of the work of; else its own name."""
        return self.origins.get(name, (name,))[0]

    @property
    def total_us(self) -> float:
        """Time of all nodes together, by the profiler."""
        return sum(node.microseconds for node in self.profile)

    @property
    def scale(self) -> float:
        """What profiled times are multiplied with, at most 1, so that they fit in the measured run.

        Profilers slow small nodes down, on both sides by other factors.
        """
        return min(1.0, self.p50_us / (self.total_us or 1.0)) if self.p50_us else 1.0

    @property
    def nodes_us(self) -> float:
        """Time of a run that is in nodes."""
        return self.scale * self.total_us


class Pair(BaseModel):
    """The same work on both sides, times in microseconds; None where a side has no such node."""

    model_config = ConfigDict(frozen=True)

    name: str
    op: str
    before_us: float | None
    after_us: float | None
    before_precision: str
    after_precision: str
    after_op: str
    converts: bool = False

    @property
    def extra_us(self) -> float:
        """How much longer it takes after than before."""
        return (self.after_us or 0.0) - (self.before_us or 0.0)


def wanted_precision(recipe: Recipe) -> str:
    """The precision below fp32 that a recipe asks for; empty if none."""
    return next((part.lowers_to for part in recipe.parts if part.lowers_to), "")


def executed(side: Side) -> tuple[Executed, ...]:
    """The executed nodes in order, each with what it stands for."""
    constant, scale = Wiring(side.analysis).constant, side.scale
    return tuple(work_of(node, constant, scale) for node in side.profile)


def time_by_operator(side: Side) -> dict[str, float]:
    """Microseconds per operator of the graph, the longest first; conversions under their own."""
    times: dict[str, float] = {}
    for work in executed(side):
        times[work.op] = times.get(work.op, 0.0) + work.microseconds
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def precisions(side: Side) -> dict[str, dict[str, int]]:
    """Operator -> precision -> executed nodes, of the nodes that hold a matrix product."""
    found: dict[str, dict[str, int]] = {}
    for work in executed(side):
        if work.multiplies:
            counts = found.setdefault(work.op, {})
            counts[work.precision] = counts.get(work.precision, 0) + 1
    return found


def pairs(before: Side, after: Side) -> tuple[Pair, ...]:
    """Executed on both sides by the original's nodes that it stands for, the largest change first.

    What only one side has was fused into another node, split, or added.
    """
    sides = [_by_origin(side) for side in (before, after)]
    found = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        one, two = (side.get(name, ()) for side in sides)
        found.append(
            Pair(
                name=name,
                op=(*one, *two)[0].op,
                before_us=_total(one),
                after_us=_total(two),
                before_precision=_joined(work.precision for work in one),
                after_precision=_joined(work.precision for work in two),
                after_op=_joined(work.executed_op for work in two),
                converts=all(work.converts for work in (*one, *two)),
            )
        )
    return tuple(sorted(found, key=lambda pair: -abs(pair.extra_us)))


def work_of(node: ProfiledNode, constant: Container[str] = (), scale: float = 1.0) -> Executed:
    """One executed node with what it stands for.

    Args:
        constant: the tensors that do not depend on the inputs, to tell which nodes have weights.
        scale: what its time is multiplied with.
    """
    converts = node.op in CONVERSIONS or (node.op == "Transpose" and not node.rows)
    main = max(node.rows, key=lambda row: (row.op in MATRIX, row.flops), default=None)
    if converts or main is None or not (main.flops or main.op in MATRIX):
        main = None
    integer = node.op in INTEGER or (main is not None and main.op in INTEGER)
    precision = INT8 if integer else precision_of(node)
    return Executed(
        name=main.name if main else node.name,
        op=main.op if main else node.op,
        executed_op=node.op,
        precision="" if converts else precision,
        microseconds=scale * node.microseconds,
        multiplies=main is not None and main.op in MATRIX,
        has_weights=main is None or any(tensor in constant for tensor in main.reads),
        converts=converts,
    )


def times_by_origin(side: Side) -> dict[str, float]:
    """Microseconds by the original's nodes that what was executed stands for."""
    found = _by_origin(side)
    return {name: sum(work.microseconds for work in works) for name, works in found.items()}


def _by_origin(side: Side) -> dict[str, list[Executed]]:
    found: dict[str, list[Executed]] = {}
    for work in executed(side):
        found.setdefault(side.origin(work.name), []).append(work)
    return found


def _total(found: Sequence[Executed]) -> float | None:
    return sum(work.microseconds for work in found) if found else None


def _joined(words: Iterable[str]) -> str:
    return " + ".join(dict.fromkeys(filter(None, words)))
