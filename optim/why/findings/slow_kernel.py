"""What reaches a small part of the rate that others reach here: no fast kernel."""

from collections.abc import Iterator

from optim.explaining.executed import precision_of, times_by_origin
from optim.explaining.profile import ProfiledNode
from optim.graph import classical
from optim.graph.flops import MATRIX
from optim.graph.values import NodeRow
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.findings.memory_bound import LOW, memory_rate, probed
from optim.why.findings.one_operator_dominates import BODIES
from optim.why.mending import left_in_float, on
from optim.why.saying import does, named, percent

_MUCH_SLOWER = 5.0  # depthwise convolutions with proper kernels are up to 3.5 times slower
_GROUPED_SLOWER = 2.0  # of groups of several channels each: a plain convolution's kernel fits them
_MATTERS = 0.25  # of a run, that proper kernels would save
_NEAR_MEMORY = 2.0  # times slower than memory gives bytes: nearer, memory sets the pace
_FAR_FROM_MEMORY = 5.0  # times slower: memory is not to blame, however few operations a byte has
_CONVOLUTIONS = ("Conv", "ConvTranspose", "FusedConv", "QLinearConv")
_ENOUGH_FLOPS = 1_000_000  # fewer are over before a kernel is at its pace
_UNUSUAL = 10.0  # GFLOP/s that any core reaches with a proper kernel
_CRAWLS = 1.0  # GB/s and GFLOP/s: what passes over values number by number reaches either
_ENOUGH_US = 50.0  # less is over before a kernel is at its pace
_FASTER = "It took less in float: leave it out of the pass. Or: "
_OTHERWISE = MATRIX.union(BODIES)
"""Operators whose bytes say nothing of what they have to do; nor do those of trees and the like."""


def find(seen: Evidence) -> Iterator[Finding]:
    """By FLOPs and bytes of the graph's nodes over their measured time."""
    yield from _products(seen)
    yield from _crawling(seen)


def _crawling(seen: Evidence) -> Iterator[Finding]:
    """What is no product and gets neither through bytes nor operations as any loop would."""
    nodes = [_scaled(node, seen.after.scale) for node in seen.after.profile]
    slow = [node for node in nodes if node.rows and _crawls(node)]
    took = sum(node.microseconds for node in slow)
    if not slow or took < 1e3 * _MATTERS * seen.p50_ms:
        return
    slow.sort(key=lambda node: -node.microseconds)
    rows = [max(node.rows, key=lambda row: row.bytes) for node in slow]
    names = [row.name for row in rows]
    rate = sum(map(_bytes, slow)) / took / 1e3
    yield Finding(
        nodes=tuple(names),
        text=f"{named(names)} ({', '.join(sorted({row.op for row in rows}))}) "
        f"{does(names, 'take')} {percent(took / 1e3 / seen.p50_ms)} of a run for what "
        f"{does(names, 'read')} and {does(names, 'write')} {rate:.2g} GB/s, where memory gives "
        f"{memory_rate(seen):.3g}: the engine has no fast kernel for this operator, shape or type.",
        cost_ms=took / 1e3,
        advice="Try another engine, replace the operator by one that engines are fast at, or do "
        "this outside the model.",
        recipe=_other_engine(seen),
    )


def _crawls(node: ProfiledNode) -> bool:
    if not node.counted or any(
        row.op in _OTHERWISE or row.domain == classical.DOMAIN or row.gemm for row in node.rows
    ):
        return False
    most = _CRAWLS * 1e3 * node.microseconds
    return node.microseconds > _ENOUGH_US and 0 < _bytes(node) < most and node.flops < most


