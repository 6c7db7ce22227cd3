"""Layer normalization that is spelled out in the graph and runs node by node."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed, with_pass
from optim.why.patterns import normalizations
from optim.why.saying import many, named, percent


def find(seen: Evidence) -> Iterator[Finding]:
    """Patterns whose root was executed as such."""
    alone = {work.name for work in seen.executed if work.executed_op == "Sqrt"}
    spelled = [one for one in normalizations(seen.graph) if one.anchor in alone]
    if not spelled:
        return
    inside = {name for one in spelled for name in one.nodes}
    works = [work for work in seen.executed if work.name in inside]
    odd = next((one.unusual for one in spelled if one.unusual), "")
    hidden = f" What hides the pattern from the fusion may be {odd}." if odd else ""
    nodes = tuple(one.anchor for one in spelled)
    yield Finding(
        nodes=nodes,
        text=f"{many(spelled, 'layer normalization')} ({named(nodes)}) run "
        f"node by node, {percent(seen.share(works))} of a run, instead of as LayerNormalization."
        f"{hidden}",
        cost_ms=seen.ms(works),
        advice="Export with opset 17 or newer, which has LayerNormalization as an operator, and "
        "keep its inner values out of the outputs.",
        recipe=_mended(seen),
    )


def _mended(seen: Evidence) -> str:
    if seen.engine == "onnxruntime" and getattr(seen.recipe.runtime, "graph", "all") != "all":
        return changed(seen.recipe, "onnxruntime", graph="all")
    return with_pass(seen.recipe, "fuse_transformer")
