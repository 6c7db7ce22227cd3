"""What became of each node of a graph in another: same, changed, fused, removed or added.

Between tensors that both graphs have lie regions of nodes: what makes such a tensor of others of
them. Within a region nodes of one kind are paired in their order; what is left over was fused into
the region's new nodes, or removed, or added.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.graph.align import TRANSPARENT, aligned, kind_of
from optim.graph.flops import MATRIX, VIEWS
from optim.graph.values import Analysis, NodeRow, Weight

Change = Literal["same", "changed", "fused", "added", "removed"]
NO_WORK = ("Constant", "Identity")
_FORM = TRANSPARENT | VIEWS
_CONVERTS = _FORM | {"DynamicQuantizeLinear"}


class NodeMatch(BaseModel):
    """Nodes before and after that do the same work. `why` says what differs, in words."""

    model_config = ConfigDict(frozen=True)

    before: tuple[str, ...]
    after: tuple[str, ...]
    change: Change
    why: str = ""
    serves: str = ""
    """The node before whose work the nodes after do, or help to do; empty where none is known."""


class GraphMatch(BaseModel):
    """Every node of both graphs, in one match each; constants are left out."""

    model_config = ConfigDict(frozen=True)

    matches: tuple[NodeMatch, ...]

    @property
    def before(self) -> dict[str, NodeMatch]:
        """By the nodes before."""
        return {name: match for match in self.matches for name in match.before}

    @property
    def after(self) -> dict[str, NodeMatch]:
        """By the nodes after."""
        return {name: match for match in self.matches for name in match.after}

    @property
    def origins(self) -> dict[str, tuple[str, ...]]:
        """Node after -> the nodes before whose work it does, the one that did most of it first."""
        return {
            name: tuple(dict.fromkeys((match.serves, *match.before)))
            for match in self.matches
            if match.serves
            for name in match.after
        }


def match_graphs(
    a: Analysis,
    b: Analysis,
    weights_a: Mapping[str, Weight] | None = None,
    weights_b: Mapping[str, Weight] | None = None,
) -> GraphMatch:
    """What became of the nodes of `a` (before) in `b` (after); linear in both.

    Args:
        weights_a: contents of the constant tensors, which tell changed weights and align graphs
            that share no names; without them neither is told.
    """
    weights_a, weights_b = weights_a or {}, weights_b or {}
    pairs = aligned(a, b, weights_a, weights_b)
    sides = _Regions(a.nodes, set(pairs.values())), _Regions(b.nodes, pairs.keys())
    compare = _Comparison(weights_a, weights_b)
    ends = [t for row in b.nodes for t in row.writes if t in pairs]
    found = [
        match
        for tensor in dict.fromkeys(ends)
        for match in _region(sides[0].behind(pairs[tensor]), sides[1].behind(tensor), compare)
    ]
    found += [NodeMatch(before=(r.name,), after=(), change="removed") for r in sides[0].rest()]
    found += [NodeMatch(before=(), after=(r.name,), change="added") for r in sides[1].rest()]
    return GraphMatch(matches=tuple(found))


class _Regions:
    """Nodes of one graph, taken region by region, each once."""

    def __init__(self, rows: Sequence[NodeRow], borders: Container[str]) -> None:
        self._rows = [row for row in rows if row.op != "Constant"]
        self._order = {row.name: at for at, row in enumerate(self._rows)}
        self._maker = {tensor: row for row in self._rows for tensor in row.writes}
        self._borders, self._taken = borders, set[str]()

    def behind(self, tensor: str) -> list[NodeRow]:
        """The nodes that make a tensor of tensors that both graphs have, in their order."""
        found: list[NodeRow] = []
        waiting = [tensor]
        while waiting:
            row = self._maker.get(waiting.pop())
            if row is not None and row.name not in self._taken:
                self._taken.add(row.name)
                found.append(row)
                waiting += [name for name in row.reads if name not in self._borders]
        return sorted(found, key=lambda row: self._order[row.name])

    def rest(self) -> list[NodeRow]:
        """The nodes that no region has taken."""
        return [row for row in self._rows if row.name not in self._taken]


class _Comparison:
    """What differs between two nodes that do the same work."""

    def __init__(self, a: Mapping[str, Weight], b: Mapping[str, Weight]) -> None:
        self._a, self._b = a, b

    def why(self, old: NodeRow, new: NodeRow) -> str:
        """In words; empty where they are the same."""
        said = [
            f"{old.op} became {new.op}" if (old.op, old.domain) != (new.op, new.domain) else "",
            f"{old.precision} became {new.precision}" if _reprecised(old, new) else "",
            "other weights" if self._reweighted(old, new) else "",
            "other attributes" if old.attributes != new.attributes else "",
            "other types or shapes" if not _alike(old, new) else "",
        ]
        return ", ".join(filter(None, said))

    def _reweighted(self, old: NodeRow, new: NodeRow) -> bool:
        """Whether both read a constant at some place, and not the same."""
        places = zip(old.reads, new.reads, strict=False)
        read = ((self._a.get(one), self._b.get(two)) for one, two in places)
        return any(one and two and one.digest != two.digest for one, two in read)


def _reprecised(old: NodeRow, new: NodeRow) -> bool:
    """Whether both compute, and not in the same; a new operator's shapes may be unknown."""
    return bool(old.precision and new.precision) and old.precision != new.precision


