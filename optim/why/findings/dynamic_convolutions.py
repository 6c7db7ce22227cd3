"""Dynamic int8 on convolutions: a slow integer kernel, and inputs quantized on every run."""

from collections.abc import Iterator

from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed, instead
from optim.why.saying import does, many, named


def find(seen: Evidence) -> Iterator[Finding]:
    """ConvInteger in the optimized graph."""
    nodes = [row.name for row in seen.graph.nodes if row.op == "ConvInteger"]
    if not nodes:
        return
    works = [work for work in seen.executed if work.name in nodes or work.op == "ConvInteger"]
    before = [work for work in seen.executed_before if work.op == "Conv"]
    took, was = seen.ms(works), seen.ms(before)
    compared = f" where they took {milliseconds(was)} in float" if before else ""
    yield Finding(
        nodes=tuple(nodes),
        text=f"{many(nodes, 'convolution')} {does(nodes, 'run')} as ConvInteger, whose input is "
        f"quantized anew on every run ({named(nodes)}): {milliseconds(took)}{compared}. Engines "
        "have no fast kernel for it.",
        cost_ms=max(0.0, took - was) if before else None,
        advice="Quantize convolutions with ranges measured beforehand (static_int8), or leave them "
        "in float.",
        recipe=_mended(seen),
    )


def _mended(seen: Evidence) -> str:
    dynamic = seen.part("dynamic_int8")
    if dynamic is None:
        return ""
    others = tuple(op for op in getattr(dynamic, "op_types", ()) if op != "Conv")
    rest = {row.op.removesuffix("Integer") for row in seen.graph.nodes} & {"MatMul", "LSTM"}
    if rest & set(others):
        return changed(seen.recipe, "dynamic_int8", op_types=others)
    return instead(seen.recipe, "dynamic_int8", "static_int8")
