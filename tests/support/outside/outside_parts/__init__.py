"""Parts of another package: its entry point names this module, which names them."""

from outside_parts.reference import Reference
from outside_parts.round_weights import RoundWeights
from outside_parts.within_tenth import WithinTenth

__all__ = ["Reference", "RoundWeights", "WithinTenth"]
