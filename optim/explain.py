"""Why one recipe is faster or slower than another: what was executed, in which precision, how long.

An engine executes other nodes than the graph has: it fuses, splits, renames and adds. So executed
nodes are first given the graph's nodes that they stand for, then both sides are compared by the
graph's operators and names. All of it is read off two profiles; nothing is run here.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.graph.flops import INTEGER, MATRIX, MOVES
from optim.graph.profile import ProfiledNode
from optim.graph.values import Analysis, NodeRow
from optim.names import shown
from optim.recipe import Recipe

INT8 = "int8"
_PRECISIONS = {
    **{"float": "fp32", "f32": "fp32", "float16": "fp16", "f16": "fp16"},
    **{"bfloat16": "bf16", "bf16": "bf16", "uint8": INT8, "int8": INT8, "u8": INT8, "i8": INT8},
}
"""What profilers call a type -> what we call it. Indices and flags are no arithmetic."""
_QUANT = re.compile(r"(_MatMul)?_quant(_\w+)?$")
"""What ONNX Runtime's quantizer appends to the names of the nodes that it replaces."""
_CONVERSIONS = frozenset(
    {
        *("Cast", "Convert", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
        *("FakeQuantize", "Reorder", "ReorderInput", "ReorderOutput"),
    }
)
_SLOWER = 1.25  # a node's time comes from one process: smaller ratios are noise
_MATTERS = 0.01  # share of the total time below which a change is not worth a sentence
_OUTSIDE = 0.3  # share of the median run outside all nodes that is worth one
_NAMED = 3
_LISTED = 5


Kind = Literal["gain", "cost", "note"]


class Reason(BaseModel):
    """One sentence of an explanation. `share` is how much of the compared time it is about."""

    model_config = ConfigDict(frozen=True)

    code: str
    kind: Kind
    text: str
    share: float = 0.0


class Work(BaseModel):
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

    @property
    def total_us(self) -> float:
        """Time of all nodes together."""
        return sum(node.microseconds for node in self.profile)


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
    for part in recipe.passes:
        if part.name in ("static_int8", "dynamic_int8"):
            return INT8
        if part.name == "fp16":
            return "fp16"
    asked = str(getattr(recipe.runtime, "precision", ""))
    return asked if asked in ("bf16", "fp16") else ""


def works(side: Side) -> tuple[Work, ...]:
    """The executed nodes in order, each with what it stands for."""
    weights = _constant(side.analysis)
    owned = _owned_rows(side)
    return tuple(_work(node, rows, weights) for node, rows in zip(side.profile, owned, strict=True))


def time_by_operator(side: Side) -> dict[str, float]:
    """Microseconds per operator of the graph, the longest first; conversions under their own."""
    times: dict[str, float] = {}
    for work in works(side):
        times[work.op] = times.get(work.op, 0.0) + work.microseconds
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def precisions(side: Side) -> dict[str, dict[str, int]]:
    """Operator -> precision -> executed nodes, of the nodes that hold a matrix product."""
    found: dict[str, dict[str, int]] = {}
    for work in works(side):
        if work.multiplies:
            counts = found.setdefault(work.op, {})
            counts[work.precision] = counts.get(work.precision, 0) + 1
    return found


def pairs(before: Side, after: Side) -> tuple[Pair, ...]:
    """Work by the graph's names on both sides, the largest change first.

    A name that only one side has was fused into another node, split, or added.
    """
    names = {row.name for row in before.analysis.nodes}
    sides = [_by_name(works(side), names) for side in (before, after)]
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


def explain(before: Side, after: Side) -> tuple[Reason, ...]:
    """Why `after` is faster or slower than `before`, costs first, the largest share first."""
    matched = pairs(before, after)
    reasons = [
        *_not_lowered(after),
        *_conversions(before, after),
        *_slower(before, after, matched),
        *_outside(after),
        *_faster(before, matched),
        *_regrouped(before, matched),
        *_total_time(before, after),
    ]
    order = ("cost", "gain", "note")
    return tuple(sorted(reasons, key=lambda reason: (order.index(reason.kind), -reason.share)))


def _not_lowered(after: Side) -> list[Reason]:
    """Matrix products that did not get the precision that the recipe asks for."""
    products = [work for work in works(after) if work.multiplies]
    stayed = sorted(
        (w for w in products if w.precision != after.wanted), key=lambda w: -w.microseconds
    )
    if not after.wanted or not products:
        return []
    if not stayed:
        text = f"Every matrix operator ({len(products)}) runs in {after.wanted}."
        return [Reason(code="all_lowered", kind="note", text=text)]
    share = _share(stayed, after)
    text = (
        f"{len(stayed)} of {len(products)} matrix operators do not run in {after.wanted} and take "
        f"{_percent(share)} of the time: {_names(stayed)}."
    )
    bare = sum(not work.has_weights for work in stayed)
    if bare:
        text += f" {bare} of them multiply two activations and have no weights to convert."
    return [Reason(code="not_lowered", kind="cost", text=text, share=share)]


def _conversions(before: Side, after: Side) -> list[Reason]:
    """Changes of type and layout that the other side does not have."""
    old, new = ([w for w in works(side) if w.converts] for side in (before, after))
    share = _share(new, after)
    added = sum(w.microseconds for w in new) - sum(w.microseconds for w in old)
    if added < _MATTERS * (after.total_us or 1.0):
        return []
    kinds = ", ".join(f"{op} {n}" for op, n in Counter(w.executed_op for w in new).most_common())
    text = (
        f"{len(new)} changes of type or layout ({kinds}) take {_percent(share)} of the time; "
        f"before there were {len(old)}."
    )
    return [Reason(code="conversions", kind="cost", text=text, share=share)]


def _slower(before: Side, after: Side, matched: Sequence[Pair]) -> list[Reason]:
    """The nodes that lost most."""
    limit = _MATTERS * before.total_us
    slower = [
        pair
        for pair in matched
        if pair.before_us
        and pair.after_us
        and pair.after_us > _SLOWER * pair.before_us
        and pair.extra_us > limit
    ]
    return [
        Reason(
            code="slower",
            kind="cost",
            text=f"{shown(pair.name)} ({pair.op}) got slower: {_us(pair.before_us)} became "
            f"{_us(pair.after_us)}, run as {pair.after_op}"
            f"{f' in {pair.after_precision}' if pair.after_precision else ''}.",
            share=pair.extra_us / (after.total_us or 1.0),
        )
        for pair in slower[:_LISTED]
    ]


def _faster(before: Side, matched: Sequence[Pair]) -> list[Reason]:
    """The operators whose nodes gained most, counting only nodes that both sides have."""
    groups: dict[str, list[Pair]] = {}
    for pair in matched:
        if pair.before_us and pair.after_us:
            groups.setdefault(pair.op, []).append(pair)
    found = []
    for op, group in groups.items():
        old, new = (sum(us or 0 for us in side) for side in _columns(group))
        share = (old - new) / (before.total_us or 1.0)
        if old > _SLOWER * new and share > _MATTERS:
            text = (
                f"{op} ({len(group)} nodes) got faster: {_us(old)} became {_us(new)}; "
                f"that saves {_percent(share)} of the time before."
            )
            found.append(Reason(code="faster", kind="gain", text=text, share=share))
    return sorted(found, key=lambda reason: -reason.share)[:_NAMED]


def _regrouped(before: Side, matched: Sequence[Pair]) -> list[Reason]:
    """Work that only one side has by name: what was fused into other nodes, and these."""
    gone = [pair for pair in matched if pair.after_us is None and not pair.converts]
    new = [pair for pair in matched if pair.before_us is None and not pair.converts]
    old_us = sum(pair.before_us or 0 for pair in gone)
    new_us = sum(pair.after_us or 0 for pair in new)
    change = new_us - old_us
    if not gone or not new or max(old_us, new_us) < _MATTERS * before.total_us:
        return []
    ops = ", ".join(f"{op} {n}" for op, n in Counter(p.op for p in new).most_common(_NAMED))
    text = (
        f"{len(gone)} nodes that took {_us(old_us)} were fused or replaced; the {len(new)} in "
        f"their place ({ops}) take {_us(new_us)}."
    )
    kind: Kind = "note"
    if max(old_us, new_us) > _SLOWER * min(old_us, new_us):
        kind = "cost" if change > 0 else "gain"
    share = abs(change) / (before.total_us or 1.0)
    return [Reason(code="regrouped", kind=kind, text=text, share=share)]


def _total_time(before: Side, after: Side) -> list[Reason]:
    text = (
        f"{len(before.profile)} executed nodes became {len(after.profile)}; all together they "
        f"take {_us(after.total_us)} per run, before {_us(before.total_us)}."
    )
    return [Reason(code="total", kind="note", text=text)]


def _outside(after: Side) -> list[Reason]:
    """Time of a run that no node has: the engine's own cost per run."""
    if not after.p50_us:
        return []
    share = 1 - after.total_us / after.p50_us
    if share < _OUTSIDE:
        return []
    text = (
        f"{_percent(share)} of a run is spent outside the nodes: passing inputs and outputs and "
        "starting the engine. No change of the graph makes that faster."
    )
    return [Reason(code="outside", kind="cost", text=text, share=share)]


def _owned_rows(side: Side) -> list[list[NodeRow]]:
    """The graph's rows that each executed node stands for, every row given to one at most.

    A row that no executed node names was fused into the only one that reads its outputs, unless
    both hold a matrix product: one executed node is not two of them by accident.
    """
    profile = side.profile
    owner: dict[str, int] = {}
    busy: set[int] = set()  # executed nodes that have their matrix product
    for index, node in enumerate(profile):
        for row in node.rows:
            if row.name not in owner and not (_moves(node) and row.op in MATRIX):
                owner[row.name] = index
                busy |= {index} if row.op in MATRIX else set()
    readers: dict[str, set[int]] = {}
    owned: list[list[NodeRow]] = [[] for _ in profile]
    for row in reversed(side.analysis.nodes):
        reading = {index for tensor in row.writes for index in readers.get(tensor, ())}
        if row.name not in owner and len(reading) == 1:
            (index,) = reading
            taken = row.op in MATRIX and (index in busy or _moves(profile[index]))
            owner |= {} if taken else {row.name: index}
            busy |= {index} if row.op in MATRIX else set()
        if row.name in owner:
            owned[owner[row.name]].append(row)
            for tensor in row.reads:
                readers.setdefault(tensor, set()).add(owner[row.name])
    return owned


def _moves(node: ProfiledNode) -> bool:
    """Whether an executed node only changes a type, a layout or a shape."""
    return node.op in _CONVERSIONS or node.op in MOVES


def _constant(analysis: Analysis) -> set[str]:
    """Tensors that do not depend on the inputs: weights, and what is dequantized of them."""
    found = set(analysis.weights)
    for row in analysis.nodes:
        if row.reads and found.issuperset(row.reads):
            found.update(row.writes)
    return found


def _work(node: ProfiledNode, rows: Sequence[NodeRow], constant: set[str]) -> Work:
    converts = node.op in _CONVERSIONS or (node.op == "Transpose" and not node.rows)
    main = max(rows, key=lambda row: (row.op in MATRIX, row.flops), default=None)
    if converts or main is None or not (main.flops or main.op in MATRIX):
        main = None
    integer = node.op in INTEGER or (main is not None and main.op in INTEGER)
    precision = INT8 if integer else _PRECISIONS.get(node.precision, "")
    return Work(
        name=main.name if main else node.name,
        op=main.op if main else node.op,
        executed_op=node.op,
        precision="" if converts else precision,
        microseconds=node.microseconds,
        multiplies=main is not None and main.op in MATRIX,
        has_weights=main is None or any(tensor in constant for tensor in main.reads),
        converts=converts,
    )


def _by_name(found: Iterable[Work], originals: set[str]) -> dict[str, list[Work]]:
    """Work by name; a quantized node goes by the name of the original that it replaces."""
    named: dict[str, list[Work]] = {}
    for work in found:
        base = _QUANT.sub("", work.name)
        named.setdefault(base if base in originals else work.name, []).append(work)
    return named


def _columns(found: Sequence[Pair]) -> tuple[list[float | None], list[float | None]]:
    return [pair.before_us for pair in found], [pair.after_us for pair in found]


def _total(found: Sequence[Work]) -> float | None:
    return sum(work.microseconds for work in found) if found else None


def _joined(words: Iterable[str]) -> str:
    return " + ".join(dict.fromkeys(filter(None, words)))


def _share(found: Iterable[Work], side: Side) -> float:
    return sum(work.microseconds for work in found) / (side.total_us or 1.0)


def _names(found: Sequence[Work]) -> str:
    named = ", ".join(f"{shown(w.name)} ({w.executed_op})" for w in found[:_NAMED])
    rest = len(found) - _NAMED
    return f"{named} and {rest} more" if rest > 0 else named


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %"


def _us(value: float | None) -> str:
    return f"{value or 0:,.0f} µs"
