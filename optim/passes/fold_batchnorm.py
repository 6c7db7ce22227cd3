"""BatchNorm folding by onnxscript's rewrite rules (onnxscript.rewriter.rules.common)."""

from typing import TYPE_CHECKING, ClassVar

from optim.passes.base import Stage
from optim.passes.support.steps import Counts, GraphStep, applied, without_identities

if TYPE_CHECKING:
    import onnx_ir as ir


class FoldBatchnorm(GraphStep):
    """Make batch normalization part of the weights of the layer before it."""

    name: ClassVar[str] = "fold_batchnorm"
    title: ClassVar[str] = "Batch normalization into weights (BatchNorm folding)"
    summary: ClassVar[str] = (
        "After training, batch normalization is one factor and one summand for each channel: both "
        "go into the weights and the bias of the convolution or product before it."
    )
    helps: ClassVar[str] = (
        "Convolutional networks in which it is a node of its own: a pass over all activations is "
        "saved for each. Quantizers need it."
    )
    hurts: ClassVar[str] = (
        "Never in accuracy beyond rounding. Most engines do it while they load, so that the speed "
        "often stays."
    )
    stage: ClassVar[Stage] = Stage.BATCHNORM
    alongside: ClassVar[frozenset[str]] = frozenset({"Identity"})
    nothing: ClassVar[str] = "No batch normalization follows a layer whose weights are constant."

    def rewrite(self, model: "ir.Model") -> Counts:
        """Fold into Conv, ConvTranspose and Gemm, then factors and summands around Conv."""
        from onnxscript.rewriter.rules import common

        shared = without_identities(model)  # exporters share equal weights by them
        return {"Identity": shared} | applied(
            model,
            {
                "BatchNormalization into Conv": [common.fuse_batchnorm_into_conv_rule],
                "into ConvTranspose": [common.fuse_batchnorm_into_conv_transpose_rule],
                "into Gemm": [common.fuse_batchnorm_into_gemm_rule],
                "factors and summands behind Conv": [common.conv_affine_fusion_rule],
            },
        )
