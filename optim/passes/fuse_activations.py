"""Fusion of activations by onnxscript's rewrite rules."""

from typing import ClassVar

from optim.part import Hazard
from optim.passes.base import Stage
from optim.passes.support.activations import gelu_rules, swish_rules
from optim.passes.support.steps import PatternStep, Rules


class FuseActivations(PatternStep):
    """Make one node of each activation that was written in several."""

    name: ClassVar[str] = "fuse_activations"
    title: ClassVar[str] = "One node for each activation (activation fusion)"
    summary: ClassVar[str] = (
        "GELU written with Erf or Tanh, Swish as x times its sigmoid, hard swish, and chains of "
        "Relu, Clip, Min and Max become one node each."
    )
    helps: ClassVar[str] = (
        "Transformers and mobile networks as frameworks export them: one pass over the "
        "activations instead of four or five, where the engine does not do it by itself."
    )
    hurts: ClassVar[str] = (
        "Below opset 20 GELU becomes ONNX Runtime's own node, which OpenVINO knows but few other "
        "engines do. ONNX Runtime fuses most of these while it loads."
    )
    stage: ClassVar[Stage] = Stage.ACTIVATIONS
    nothing: ClassVar[str] = "No activation is written in several nodes."
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "fused already",
            "ONNX Runtime fuses activations while it loads; expect the same speed.",
            lambda part, here: here.runs_on("onnxruntime") and "Erf" in here.ops,
        ),
    )

    def rules(self, opset: int) -> Rules:
        """Each activation by its name."""
        from onnxscript.rewriter.rules import common

        rules = {"GELU": gelu_rules(opset), "Swish": swish_rules(opset)}
        if opset >= 14:
            rules["hard swish"] = [*common.fuse_hardswish_rules()]
        if opset >= 12:
            rules["Relu and Clip"] = [
                *(common.successive_relu_rule, common.successive_clip_rule),
                *(common.successive_relu_clip_rule, common.successive_clip_relu_rule),
            ]
            rules["Min and Max"] = [
                *(common.min_min_rule, common.max_max_rule),
                *(common.min_max_rule, common.max_min_rule),
            ]
        return rules
