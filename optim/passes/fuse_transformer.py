"""Transformer fusion by ONNX Runtime's optimizer (onnxruntime.transformers)."""

import contextlib
import logging
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from optim.errors import OptimError
from optim.model.opset import restore_interface
from optim.model.proto import copy_of, opset_of
from optim.part import Group, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.failing import check_usable
from optim.passes.support.tools import (
    count_ops,
    counted,
    quiet,
    refuse_over_2_gb,
    refuse_quantized,
)

if TYPE_CHECKING:
    import onnx

_DOMAIN = "com.microsoft"
_FUSIONS = {
    "enable_attention": "attention",
    "enable_embed_layer_norm": "embeddings",
    "enable_skip_layer_norm": "layer normalization with its residual sum",
    "enable_layer_norm": "layer normalization",
    "enable_gelu": "GELU",
}
_log = logging.getLogger(__name__)


class Family(StrEnum):
    """Kinds of networks whose patterns the optimizer knows."""

    BERT = "bert"
    VIT = "vit"
    SWIN = "swin"
    GPT2 = "gpt2"
    T5 = "t5"
    BART = "bart"
    CLIP = "clip"
    CONFORMER = "conformer"


class FuseTransformer(Pass):
    """Replace groups of nodes by ONNX Runtime's fused transformer operators."""

    name: ClassVar[str] = "fuse_transformer"
    title: ClassVar[str] = "Fuse transformer blocks (operator fusion)"
    summary: ClassVar[str] = (
        "Finds attention, layer normalization with its residual sum, GELU and embeddings, each "
        "spread over many nodes, and replaces each by one fused operator. The results stay the "
        "same up to rounding."
    )
    helps: ClassVar[str] = (
        "Transformers on ONNX Runtime whose graph its own loader does not fuse, and other passes "
        "after it: one fused operator reads and writes memory once instead of ten times."
    )
    hurts: ClassVar[str] = (
        "The fused operators are ONNX Runtime's own, so other engines may refuse the model. ONNX "
        "Runtime does much of this while it loads, so the gain there can be nil. Does nothing on "
        "networks without transformer blocks."
    )
    group: ClassVar[Group] = Group.GRAPH
    stage: ClassVar[Stage] = Stage.FUSE
    floats_only: ClassVar[bool] = True
    min_opset: ClassVar[int] = 17  # the first that has LayerNormalization
    tolerance: ClassVar[float] = 0.999
    starts: ClassVar[tuple[Start, ...]] = (
        Start("fuse_transformer + onnxruntime", 30, lambda here: here.transformer),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("residual", (False,), mends=False),)

    family: Family = Field(
        default=Family.BERT,
        description="The kind of network whose patterns are searched; bert fits most encoders.",
    )
    heads: int = Field(
        default=0, ge=0, le=1024, description="Number of attention heads; 0: read from the graph."
    )
    hidden: int = Field(
        default=0, ge=0, le=1 << 16, description="Width of the network; 0: read from the graph."
    )
    attention: bool = Field(
        default=True, description="Fuse attention (scores, softmax and weighting)."
    )
    residual: bool = Field(
        default=True,
        description="Fuse layer normalization with its residual sum (SkipLayerNormalization).",
    )
    gelu_approximation: bool = Field(
        default=False,
        description="Compute GELU by its faster tanh approximation, at a small error.",
    )

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Apply the optimizer's fusions. What merely tidies the graph is not kept."""
        refuse_over_2_gb(model)
        refuse_quantized(model)
        old = ("enable_layer_norm",) if opset_of(model) < self.min_opset else ()
        fused, left_out = self._working(model, old)
        gained = _fused_ops(fused) - _fused_ops(model)
        if not gained:
            return Outcome(model, False, (_nothing_found(model, self.family), *_said(left_out)))
        before, after = count_ops(model).total(), count_ops(fused).total()
        notes = [f"Fused: {counted(gained)}.", f"{before} nodes became {after}."]
        if self.attention and "Softmax" in count_ops(fused):
            notes.append(
                f"{count_ops(fused)['Softmax']} Softmax nodes, likely attention, were not fused; "
                "simplify before this pass, or the exporter's other mode, may help."
            )
        return Outcome(fused, True, (*notes, *_said(left_out)))

    def _working(
        self, model: "onnx.ModelProto", left_out: tuple[str, ...]
    ) -> tuple["onnx.ModelProto", tuple[str, ...]]:
        """A fused model that opens, and which fusions were left out for that, one of them at most.

        Raises the library's own error where leaving one out does not help.
        """
        try:
            return self._checked(model, left_out), left_out
        except (OptimError, MemoryError):
            raise
        except Exception as error:  # of any type: the optimizer's, the checker's, the engine's
            _log.info("all fusions together failed", exc_info=True)
            failure = error
        for switch in _FUSIONS:
            with contextlib.suppress(Exception):  # then the next is tried
                return self._checked(model, (*left_out, switch)), (*left_out, switch)
        raise failure

    def _checked(self, model: "onnx.ModelProto", left_out: tuple[str, ...]) -> "onnx.ModelProto":
        fused = self._fused(model, left_out)
        if _fused_ops(fused) - _fused_ops(model):
            check_usable(fused)
        return fused

    def _fused(self, model: "onnx.ModelProto", left_out: tuple[str, ...]) -> "onnx.ModelProto":
        with quiet():
            from onnxruntime.transformers import optimizer

            fused: onnx.ModelProto = optimizer.optimize_model(
                copy_of(model),
                model_type=self.family.value,
                num_heads=self.heads,
                hidden_size=self.hidden,
                optimization_options=self._options(left_out),
                opt_level=0,
            ).model
        restore_interface(fused, model)
        _import_domain(fused)
        return fused

    def _options(self, left_out: tuple[str, ...]) -> Any:
        from onnxruntime.transformers.fusion_options import FusionOptions

        options = FusionOptions(self.family.value)
        options.use_raw_attention_mask(True)  # the other form is wrong unless padding is at the end
        options.enable_attention = self.attention
        options.enable_skip_layer_norm = self.residual
        options.enable_bias_skip_layer_norm = self.residual
        options.enable_gelu_approximation = self.gelu_approximation
        for switch in left_out:
            setattr(options, switch, False)
        return options


def _said(left_out: tuple[str, ...]) -> tuple[str, ...]:
    if not left_out:
        return ()
    names = ", ".join(_FUSIONS[switch] for switch in left_out)
    return (f"Left out, since the result would not work on this model: fusion of {names}.",)


def _import_domain(model: "onnx.ModelProto") -> None:
    """Declare ONNX Runtime's operators, which the optimizer leaves to its own way of saving."""
    if not any(entry.domain == _DOMAIN for entry in model.opset_import):
        entry = model.opset_import.add()
        entry.domain, entry.version = _DOMAIN, 1


def _fused_ops(model: "onnx.ModelProto") -> Counter[str]:
    """Operators that stand for a group: all of ONNX Runtime's, and the standard's own."""
    standard = {"LayerNormalization", "Gelu", "Attention", "RMSNormalization"}
    return Counter(
        node.op_type
        for node in model.graph.node
        if node.domain == _DOMAIN or node.op_type in standard
    )


def _nothing_found(model: "onnx.ModelProto", family: Family) -> str:
    if "Softmax" not in count_ops(model):
        return "Nothing was fused: the graph has no attention."
    return (
        f"Nothing was fused: no pattern of the {family.value} family was found. Try simplify "
        "before this pass, or another family."
    )
