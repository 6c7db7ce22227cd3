"""One operator that is no product takes most of the run: no precision makes it faster."""

from collections.abc import Iterator, Mapping

from optim.explaining.executed import Executed
from optim.graph.flops import MATRIX
from optim.showing.text import times
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.saying import named, percent

_MOST = 0.4
_FEWEST_MS = 0.02
_ADVICE: Mapping[str, str] = {
    "Loop": "Export without the loop (unrolled, or as one operator over all steps): its body is "
    "started node by node on every trip.",
    "Scan": "Export as LSTM, GRU or unrolled: a Scan's body is started node by node on every step.",
    "If": "Export one branch where the condition is known beforehand.",
    "Gather": "Look up fewer rows, or keep the table in a smaller type.",
    "Resize": "Resize before the model runs, or use nearest in place of cubic interpolation.",
    "Softmax": "Take it over fewer values, or leave it out where only the largest matters.",
    "NonMaxSuppression": "Let fewer boxes through: a higher score threshold, or a top-k before it.",
    "TopK": "Take fewer, or pre-select by a threshold.",
    **dict.fromkeys(
        ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"),
        "Fewer or shallower trees, more rows in each run, or an engine that compiles trees "
        "(treelite).",
    ),
}

BODIES = ("Loop", "Scan", "If")
"""Operators that run a graph of their own."""
_OF_A_GRAPH = "It runs a graph of its own, node by node, which engines optimize little"
_OF_NO_PRODUCT = "It multiplies no matrices, so lower precision of products does not touch it"


def find(seen: Evidence) -> Iterator[Finding]:
    """The operator with the largest share, where that is large and it multiplies no matrices.

    Where it is all there is, such as a forest, that is what the model is: a note.
    """
    kinds: dict[str, list[Executed]] = {}
    for work in seen.executed:
        if not work.converts and not work.multiplies and work.op not in MATRIX:
            kinds.setdefault(work.op, []).append(work)
    for op, works in kinds.items():
        if seen.share(works) < _MOST or seen.ms(works) < _FEWEST_MS:
            continue
        works.sort(key=lambda work: -work.microseconds)
        nodes = tuple(work.name for work in works)
        yield Finding(
            note=op not in BODIES and all(work.op == op for work in seen.executed),
            nodes=nodes,
            text=f"{op} takes {percent(seen.share(works))} of a run ({named(nodes)}). "
            f"{_OF_A_GRAPH if op in BODIES else _OF_NO_PRODUCT}: if all "
            "else took no time, a run would be "
            f"{times(max(1.0, 1 / seen.share(works)))} as fast at most.",
            cost_ms=seen.ms(works),
            advice=_ADVICE.get(
                op, "Look for a cheaper operator that gives the same, or do this outside the model."
            ),
        )
