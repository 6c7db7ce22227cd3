"""Common subexpression elimination by onnx_ir's passes."""

from typing import TYPE_CHECKING, ClassVar

from optim.passes.base import Stage
from optim.passes.support.steps import Counts, GraphStep

if TYPE_CHECKING:
    import onnx_ir as ir

_LARGEST = 1 << 40  # numbers of a weight that are compared: all


class ShareSubexpressions(GraphStep):
    """Compute once what appears twice, and store equal weights once."""

    name: ClassVar[str] = "share_subexpressions"
    title: ClassVar[str] = "Compute the same once (common subexpressions)"
    summary: ClassVar[str] = (
        "Nodes that do the same with the same inputs become one, and equal weights are stored once."
    )
    helps: ClassVar[str] = (
        "Exporters that write the same mask or shape in every layer, and models with tied weights "
        "that were stored twice: smaller files."
    )
    hurts: ClassVar[str] = (
        "What is computed once is kept in memory until its last reader. Some fusions want each "
        "layer to have its own copy."
    )
    stage: ClassVar[Stage] = Stage.DUPLICATES
    nothing: ClassVar[str] = "Nothing is computed or stored twice."

    def rewrite(self, model: "ir.Model") -> Counts:
        """Weights first, since nodes that read equal ones are then the same."""
        from onnx_ir.passes import common

        weights, nodes = len(model.graph.initializers), len(model.graph)
        common.DeduplicateHashedInitializersPass(size_limit=_LARGEST)(model)
        common.CommonSubexpressionEliminationPass()(model)
        return {
            "weights stored twice": weights - len(model.graph.initializers),
            "nodes that did the same as another": nodes - len(model.graph),
        }
