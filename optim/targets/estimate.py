"""Estimate the latency of a graph on modelled hardware: a roofline per operator.

The graph is the optimized one. Operators that engines fuse are joined first: a pointwise operator
joins the one before it, a QDQ pair the operators that it connects. A joined operator then takes

    dispatch + max(arithmetic / reachable peak, bytes across its border / reachable bandwidth)

after Williams, Waterman, Patterson, "Roofline: an insightful visual performance model", 2009. A
product of m x n outputs over k reaches its share of the peak only where m, n and k are large;
`Assumptions` says what "large" is on a target. The sum over the graph is the estimate, and the
target's `interval` says how far the truth may be off. Replace this module by a better one behind
the same function.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.errors import InputError
from optim.findings import Interval
from optim.graph.flops import MOVES, POINTWISE, VIEWS
from optim.graph.values import Analysis, NodeRow
from optim.model.wiring import made_of
from optim.recipe import Recipe
from optim.targets import Assumptions, Dtype, Target

METHOD = (
    "An estimate, not a measurement: a roofline per fused operator over the optimized graph, "
    "with datasheet peaks and labelled assumptions, for an engine made for that hardware; of the "
    "recipe's runtime only its precision and threads count."
)
_FREE = VIEWS | {"Constant", "Shape", "Size", "DequantizeLinear"}
_GATHERS = ("Gather", "GatherElements", "GatherND", "GatherBlockQuantized", "Slice")
_JOINING = POINTWISE
_MOVING = frozenset(("Transpose", "Slice", "Split", "Gather", "Concat", "Expand", "Cast", "Pad"))
"""Compilers for accelerators also fuse these; engines for CPUs run them by themselves."""
_SPLIT = 64
"""Engines split a long sum over idle units, up to about this many ways."""
_NAMED = 4
Bound = Literal["compute", "memory", "dispatch"]


class Estimate(BaseModel):
    """An estimated latency in ms with its interval; all 0 where `refused` says why not."""

    model_config = ConfigDict(frozen=True)

    target: str
    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    coverage: float = 0.0
    """Share of models whose true latency is meant to lie between low and high."""
    interval_source: str = ""
    bound_by: dict[Bound, float] = {}
    """Share of the estimate spent on arithmetic, on moving bytes, on starting operators."""
    refused: str = ""
    """Why the target cannot run this recipe, in one sentence."""
    notes: tuple[str, ...] = ()
    method: str = METHOD

    @property
    def interval(self) -> Interval | None:
        """The latency; None where it is refused."""
        if self.refused:
            return None
        return Interval(value=self.value, low=self.low, high=self.high)


def estimate(analysis: Analysis, target: Target, recipe: Recipe) -> Estimate:
    """Estimate one run of the graph on the target.

    Args:
        analysis: of the optimized graph, that is after the recipe's passes.
        recipe: for the runtime's precision hint and threads (threads matter on CPUs only).

    Raises: InputError for a target that is not modelled: it is there to be measured.
    """
    if target.assumptions is None or target.interval is None:
        raise InputError(f"{target.title} is not modelled.", "Measure on it instead.", "estimate")
    hint = recipe.runtime.lowers_to or None
    refused = refusal_of(analysis, target, hint)
    if refused:
        return Estimate(target=target.name, refused=refused)
    device = Device.of(target, target.assumptions, analysis, recipe.runtime.threads, hint)
    spent: dict[Bound, float] = {"dispatch": device.assumed.run_us.value * 1e-6}
    for group in groups_of(analysis, target):
        for bound, share in device.seconds(group).items():
            spent[bound] = spent.get(bound, 0.0) + share
    seconds = sum(spent.values())
    return Estimate(
        target=target.name,
        value=seconds * 1e3,
        low=seconds * 1e3 / target.interval.factor,
        high=seconds * 1e3 * target.interval.factor,
        coverage=target.interval.coverage,
        interval_source=target.interval.source,
        bound_by={bound: share / seconds for bound, share in spent.items()},
        notes=tuple(_notes(analysis, target, recipe.runtime.threads, hint)),
    )


def bounds(analysis: Analysis, target: Target, recipe: Recipe) -> dict[str, Bound]:
    """What takes most of each node's estimated time; joined operators share it.

    Empty where the target is not modelled or refuses the recipe; `estimate` says why.
    """
    hint = recipe.runtime.lowers_to or None
    if target.assumptions is None or refusal_of(analysis, target, hint):
        return {}
    device = Device.of(target, target.assumptions, analysis, recipe.runtime.threads, hint)
    found: dict[str, Bound] = {}
    for group in groups_of(analysis, target):
        spent = device.seconds(group)
        found |= dict.fromkeys((row.name for row in group.rows), max(spent, key=lambda b: spent[b]))
    return found


@dataclass
class Group:
    """Operators that run as one, and the bytes that cross their border."""

    rows: list[NodeRow] = field(default_factory=list)
    weight_bytes: int = 0
    activation_bytes: int = 0

    @property
    def steps(self) -> int:
        """How often it runs in one inference: a recurrent operator once for each step."""
        return max(row.steps for row in self.rows)

    @property
    def moved(self) -> int:
        """Bytes across its border in one inference."""
        return self.weight_bytes * self.steps + self.activation_bytes


def groups_of(analysis: Analysis, target: Target) -> list[Group]:
    """The operators as they run on a target."""
    return _fuse(analysis, _JOINING if target.kind == "cpu" else _JOINING | _MOVING)


def _fuse(analysis: Analysis, joining: frozenset[str]) -> list[Group]:
    """Join what engines fuse; linear in the nodes. Views and QDQ pairs cost nothing.

    Args:
        joining: the operators that join the one before them where nothing else reads its result.
    """
    size = _stored_bytes(analysis)
    readers = Counter(tensor for row in analysis.nodes for tensor in set(row.reads))
    free = ((row.reads, row.writes[:1]) for row in analysis.nodes if row.op in _FREE)
    weights = made_of(analysis.weights, free)
    groups: list[Group] = []
    home: dict[str, int] = {}  # tensor -> the group that makes it
    for row in analysis.nodes:
        made_here = [home[t] for t in row.reads if t in home and readers[t] == 1]
        if row.op in _FREE:
            source = next((home[t] for t in row.reads if t in home), None)
            home.update({t: source for t in row.writes if source is not None})
            continue
        joins = bool(made_here) and row.op in joining
        index = max(made_here) if joins else len(groups)
        if not joins:
            groups.append(Group())
        groups[index].rows.append(row)
        home.update(dict.fromkeys(row.writes, index))
    _count_borders(analysis, groups, home, size, weights)
    return groups


def _count_borders(
    analysis: Analysis,
    groups: list[Group],
    home: dict[str, int],
    size: dict[str, int],
    weights: set[str],
) -> None:
    read_by: dict[str, set[int]] = {}
    for index, group in enumerate(groups):
        for tensor in (t for row in group.rows for t in row.reads):
            read_by.setdefault(tensor, set()).add(index)
    outputs = {text.split(": ")[0] for text in analysis.outputs}
    for index, group in enumerate(groups):
        for tensor in {t for row in group.rows for t in _read_whole(row) if home.get(t) != index}:
            if tensor in weights:
                group.weight_bytes += size.get(tensor, 0)
            else:
                group.activation_bytes += size.get(tensor, 0)
        for row in group.rows:
            if row.op in _GATHERS:
                group.activation_bytes += sum(size.get(tensor, 0) for tensor in row.writes)
        for tensor in (t for row in group.rows for t in row.writes):
            if read_by.get(tensor, {-1}) - {index} or tensor in outputs:
                group.activation_bytes += size.get(tensor, 0)


def _read_whole(row: NodeRow) -> tuple[str, ...]:
    """What it reads all of; a gather takes only as much of its table as it writes."""
    return row.reads[1:] if row.op in _GATHERS else row.reads


def _stored_bytes(analysis: Analysis) -> dict[str, int]:
    """Bytes per tensor as they move: around a QDQ pair the quantized tensor's."""
    size = dict(analysis.tensor_bytes)
    readers: dict[str, list[NodeRow]] = {}
    for row in analysis.nodes:
        for tensor in row.reads:
            readers.setdefault(tensor, []).append(row)
        if row.op == "DequantizeLinear":
            size[row.writes[0]] = size.get(row.reads[0], 0)
    for row in analysis.nodes:
        if row.op == "QuantizeLinear" and len(readers[row.reads[0]]) == 1:
            size[row.reads[0]] = size.get(row.writes[0], 0)
    return size


