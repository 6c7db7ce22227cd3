"""Products that take longer in the lower precision that the recipe gives them."""

from collections.abc import Iterable, Iterator

import numpy as np

from optim.explaining.executed import Executed, Side, executed
from optim.findings import Interval
from optim.recipe import Recipe
from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import instead
from optim.why.saying import many, named, signed
from optim.why.waterfall import change

_SLOWER = 1.1
_MATTERS = 0.05
_ROUNDS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
_SMALL_US = 20.0  # a product that is over sooner cannot earn back what rounding its inputs takes


def find(seen: Evidence) -> Iterator[Finding]:
    """Products in the lower precision, and what rounds their inputs, against what they were.

    Beyond chance between the profiles; where that is open, or nodes are over too soon for the
    profiler, by the measured run. What neither decides is said to be open.
    """
    after, wanted = _lowered(seen.executed, seen.after.wanted), seen.after.wanted
    lowered = sorted({work.op for work in after if work.multiplies})
    if not wanted or not lowered:
        return
    took, extra = _in_profiles(seen)
    slower = _longer(seen, took, extra.value) and bool(_were(seen, seen.before))
    nodes = tuple(work.name for work in sorted(after, key=lambda w: -w.microseconds))
    about = f"{wanted} ({', '.join(lowered)}: {named(nodes)})"
    more = seen.p50_ms - (seen.before.p50_us or 0.0) / 1e3
    if slower and extra.low > 0:
        yield _found(seen, nodes, f"{about}. Their products take", took, extra.value)
    elif _run_is_slower(seen) and _longer(seen, seen.p50_ms, more):
        yield _found(seen, nodes, f"{about}. A run takes", seen.p50_ms, more)
    elif slower and not _run_is_faster(seen):
        yield _open(nodes, about, extra)


def _found(seen: Evidence, nodes: tuple[str, ...], about: str, took: float, more: float) -> Finding:
    reason = _reason(_were(seen, seen.before))
    return Finding(
        symptom=True,
        nodes=nodes,
        text=f"Runs do not gain by {about} {milliseconds(took)} now, {milliseconds(took - more)} "
        f"before. {reason} {seen.here.cited(seen.after.wanted)}".strip(),
        cost_ms=more,
        advice="Leave out the pass, or quantize the large products only.",
        recipe=_mended(seen),
    )


def _open(nodes: tuple[str, ...], about: str, extra: Interval) -> Finding:
    return Finding(
        concerns="trust",
        symptom=True,
        nodes=nodes,
        text=f"Whether runs gain by {about} cannot be told: by the profiles, which differ among "
        f"themselves, products take {signed(extra.low)} to {signed(extra.high)}.",
        advice="Explain again while nothing else runs on this machine.",
    )


def _in_profiles(seen: Evidence) -> tuple[float, Interval]:
    """What they take in the mean profile, and how much longer that is than before; in ms."""
    now = _ms(_lowered(executed(side), seen.after.wanted) for side in seen.afters)
    return float(now.mean()), change(_ms(_were(seen, side) for side in seen.befores), now)


def _ms(profiles: Iterable[Iterable[Executed]]) -> np.ndarray:
    """float[profiles]: what works take in each."""
    return np.array([sum(work.microseconds for work in works) for works in profiles]) / 1e3


def _lowered(works: Iterable[Executed], wanted: str) -> list[Executed]:
    """Products in that precision, and what rounds."""
    return [
        work
        for work in works
        if work.executed_op in _ROUNDS or (work.multiplies and work.precision == wanted)
    ]


def _were(seen: Evidence, before: Side) -> list[Executed]:
    """What a profile of the original has of the products that now run in the lower precision."""
    lowered = [work for work in _lowered(seen.executed, seen.after.wanted) if work.multiplies]
    names = {one for work in lowered for one in seen.after.origins.get(work.name, (work.name,))}
    return [
        work
        for work, node in zip(executed(before), before.profile, strict=True)
        if work.multiplies and not names.isdisjoint({work.name, *(row.name for row in node.rows)})
    ]


def _longer(seen: Evidence, took: float, more: float) -> bool:
    return took > _SLOWER * (took - more) and more > _MATTERS * seen.p50_ms


def _run_is_faster(seen: Evidence) -> bool:
    """Beyond doubt, by the measurement, whatever its profiles say."""
    summary = seen.trial.summary
    return summary is not None and summary.speedup.low > 1


def _run_is_slower(seen: Evidence) -> bool:
    """By the measurement, and on the engine that ran the original, so that it is not to blame."""
    summary = seen.trial.summary
    same = seen.engine == Recipe.baseline().runtime.name
    return summary is not None and same and summary.speedup.high < 1


def _reason(before: Iterable[Executed]) -> str:
    times = [work.microseconds for work in before]
    typical = sorted(times)[len(times) // 2] if times else 0.0
    if typical > _SMALL_US:
        return "The engine's kernels for that precision are slower here."
    return (
        f"They are small ({many(times, 'product')}, {typical:.2g} µs each): rounding inputs and "
        "starting kernels takes longer than the arithmetic that is saved. Large ones gain."
    )


def _mended(seen: Evidence) -> str:
    lowering = [one.name for one in seen.recipe.passes if one.lowers_to]
    return instead(seen.recipe, lowering[-1], "") if lowering else ""
