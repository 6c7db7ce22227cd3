"""Single optimizers of ONNX Runtime, run ahead on a model, all others switched off."""

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from optim.model.opset import restore_interface
from optim.model.proto import copy_of, read_proto, write_proto
from optim.passes.support.tools import quiet

if TYPE_CHECKING:
    import onnx

_BASIC = (
    *("CastChainElimination", "CastElimination", "ClipQuantRewrite", "ConstantFolding"),
    *("CommonSubexpressionElimination", "ConstantSharing", "ConvAddFusion", "ConvBNFusion"),
    *("ConvMulFusion", "DivMulFusion", "DoubleQDQPairsRemover", "EliminateDropout"),
    *("EliminateIdentity", "EliminateSlice", "EnsureUniqueDQForNodeUnit", "ExpandElimination"),
    *(
        "FreeDimensionOverrideTransformer",
        "FuseReluClip",
        "FuseConvReluClip",
        "GatherToSliceFusion",
    ),
    *("GeluFusionL1", "GemmSumFusion", "GemmTransposeFusion", "LabelEncoderFusion"),
    *(
        "LayerNormFusionL1",
        "MatMulAddFusion",
        "MatMul_BatchNormalization_Fusion",
        "NoopElimination",
    ),
    *("NotWhereFusion", "Pad_Fusion", "PreShapeNodeElimination", "QDQPropagationTransformer"),
    *("RemoveDuplicateCastTransformer", "ReshapeFusion", "TransposeOptimizer"),
    *("UnsqueezeElimination", "WhereDummyDq", "PropagateCastOps", "SimplifiedLayerNormFusion"),
)
"""Those of its first level, by the names that it gives them."""


def optimized_by(model: "onnx.ModelProto", only: Collection[str]) -> "onnx.ModelProto":
    """A copy after these optimizers of the first level alone. Raises what ONNX Runtime raises."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        import onnxruntime as ort

        write_proto(copy_of(model), given := Path(folder, "given.onnx"))
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        options.optimized_model_filepath = str(made := Path(folder, "made.onnx"))
        others = [name for name in _BASIC if name not in only]
        ort.InferenceSession(
            str(given), options, providers=["CPUExecutionProvider"], disabled_optimizers=others
        )
        after = read_proto(made)
    restore_interface(after, model)
    _restore_imports(after, model)
    del after.graph.value_info[:]
    return after


def _restore_imports(model: "onnx.ModelProto", like: "onnx.ModelProto") -> None:
    """It imports every operator set that it knows."""
    del model.opset_import[:]
    model.opset_import.extend(like.opset_import)
