"""Randomness in the model: its answers differ from run to run."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding


def find(seen: Evidence) -> Iterator[Finding]:
    """Operators that draw, dropout in training mode included."""
    if not seen.original.random:
        return
    gone = sorted(set(seen.original.random) - set(seen.optimized.random))
    removed = f" The recipe's model draws no more ({', '.join(gone)})." if gone else ""
    yield Finding(
        concerns="trust",
        text=f"The original draws at random ({', '.join(seen.original.random)}): two runs of the "
        f"same model on the same sample differ, whatever a recipe does.{removed}",
        advice="Export the model in inference mode (PyTorch: model.eval()), unless it is meant to "
        "draw.",
    )
