"""Nodes that take longer than in the original."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from optim.explaining.executed import Executed, Side, times_by_origin, work_of
from optim.findings import Interval
from optim.names import legible
from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed, instead, left_in_float, on
from optim.why.waterfall import change

_SLOWER = 1.25  # a node's time comes from few processes: smaller ratios are noise,
_CONFIRMED = 1.1  # unless the run itself, timed in pairs, is slower
_SHOWS, _MATTERS = 0.02, 0.05  # of a run: one of them, all of them together
_RESIDUAL = "SkipLayerNormalization"


@dataclass(frozen=True)
class _Slower:
    """A node of the original, what runs in its place, and microseconds: before, after, change."""

    name: str
    work: Executed
    before: float
    after: float
    extra: Interval

    def shows(self, run_us: float, least: float) -> bool:
        """Whether it is slower beyond chance, and by enough to matter: this many times."""
        much = self.after > least * self.before > 0 and self.extra.value > _SHOWS * run_us
        return much and self.extra.low > 0


def find(seen: Evidence) -> Iterator[Finding]:
    """Nodes that both sides have by name, where much more time is spent now, beyond chance."""
    if seen.recipe.is_baseline:
        return
    least = _least(seen)
    slower = [one for one in _compared(seen) if one.shows(seen.after.nodes_us, least)]
    slower.sort(key=lambda one: -one.extra.value)
    cost_us = sum(one.extra.value for one in slower)
    for one in slower[:1] if cost_us > _MATTERS * seen.after.nodes_us else ():
        others = f" So did {len(slower) - 1} more." if len(slower) > 1 else ""
        ran = " in ".join(filter(None, (one.work.executed_op, one.work.precision)))
        yield Finding(
            symptom=True,
            nodes=tuple(one.name for one in slower),
            text=f"{legible(one.name)} ({one.work.op}) got slower: "
            f"{milliseconds(one.before / 1e3)} became {milliseconds(one.after / 1e3)}, run as "
            f"{ran}.{others}",
            cost_ms=cost_us / 1e3,
            advice="Leave these nodes out of the pass, or compare engines.",
            recipe=_mended(seen, slower),
        )


def _least(seen: Evidence) -> float:
    summary = seen.trial.summary
    return _CONFIRMED if summary and summary.speedup.high < 1 else _SLOWER


def _mended(seen: Evidence, slower: Sequence[_Slower]) -> str:
    """Without what the slowest of them owes its slowness to."""
    work, recipe = slower[0].work, seen.recipe
    lowered = [one.name for one in slower if one.work.precision == seen.after.wanted]
    left = left_in_float(recipe, lowered, seen.names_before)
    if left:
        return left
    if work.executed_op == _RESIDUAL:
        return changed(recipe, "fuse_transformer", residual=False)
    if seen.engine != "onnxruntime":
        return on(recipe, "onnxruntime")
    return instead(recipe, recipe.passes[-1].name, "") if recipe.passes else ""


def _compared(seen: Evidence) -> Iterator[_Slower]:
    """What runs now, against all that it stands for: a fused node is held against its parts."""
    befores = [times_by_origin(side) for side in seen.befores]
    afters = [times_by_origin(side) for side in seen.afters]
    for name, (work, parts) in _parts(seen.after).items():
        was = np.array([sum(times.get(part, 0.0) for part in parts) for times in befores])
        now = np.array([times.get(name, 0.0) for times in afters])
        if name in seen.names_before:
            yield _Slower(name, work, float(was.mean()), float(now.mean()), change(was, now))


def _parts(side: Side) -> dict[str, tuple[Executed, set[str]]]:
    """By the original's nodes: what does most of their work now, and all that it stands for."""
    found: dict[str, tuple[Executed, set[str]]] = {}
    for node in sorted(side.profile, key=lambda node: -node.microseconds):
        work = work_of(node)
        name = side.origin(work.name)
        _, parts = found.setdefault(name, (work, {name}))
        names = (work.name, *(row.name for row in node.rows))
        parts.update(origin for one in names for origin in side.origins.get(one, (one,)))
    return found
