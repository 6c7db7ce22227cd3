"""A precision that this CPU has no instructions for: the engine emulates it or computes in fp32."""

from collections.abc import Iterator

from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.halved import halved
from optim.why.mending import changed, instead
from optim.why.saying import does, many, named

_CODE = "precision not available"


def find(seen: Evidence) -> Iterator[Finding]:
    """What the engine said it computes in, against what was asked for; halves by the profile."""
    for caution in seen.trial.warnings:
        if caution.code == _CODE:
            yield Finding(
                text=f"{caution.text} {seen.here.cited('bf16')}".strip(),
                advice="Ask for f32: on this CPU nothing is gained by less.",
                recipe=changed(seen.recipe, seen.engine, precision="f32"),
            )
    for precision in ("fp16", "bf16"):
        yield from _halved(seen, precision)


def _halved(seen: Evidence, precision: str) -> Iterator[Finding]:
    nodes, ran = halved(seen, precision)
    if not nodes or ran == "int8":
        return
    casts = seen.ms(work for work in seen.executed if work.executed_op == "Cast")
    between = f", with casts between that take {milliseconds(casts)} a run" if casts else ""
    yield Finding(
        nodes=nodes,
        text=f"{many(nodes, 'node')} {does(nodes, 'are')} in {precision} by the graph "
        f"({named(nodes)}), for which this engine has no kernels on this CPU: it computes them in "
        f"{ran}{between}. Half precision saves no time here.",
        cost_ms=casts or None,
        advice="Leave the model in fp32 on this CPU.",
        recipe=instead(seen.recipe, precision, "") if seen.part(precision) else "",
    )