@dataclass(frozen=True)
class Device:
    """A target as one recipe uses it: rates in operations/s and seconds per byte."""

    target: Target
    assumed: Assumptions
    hint: Dtype | None
    share: float
    """Of the whole device's peaks: its threads' share on a CPU, otherwise 1."""
    cores: float
    seconds_per_byte: float

    @classmethod
    def of(
        cls,
        target: Target,
        assumed: Assumptions,
        analysis: Analysis,
        threads: int,
        hint: Dtype | None,
    ) -> "Device":
        share, cores, outside = 1.0, 1.0, _value(target.memory_bandwidth)
        if target.cores:
            threads = min(threads, int(target.cores.value))
            serial = assumed.serial_share.value if assumed.serial_share else 0.0
            cores = 1 / (serial + (1 - serial) / threads)
            share = cores / target.cores.value
            if assumed.core_bandwidth:
                outside = min(outside, cores * assumed.core_bandwidth.value)
        outside *= assumed.memory_efficiency.value
        inside = max(outside, cores * assumed.cache_bandwidth.value)
        needed = analysis.weight_bytes + analysis.peak_activation_bytes
        kept = min(1.0, _value(target.cache_bytes) / max(1, needed))
        return cls(target, assumed, hint, share, cores, kept / inside + (1 - kept) / outside)

    def seconds(self, group: Group) -> dict[Bound, float]:
        """Time of a group by what it is spent on."""
        arithmetic = sum(self._arithmetic(row) for row in group.rows)
        moving = group.moved * self.seconds_per_byte
        start = self.assumed.dispatch_us.value + (group.steps - 1) * self.assumed.step_us.value
        bound: Bound = "compute" if arithmetic > moving else "memory"
        return {bound: max(arithmetic, moving), "dispatch": start * 1e-6}

    def _arithmetic(self, row: NodeRow) -> float:
        vector = self._vector_rate()
        if row.gemm is None:
            return row.flops / vector
        batch, m, n, k = row.gemm
        padded = batch * (m * n + self.assumed.operand_reuse.value * max(m, n))
        floor = min(self.assumed.parallel_outputs.value * self.cores, _SPLIT * batch * m * n)
        per_step = 2 * max(padded, floor) * (k + self.assumed.reduction_setup.value)
        alike = row.flops / max(1, 2 * batch * m * n * k)  # steps, and what comes with a product
        return alike * per_step / self._matrix_rate(row)

    def _matrix_rate(self, row: NodeRow) -> float:
        dtype = runs_as(self.target, asked_of(row, self.hint))
        return (
            _value(self.target.peaks.get(dtype)) * self.share * self.assumed.matrix_efficiency.value
        )

    def _vector_rate(self) -> float:
        peaks = self.target.peaks
        peak = peaks["fp32"].value if "fp32" in peaks else min(p.value for p in peaks.values())
        return peak * self.share * self.assumed.vector_efficiency.value


