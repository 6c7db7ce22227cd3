"""Attention that is spelled out in the graph and runs node by node."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import with_pass
from optim.why.patterns import attentions
from optim.why.saying import many, named, percent


def find(seen: Evidence) -> Iterator[Finding]:
    """Patterns whose softmax was executed as such."""
    alone = {work.name: work for work in seen.executed if work.executed_op in ("Softmax",)}
    spelled = [one for one in attentions(seen.graph) if one.anchor in alone]
    if not spelled:
        return
    inside = {name for one in spelled for name in one.nodes}
    works = [work for work in seen.executed if work.name in inside]
    odd = next((one.unusual for one in spelled if one.unusual), "")
    hidden = f" What hides the pattern from the fusion may be {odd}." if odd else ""
    nodes = tuple(one.anchor for one in spelled)
    yield Finding(
        nodes=nodes,
        text=f"{many(spelled, 'attention block')} (softmax between two "
        f"products: {named(nodes)}) run node by node, {percent(seen.share(works))} of a run, "
        f"instead of as one fused operator.{hidden}",
        cost_ms=seen.ms(work for work in works if not work.multiplies),
        advice="fuse_transformer fuses what it recognizes; export with the operators that your "
        "framework's attention has by itself, without casts or masks between.",
        recipe=with_pass(seen.recipe, "fuse_transformer"),
    )
