"""Casts, reorders and layout changes that the original does not have."""

from collections import Counter
from collections.abc import Iterator

from optim.explaining.executed import Executed
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.saying import percent

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
    kinds = ", ".join(f"{op} {n}" for op, n in Counter(w.executed_op for w in new).most_common())
    yield Finding(
        nodes=tuple(work.name for work in sorted(new, key=lambda work: -work.microseconds)),
        text=f"{len(new)} changes of type or layout ({kinds}) take {percent(seen.share(new))} of a "
        f"run{f'; the original has {len(old)}' if old else ''}.",
        cost_ms=extra,
        advice="They stand between nodes of different precision or layout: quantize what lies "
        "between as well, or leave single nodes out so that fewer borders are crossed.",
    )


def _converting(works: tuple[Executed, ...]) -> list[Executed]:
    return [work for work in works if work.converts and work.executed_op not in _PAIRS]
