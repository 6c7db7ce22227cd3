"""Weights of few bits that are unpacked on every run: worth it only where memory is the limit."""

from collections.abc import Iterator

from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import instead
from optim.why.saying import does, many, named

_OPERATOR = "MatMulNBits"
_PASS = "weight_only"


def find(seen: Evidence) -> Iterator[Finding]:
    """MatMulNBits that take longer than the products that they stand for took."""
    works = [work for work in seen.executed if work.executed_op == _OPERATOR]
    before = [work for work in seen.executed_before if work.multiplies and work.has_weights]
    took, was = seen.ms(works), seen.ms(before)
    if not works or took <= was:
        return
    nodes = tuple(work.name for work in works)
    yield Finding(
        nodes=nodes,
        text=f"{many(works, 'product')} {does(works, 'unpack')} weights of few bits on every run "
        f"({named(nodes)}): "
        f"{milliseconds(took)} where products took {milliseconds(was)}. That pays where reading "
        "the weights takes longer than computing, in large products of one row.",
        cost_ms=took - was,
        advice="Leave weights whole here, or quantize activations as well (dynamic_int8).",
        recipe=instead(seen.recipe, _PASS, "") if seen.part(_PASS) else "",
    )
