"""Casts, reorders and layout changes that the original does not have."""

from collections import Counter
from collections.abc import Iterator

from optim.explaining.executed import Executed
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.saying import named, percent

_MATTERS = 0.05
_PAIRS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")


def find(seen: Evidence) -> Iterator[Finding]:
    """Conversions other than those of QDQ pairs, where they take longer than before.

    Of the original as it comes, all of them. What enters and leaves may be converted once.
    """
    old = [] if seen.recipe.is_baseline else _converting(seen.executed_before)
    new = _converting(seen.executed)
    took = seen.ms(new)
    extra = took - seen.ms(old)
    borders = len(seen.original.inputs) + len(seen.original.outputs)
    if extra < _MATTERS * seen.p50_ms or len(new) <= borders:
        return
    beside = _run_before(seen, new)
    kinds = ", ".join(f"{op} {n}" for op, n in Counter(w.executed_op for w in new).most_common())
    yield Finding(
        nodes=(*(work.name for work in sorted(new, key=lambda work: -work.microseconds)), *beside),
        text=f"{len(new)} changes of type or layout ({kinds}) take {percent(seen.share(new))} of a "
        f"run{f'; the original has {len(old)}' if old else ''}."
        f"{f' The engine adds them before {named(beside)}.' if beside else ''}",
        cost_ms=extra,
        advice="They stand between nodes of different precision or layout: quantize what lies "
        "between as well, or leave single nodes out so that fewer borders are crossed.",
    )


def _converting(works: tuple[Executed, ...]) -> list[Executed]:
    return [work for work in works if work.converts and work.executed_op not in _PAIRS]


def _run_before(seen: Evidence, works: list[Executed]) -> tuple[str, ...]:
    """The graph's nodes that run next after conversions which the graph itself does not have."""
    names, following, node = {work.name for work in works}, [], ""
    for work in reversed(seen.executed):
        if work.name in seen.rows:
            node = work.name
        elif node and work.name in names:
            following.append(node)
    return tuple(dict.fromkeys(reversed(following)))
