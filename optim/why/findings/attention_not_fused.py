"""Attention that is spelled out in the graph and runs node by node."""

from collections.abc import Iterator

from optim.graph.flops import MOVES
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import with_pass
from optim.why.patterns import SOFTMAX, attentions
from optim.why.saying import does, many, named
from optim.why.spelled_out import spelled_out

_NEEDED = MOVES | {"Softmax"}  # one operator changes layouts, too, for its products
_MATTERS = 0.1  # of a run: ONNX Runtime's own operator is no faster than a scale and a mask apart


def find(seen: Evidence) -> Iterator[Finding]:
    """Patterns whose softmax was executed as such.

    Products and softmax take as long inside of one operator: what it saves is the rest.
    """
    found = spelled_out(seen, attentions(seen.graph), SOFTMAX, "one fused operator")
    if found is None:
        return
    rest = [work for work in found.works if not work.multiplies and work.executed_op not in _NEEDED]
    yield Finding(
        note=seen.share(rest) < _MATTERS,
        nodes=found.anchors,
        text=f"{many(found.anchors, 'attention block')} (softmax between two products: "
        f"{named(found.anchors)}) {does(found.anchors, 'run')} {found.told}",
        cost_ms=seen.ms(rest),
        advice="fuse_transformer fuses what it recognizes; export with the operators that your "
        "framework's attention has by itself, without casts or masks between.",
        recipe=with_pass(seen.recipe, "fuse_transformer"),
    )
