"""Layer normalization that is spelled out in the graph and runs node by node."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed, with_pass
from optim.why.patterns import QUOTIENTS, ROOTS, by_values, normalizations
from optim.why.saying import does, many, named
from optim.why.spelled_out import spelled_out


def find(seen: Evidence) -> Iterator[Finding]:
    """Patterns whose root was executed as such; by values, whose quotient was."""
    patterns = list(normalizations(seen.graph))
    known = {name for one in patterns for name in one.nodes}
    more = by_values(seen.graph, seen.observed.standardizing)
    patterns += [one for one in more if known.isdisjoint(one.nodes)]
    found = spelled_out(seen, patterns, ROOTS | QUOTIENTS, "LayerNormalization")
    if found is None:
        return
    yield Finding(
        nodes=found.anchors,
        text=f"{many(found.anchors, 'layer normalization')} ({named(found.anchors)}) "
        f"{does(found.anchors, 'run')} {found.told}",
        cost_ms=seen.ms(found.works),
        advice="Export with opset 17 or newer, which has LayerNormalization as an operator, and "
        "keep its inner values out of the outputs.",
        recipe=_mended(seen),
    )


def _mended(seen: Evidence) -> str:
    if seen.engine == "onnxruntime" and getattr(seen.recipe.runtime, "graph", "all") != "all":
        return changed(seen.recipe, "onnxruntime", graph="all")
    return with_pass(seen.recipe, "fuse_transformer")
