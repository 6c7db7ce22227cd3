"""Which nodes to leave in float: the most noise away for the least time, as nested sets.

Pure: from the noise of each rounding and the time that each node saves by being quantized. Sets are
nested, so that a bisection over them finds the smallest that holds in a few judgements.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from optim.judging.sensitivity import Rounding

_FREE = 0.002
"""Least cost of a node, as a share of all that is saved: what profiles cannot tell from nothing."""
_QUIET = 1e-3  # of all noise: what is left then is not worth another node


@dataclass(frozen=True)
class LeftOut:
    """One set: what was `added` to the set before, and what all of it comes to.

    `noise`: what is left of the noise, in shares of all of it; `removed`: how much of it `added`
    took away. `lost_us`: microseconds a run that all of the set no longer saves.
    """

    nodes: tuple[str, ...]
    added: tuple[str, ...]
    noise: float
    removed: float
    lost_us: float


def nested(roundings: Sequence[Rounding], saved_us: Mapping[str, float]) -> list[LeftOut]:
    """Growing sets of nodes to leave in float, the first the most worth while.

    Args:
        saved_us: what each node saves in a run by being quantized; nothing for others.
    """
    board = _Board(roundings, saved_us)
    sets: list[LeftOut] = []
    while board.noise > _QUIET and (best := board.best()):
        sets.append(board.left_out(best))
    return sets


class _Board:
    """What is left in float so far, and what each further step would bring."""

    def __init__(self, roundings: Sequence[Rounding], saved_us: Mapping[str, float]) -> None:
        total = sum(one.noise for one in roundings)
        self._on = {
            i: (frozenset(one.nodes), one.noise / total)
            for i, one in enumerate(roundings)
            if total > 0 and one.nodes
        }
        self._saved = {name: max(0.0, us) for name, us in saved_us.items()}
        noisy: set[str] = set().union(*(nodes for nodes, share in self._on.values() if share > 0))
        self._least = _FREE * sum(self._saved.get(name, 0.0) for name in noisy) or 1.0
        self._out: frozenset[str] = frozenset()
        self._near: dict[str, set[int]] = {}
        for i, (nodes, _) in self._on.items():
            for name in nodes:
                self._near.setdefault(name, set()).add(i)

    @property
    def noise(self) -> float:
        return sum(share for _, share in self._on.values())

    def best(self) -> frozenset[str] | None:
        """The step that takes away most noise for its time; of equal ones the first by name."""
        steps = {nodes - self._out for nodes, share in self._on.values() if share > 0}
        return min(
            steps, key=lambda s: (-self._removed(s) / self._cost(s), sorted(s)), default=None
        )

    def left_out(self, step: frozenset[str]) -> LeftOut:
        """Take this step."""
        removed = self._removed(step)
        gone = self._turned_off(step)
        self._out |= step
        self._on = {i: one for i, one in self._on.items() if i not in gone}
        return LeftOut(
            nodes=tuple(sorted(self._out)),
            added=tuple(sorted(step)),
            noise=self.noise,
            removed=removed,
            lost_us=fsum(self._saved.get(name, 0.0) for name in self._out),  # grows with each
        )

    def _turned_off(self, step: frozenset[str]) -> set[int]:
        out = self._out | step
        near: set[int] = set().union(*(self._near[name] for name in step))
        return {i for i in near if i in self._on and self._on[i][0] <= out}

    def _removed(self, step: frozenset[str]) -> float:
        return sum(self._on[i][1] for i in self._turned_off(step))

    def _cost(self, step: Iterable[str]) -> float:
        return sum(max(self._saved.get(name, 0.0), self._least) for name in step)


def thinned(sets: Sequence[LeftOut], factor: float = 2.0) -> list[LeftOut]:
    """Of nested sets those that each leave at most 1/`factor` of the noise of the one before."""
    kept: list[LeftOut] = []
    for one in sets:
        if one.noise <= (kept[-1].noise if kept else 1.0) / factor:
            kept.append(one)
    if sets and (not kept or kept[-1] is not sets[-1]):
        kept.append(sets[-1])
    return kept
