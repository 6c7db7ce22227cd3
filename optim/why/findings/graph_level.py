"""The engine's own graph optimizations are switched off or lowered."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed


def find(seen: Evidence) -> Iterator[Finding]:
    """ONNX Runtime below its highest level."""
    level = getattr(seen.recipe.runtime, "graph", "all")
    if level == "all":
        return
    yield Finding(
        text=f"ONNX Runtime's graph optimizations are set to {level}: it runs {len(seen.executed)} "
        f"nodes where at its highest level the original runs as {len(seen.executed_before)}.",
        advice="Use graph=all, unless a fusion is wrong for this model.",
        recipe=changed(seen.recipe, "onnxruntime", graph="all"),
    )