def _products(seen: Evidence) -> Iterator[Finding]:
    products = [_scaled(node, seen.after.scale) for node in seen.after.profile if _counts(node)]
    best, memory = _best(seen, products), memory_rate(seen)
    slow = [
        node
        for node in products
        if node.gflops_per_second * _allowed(_product(node)) < best[precision_of(node)]
        and _gigabytes_per_second(node) * _NEAR_MEMORY < memory
        and (_per_byte(node) > LOW or _gigabytes_per_second(node) * _FAR_FROM_MEMORY < memory)
    ]
    lost_ms = sum(_lost(node, best) for node in slow) / 1e3
    if not slow or lost_ms < _MATTERS * seen.p50_ms:
        return
    slow.sort(key=lambda node: -node.microseconds)
    names = [_product(node).name for node in slow]
    ops = sorted({_product(node).op for node in slow})
    rate = sum(n.flops for n in slow) / sum(n.microseconds for n in slow) / 1e3
    works = [work for work in seen.executed if work.name in names]
    reached, floats = best[precision_of(slow[0])], _in_float(seen, names)
    yield Finding(
        nodes=tuple(names),
        text=f"{named(names)} ({', '.join(ops)}) {does(names, 'reach')} {rate:.2g} GFLOP/s, where "
        f"products reach {reached:.3g} on this machine, and {does(names, 'take')} "
        f"{percent(seen.share(works))} of a run: the engine has no fast kernel for this "
        "operator, shape or type.",
        cost_ms=lost_ms,
        advice=f"{_FASTER if floats else ''}Try another engine, or replace the operator by one "
        "that engines are fast at (a plain convolution for a grouped, dilated or three-dimensional "
        "one, MatMul for Einsum).",
        recipe=floats or _other_engine(seen),
    )


def _best(seen: Evidence, products: list[ProfiledNode]) -> dict[str, float]:
    """The highest rate of each precision, in GFLOP/s: as probed, else the best in this run.

    A profile alone may give a node what others do, so that it seems faster than the machine is.
    """
    best: dict[str, float] = {}
    for node in products:
        kind = precision_of(node)
        reached = probed(seen, "GFLOP/s", kind) or [best.get(kind, 0.0), node.gflops_per_second]
        best[kind] = max(_UNUSUAL, *reached)
    return best


def _scaled(node: ProfiledNode, scale: float) -> ProfiledNode:
    """With its time on the scale of the measured run, so that its rate is that of the run."""
    return node.model_copy(update={"microseconds": scale * node.microseconds})


def _lost(node: ProfiledNode, best: dict[str, float]) -> float:
    """Microseconds that the node takes longer than at the best rate of its precision."""
    return node.microseconds - node.flops / best[precision_of(node)] / 1e3


def _allowed(row: NodeRow) -> float:
    """How many times slower than the best rate its operator may be with a proper kernel."""
    groups, _, channels, _ = row.gemm or (1, 1, 1, 1)
    in_groups = row.op in _CONVOLUTIONS and groups > 1 and channels > 1
    return _GROUPED_SLOWER if in_groups else _MUCH_SLOWER


def _counts(node: ProfiledNode) -> bool:
    product = any(row.op in MATRIX for row in node.rows) and node.flops > _ENOUGH_FLOPS
    return product and node.counted


def _product(node: ProfiledNode) -> NodeRow:
    return max(node.rows, key=lambda row: row.flops)


def _gigabytes_per_second(node: ProfiledNode) -> float:
    return _bytes(node) / node.microseconds / 1e3


def _per_byte(node: ProfiledNode) -> float:
    """FLOPs for each byte that is read or written: where that is low, memory is to blame."""
    return node.flops / max(1, _bytes(node))


def _bytes(node: ProfiledNode) -> int:
    return sum(row.bytes for row in node.rows)


def _in_float(seen: Evidence, names: list[str]) -> str:
    """With these left in float, where they were faster then; empty where they were not."""
    if not seen.after.wanted:
        return ""
    was, now = times_by_origin(seen.before), times_by_origin(seen.after)
    faster = [name for name in names if 0 < was.get(name, 0.0) < now.get(name, 0.0)]
    return left_in_float(seen.recipe, faster, seen.names_before)


def _other_engine(seen: Evidence) -> str:
    return on(seen.recipe, "openvino" if seen.engine == "onnxruntime" else "onnxruntime")
