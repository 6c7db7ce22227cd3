"""Subnormal numbers: many CPUs multiply them tens of times slower."""

from collections.abc import Iterator

from optim.findings import percent
from optim.names import legible
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import with_pass
from optim.why.saying import named

_FEW = 4


def find(seen: Evidence) -> Iterator[Finding]:
    """Among the original's weights, or in its values on real samples.

    Values that no node reads, such as tiny probabilities, are not computed with.
    """
    rows = seen.before.analysis.nodes
    read = {name for row in rows for name in row.reads}
    weights = seen.observed.weights
    values = {name: share for name, share in seen.observed.values.items() if name in read}
    bodies = seen.observed.bodies
    if not weights and not values and not bodies:
        return
    told = " and ".join(
        f"{kind} {_worst(shares)}"
        for kind, shares in (
            ("the weights", weights),
            ("the values", values),
            ("values within", bodies),
        )
        if shares
    )
    reads = {*weights, *values}
    given = [spec.name for spec in seen.original.inputs if spec.name in values]
    nodes = [row.name for row in rows if reads & {*row.reads} or bodies.keys() & {*row.writes}]
    yield Finding(
        nodes=tuple(nodes),
        text=f"Subnormal numbers (closer to 0 than 1.2e-38) are among {told}. Many CPUs multiply "
        "them tens of times slower than others, and a recipe may seem fast only since it rounds "
        "them away.",
        advice=f"Scale {named(given)} before the model runs, so that its numbers are not this "
        "small, or set them to zero there."
        if given
        else "Set them to zero (zero_tiny): no answer changes that can be measured. Or flush "
        "them to zero while running (set_flush_denormal, -ffast-math at load).",
        recipe="" if given else with_pass(seen.recipe, "zero_tiny"),
    )


def _worst(shares: dict[str, float]) -> str:
    worst = sorted(shares.items(), key=lambda item: -item[1])
    named = ", ".join(f"{legible(name)} {percent(share)}" for name, share in worst[:_FEW])
    return f"({named}{f' and {len(worst) - _FEW} more' if len(worst) > _FEW else ''})"