def _alike(old: NodeRow, new: NodeRow) -> bool:
    unknown = "?" in f"{old.outputs}{new.outputs}"
    return unknown or old.outputs == new.outputs


def _region(
    before: Sequence[NodeRow], after: Sequence[NodeRow], compare: _Comparison
) -> Iterable[NodeMatch]:
    pairs, serves = _paired(before, after), _only_product(before)
    old = [r for r in before if r.name not in {one.name for one, _ in pairs}]
    new = [r for r in after if r.name not in {two.name for _, two in pairs}]
    fused = [row for row in old if row.op not in NO_WORK]
    made = [row for row in new if row.op not in _FORM]
    into = _takes_in(pairs) if fused and not made else None
    for pair in pairs:
        if pair is not into:
            why = compare.why(*pair)
            change: Change = "changed" if why else "same"
            yield _match([pair[0]], [pair[1]], change, why, pair[0].name)
    if fused and (into or made):
        whole = [row for row in before if row in fused or (into and row is into[0])]
        ops = " + ".join(row.op for row in whole)
        most = max(whole, key=_work).name
        yield _match(whole, [into[1]] if into else made, "fused", f"made of {ops}", most)
        old, new = [row for row in old if row not in fused], [r for r in new if r not in made]
    yield from (_match([row], [], "removed") for row in old)
    for row in new:
        yield _match([], [row], "added", serves="" if row.op in _CONVERTS else serves)


def _only_product(rows: Sequence[NodeRow]) -> str:
    """The one matrix product among nodes: what is added around it, helps it. Empty for others."""
    products = [row.name for row in rows if row.op in MATRIX]
    return products[0] if len(products) == 1 else ""


def _work(row: NodeRow) -> tuple[bool, int]:
    """Orders nodes by how much they do."""
    return row.op in MATRIX, row.flops


def _paired(before: Sequence[NodeRow], after: Sequence[NodeRow]) -> list[tuple[NodeRow, NodeRow]]:
    """Nodes of one kind in their order."""
    waiting: dict[str, list[NodeRow]] = {}
    for row in before:
        waiting.setdefault(kind_of(row.op), []).append(row)
    found = []
    for row in after:
        if same := waiting.get(kind_of(row.op)):
            found.append((same.pop(0), row))
    return found


def _takes_in(pairs: Sequence[tuple[NodeRow, NodeRow]]) -> tuple[NodeRow, NodeRow] | None:
    """The pair that took in what is left over of its region: the one that does most."""
    works = [pair for pair in pairs if pair[1].op not in _FORM]
    return max(works, key=lambda pair: pair[1].flops, default=None)


def _match(
    before: Sequence[NodeRow],
    after: Sequence[NodeRow],
    change: Change,
    why: str = "",
    serves: str = "",
) -> NodeMatch:
    names = [tuple(row.name for row in rows) for rows in (before, after)]
    return NodeMatch(before=names[0], after=names[1], change=change, why=why, serves=serves)
