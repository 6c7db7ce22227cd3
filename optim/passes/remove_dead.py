"""Dead code elimination by onnx_ir's passes and onnxscript's rules for nodes without effect."""

from typing import TYPE_CHECKING, ClassVar

from optim.passes.base import Stage
from optim.passes.support.steps import Counts, GraphStep, applied, without_identities

if TYPE_CHECKING:
    import onnx_ir as ir


class RemoveDead(GraphStep):
    """Remove what no output depends on, and nodes that do nothing."""

    name: ClassVar[str] = "remove_dead"
    title: ClassVar[str] = "Remove what is not used (dead code)"
    summary: ClassVar[str] = (
        "Removes nodes and weights that no output depends on, and nodes that give back what they "
        "got: Identity, Dropout after training, adding 0, multiplying by 1, casting to the same."
    )
    helps: ClassVar[str] = (
        "Models that were cut out of larger ones or exported in training mode: smaller files, and "
        "patterns that are no longer interrupted."
    )
    hurts: ClassVar[str] = "Never; engines do most of it while they load."
    stage: ClassVar[Stage] = Stage.DEAD
    nothing: ClassVar[str] = "Every node and weight is used and does something."

    def rewrite(self, model: "ir.Model") -> Counts:
        """Nodes without effect first, since what they read may then be unused."""
        from onnx_ir.passes import common as passes
        from onnxscript.rewriter.rules import common as rules

        dropouts = _as_identities(model)
        rewritten = applied(
            model,
            {
                "adding 0, multiplying by 1": [
                    *(rules.add_0_rule, rules.sub_0_rule, rules.mul_by_1_rule, rules.div_by_1_rule)
                ],
                "casts, transposes and expansions to the same": [
                    *(rules.no_op_cast_rule, rules.no_op_transpose_rule, rules.no_op_expand_rule)
                ],
            },
        )
        identities = without_identities(model) - dropouts - sum(rewritten.values())
        weights, nodes = len(model.graph.initializers), len(model.graph)
        passes.RemoveUnusedNodesPass()(model)
        unused = nodes - len(model.graph)
        left = weights - len(model.graph.initializers)
        counts = {"Dropout": dropouts, "Identity": max(0, identities), **rewritten}
        return counts | {"unused nodes": unused, "unused weights": left}


def _as_identities(model: "ir.Model") -> int:
    """Make an Identity of each Dropout that is switched off, in place; how many there were."""
    found = [node for node in model.graph if node.op_type == "Dropout" and _is_off(node)]
    for node in found:
        node.op_type = "Identity"
        node.attributes.clear()
        node.resize_inputs(1)
        node.resize_outputs(1)
    return len(found)


def _is_off(node: "ir.Node") -> bool:
    """Whether it gives back what it gets: without a mask that is read, or a switch for training."""
    masked = any(value.uses() or value.is_graph_output() for value in node.outputs[1:])
    switched = len(node.inputs) > 2 and node.inputs[2] is not None
    return not (masked or switched)