def asked_of(row: NodeRow, hint: Dtype | None) -> Dtype:
    """The dtype that a matrix operator is to compute in, by the graph and the runtime's hint."""
    if row.precision in ("fp16", "bf16", "int8"):
        return row.precision  # type: ignore[return-value]
    return hint or "fp32"


def runs_as(target: Target, dtype: Dtype) -> Dtype:
    """The dtype that the target runs it in: itself, or what stands in for it."""
    if dtype in target.peaks or dtype not in target.substitutes:
        return dtype
    return target.substitutes[dtype].runs_as


def refusal_of(analysis: Analysis, target: Target, hint: Dtype | None) -> str:
    """Why a target cannot run a graph, in one sentence; empty where it can."""
    products = [row for row in analysis.nodes if row.gemm]
    lacking = Counter(
        asked
        for row in products
        if runs_as(target, asked := asked_of(row, hint)) not in target.peaks
    )
    if lacking:
        dtype, count = lacking.most_common(1)[0]
        return (
            f"{target.title} does not compute in {dtype}, which {count} of {len(products)} matrix "
            f"operators ask for; it computes in {', '.join(target.supports)}."
        )
    if target.operators:
        allowed = target.operators.names | _FREE | {"QuantizeLinear", "Cast"}
        missing = Counter(row.op for row in analysis.nodes if row.op not in allowed)
        if missing:
            named = ", ".join(op for op, _ in missing.most_common(_NAMED))
            return f"{target.title} has no operator for {named} ({sum(missing.values())} nodes)."
    needed = analysis.weight_bytes + analysis.peak_activation_bytes
    if needed > _value(target.memory_bytes):
        return (
            f"The model needs {needed / 1e9:.1f} GB and {target.title} has "
            f"{_value(target.memory_bytes) / 1e9:.1f} GB."
        )
    return ""


def _notes(analysis: Analysis, target: Target, threads: int, hint: Dtype | None) -> Iterable[str]:
    if target.cores and threads > target.cores.value:
        yield f"It has {target.cores.value:.0f} cores; {threads} threads count as that many."
    elif target.cores and threads > 1:
        yield "What more than one thread brings is an assumption; only one thread was measured."
    asked = {asked_of(row, hint) for row in analysis.nodes if row.gemm}
    for dtype in sorted(asked):
        stands_in = runs_as(target, dtype)
        if stands_in != dtype:
            yield f"{dtype} is estimated as {stands_in}: {target.substitutes[dtype].source}"
    unknown = sum(1 for row in analysis.nodes if row.unknown and row.op not in MOVES)
    if unknown:
        yield f"{unknown} operators of unknown cost are left out, so the estimate is low."


def _value(figure: object) -> float:
    return float(getattr(figure, "value", 0.0))
