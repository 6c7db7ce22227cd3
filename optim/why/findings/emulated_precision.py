"""A precision that this CPU has no instructions for: the engine emulates it or computes in fp32."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed

_CODE = "precision not available"


def find(seen: Evidence) -> Iterator[Finding]:
    """What the engine said it computes in, against what was asked for."""
    for caution in seen.trial.warnings:
        if caution.code == _CODE:
            yield Finding(
                text=f"{caution.text} {seen.here.cited('bf16')}".strip(),
                advice="Ask for f32: on this CPU nothing is gained by less.",
                recipe=changed(seen.recipe, seen.engine, precision="f32"),
            )
