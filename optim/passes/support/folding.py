"""Constant folding by onnxscript's optimizer (onnxscript.optimizer.fold_constants)."""

from typing import TYPE_CHECKING

from optim.model.randomness import DRAWS
from optim.passes.support.steps import Counts

if TYPE_CHECKING:
    import onnx_ir as ir

_DRAWN = {*DRAWS, "Dropout"}
COMPUTED, STORED = "nodes computed ahead", "constants stored as weights"
_MIN_FOLDED = 1 << 14  # numbers


def folded(model: "ir.Model", shapes: bool) -> Counts:
    """Fold in place what depends on constants, and with `shapes` on known shapes.

    Constants become initializers. None that is made is larger than all weights together, or 64 KB.
    """
    from onnx_ir.passes.common import LiftConstantsToInitializersPass
    from onnxscript.optimizer import fold_constants, remove_unused_nodes

    limit = max(_MIN_FOLDED, sum(map(_size, model.graph.initializers.values())))
    before, constants = _computing(model), len(model.graph) - _computing(model)
    fold_constants(
        model,
        onnx_shape_inference=shapes,
        input_size_limit=limit,
        output_size_limit=limit,
        should_fold=_allowed,
    )
    remove_unused_nodes(model)
    computed = before - _computing(model)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    return {COMPUTED: computed, STORED: constants}


def _size(value: "ir.Value") -> int:
    """Numbers in a stored tensor; 0 where none is stored."""
    return value.const_value.size if value.const_value is not None else 0


def _allowed(node: "ir.Node") -> bool | None:
    return False if node.op_type in _DRAWN else None


def _computing(model: "ir.Model") -> int:
    return sum(node.op_type != "Constant" for node in model.graph)
