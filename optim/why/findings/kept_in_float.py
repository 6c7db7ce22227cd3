"""Products with weights that the recipe wanted in a lower precision and that stayed in float."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optim.explaining.executed import Executed
from optim.part import Circumstances, Ingredient
from optim.passes.base import Pass, Stage, all_passes
from optim.recipe import Recipe
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed, instead, on, with_pass
from optim.why.quantized import quantized_products
from optim.why.saying import does, many, named, percent

_MATTERS = 0.1
_AS_TAKEN = {"Gemm": "MatMul"}
"""Operators that passes take by another's name."""


def find(seen: Evidence) -> Iterator[Finding]:
    """By the profile; those that the graph has quantized are another finding's."""
    wanted = seen.after.wanted
    meant = {one.row.name for one in quantized_products(seen.graph)}
    stayed = [
        work
        for work in seen.executed
        if work.multiplies
        and work.has_weights
        and work.precision != wanted
        and work.name not in meant
        and _is_float(seen, work.name, wanted)
    ]
    if not wanted or seen.share(stayed) < _MATTERS:
        return
    stayed.sort(key=lambda work: -work.microseconds)
    nodes = tuple(work.name for work in stayed)
    advice, recipe = _mended(seen, stayed)
    yield Finding(
        nodes=nodes,
        text=f"{many(stayed, 'product')} with weights {does(stayed, 'are')} not run in {wanted}: "
        f"{percent(seen.share(stayed))} of a run, {named(nodes)} "
        f"({', '.join(sorted({work.op for work in stayed}))}).",
        cost_ms=None,
        advice=advice,
        recipe=recipe,
    )


def _is_float(seen: Evidence, name: str, wanted: str) -> bool:
    """Whether the graph leaves it in float; what an engine makes of the rest is another finding."""
    row = seen.rows.get(name)
    return row is None or row.precision != wanted


def _mended(seen: Evidence, stayed: Sequence[Executed]) -> tuple[str, str]:
    """Advice and recipe: off the list of what is left out, else by a pass that takes them."""
    last = next((one for one in reversed(seen.recipe.passes) if one.lowers_to), None)
    names = {work.name for work in stayed}
    left: Sequence[str] = getattr(last, "exclude", ())
    if last and names.intersection(left):
        fewer = tuple(name for name in left if name not in names)
        return "Take them off the exclude list.", changed(seen.recipe, last.name, exclude=fewer)
    op = stayed[0].op
    other = _taking(_AS_TAKEN.get(op, op), last) if last else None
    if last and other:
        return f"Use {other.name}, which takes {op} as it comes.", _with(seen, last, other)
    cells = _rewriting(op)
    if last and cells and not _hurts(seen, cells, last, seen.recipe.runtime):
        advice = f"Put {cells.name} before: it writes {op} as products, which {last.name} takes."
        return advice, with_pass(seen.recipe, cells.spelling)
    return f"Use a pass or an engine that has a kernel for {op}.", ""


def _taking(op: str, last: Pass) -> Pass | None:
    """A pass to the same precision that takes an operator unasked, where another one did not."""
    known = (kind() for kind in all_passes().values() if not kind.missing())
    others = (one for one in known if one.name != last.name and one.lowers_to == last.lowers_to)
    return next((one for one in others if op in getattr(one, "op_types", ())), None)


def _rewriting(op: str) -> Pass | None:
    """A pass that writes cells of this operator as what they are made of."""
    cells = (kind() for kind in all_passes().values() if kind.stage is Stage.CELLS)
    return next((one for one in cells if one.takes(Circumstances({op: 1}))), None)


def _with(seen: Evidence, last: Pass, other: Pass) -> str:
    """On ONNX Runtime where the pass says that it hurts on the recipe's engine, and not there."""
    new, plain = instead(seen.recipe, last.name, other.spelling), Recipe.baseline().runtime
    if new and _hurts(seen, other, seen.recipe.runtime) and not _hurts(seen, other, plain):
        return on(Recipe.parse(new), plain.name)
    return new


def _hurts(seen: Evidence, part: Pass, *following: Ingredient) -> bool:
    here = replace(seen.here, recipe=(part, *following))
    return any(hazard.when(part, here) for hazard in part.hazards)
