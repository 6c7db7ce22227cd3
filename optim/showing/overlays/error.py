"""How far each node's result is from the original's."""

from collections.abc import Mapping

from optim.showing.overlay import HEAT, Facts, Overlay, Ramp

_EXACT_DB, _LOST_DB = 60.0, 0.0


def _values(facts: Facts) -> Mapping[str, float]:
    """The worst of each node's tensors, in dB."""
    found: dict[str, float] = {}
    for error in facts.errors:
        if error.sqnr_db is not None:
            found[error.node] = min(found.get(error.node, error.sqnr_db), error.sqnr_db)
    return found


OVERLAY = Overlay(
    name="error",
    title="Error",
    about="Signal to noise (SQNR) of each node's result against the original's, on validation "
    "inputs: 20 dB less is ten times the error, 200 dB is none.",
    rank=30,
    values=_values,
    scale=Ramp(
        lambda value: f"{value:.0f} dB",
        colors=tuple(reversed(HEAT)),
        power=1.0,
        least=_LOST_DB,
        most=_EXACT_DB,
        adds_up=False,
    ),
    needs="errors",
)
