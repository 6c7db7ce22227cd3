"""Products that take longer in the lower precision that the recipe gives them."""

from collections.abc import Iterable, Iterator

from optim.explaining.executed import Executed
from optim.recipe import Recipe
from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import instead
from optim.why.saying import many, named

_SLOWER = 1.1
_MATTERS = 0.05
_ROUNDS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
_SMALL_US = 20.0  # a product that is over sooner cannot earn back what rounding its inputs takes


def find(seen: Evidence) -> Iterator[Finding]:
    """All products together, and what rounds their inputs, against the products before.

    Where nodes are over too soon for the profiler, by the measured run.
    """
    wanted = seen.after.wanted
    after = [work for work in seen.executed if work.multiplies or work.executed_op in _ROUNDS]
    before = [work for work in seen.executed_before if work.multiplies]
    lowered = sorted({work.op for work in after if work.precision == wanted and work.multiplies})
    what, took, was = "Their products take", seen.ms(after), seen.ms(before)
    if not _longer(seen, took, was) and _run_is_slower(seen):
        what, took, was = "A run takes", seen.p50_ms, (seen.before.p50_us or 0.0) / 1e3
    if not wanted or not lowered or not _longer(seen, took, was):
        return
    nodes = tuple(work.name for work in sorted(after, key=lambda w: -w.microseconds))
    yield Finding(
        symptom=True,
        nodes=nodes,
        text=f"Runs do not gain by {wanted} ({', '.join(lowered)}: {named(nodes)}). {what} "
        f"{milliseconds(took)} now, {milliseconds(was)} before. {_reason(before)} "
        f"{seen.here.cited(wanted)}".strip(),
        cost_ms=took - was,
        advice="Leave out the pass, or quantize the large products only.",
        recipe=_mended(seen),
    )


def _longer(seen: Evidence, took: float, was: float) -> bool:
    return took > _SLOWER * was and took - was > _MATTERS * seen.p50_ms


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
