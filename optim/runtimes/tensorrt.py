"""TensorRT through ONNX Runtime."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from optim.part import Precision
from optim.runtimes.support.nvidia import ONNXRUNTIME_GPU, OnNvidia


class TensorRt(OnNvidia):
    """ONNX Runtime's TensorRT provider: NVIDIA's compiler builds an engine for this GPU."""

    name: ClassVar[str] = "tensorrt"
    title: ClassVar[str] = "TensorRT (ONNX Runtime)"
    summary: ClassVar[str] = (
        "Compiles the model for an NVIDIA GPU with NVIDIA's TensorRT, called by ONNX Runtime."
    )
    helps: ClassVar[str] = "The fastest on NVIDIA GPUs where it takes the whole model, in fp16."
    hurts: ClassVar[str] = (
        "Building an engine takes from seconds to minutes at every start. It needs an NVIDIA GPU "
        "with its driver, CUDA libraries and TensorRT's (the package tensorrt, some GB)."
    )
    requirements: ClassVar[tuple[str, ...]] = (ONNXRUNTIME_GPU,)
    requirements_mb: ClassVar[float] = 350
    provider: ClassVar[str] = "TensorrtExecutionProvider"

    precision: Literal["f32", "fp16", "int8"] = Field(
        default="f32", description="The lowest arithmetic that it may choose."
    )

    @property
    def lowers_to(self) -> Precision:
        """What is asked for beyond floats."""
        return "" if self.precision == "f32" else self.precision

    def options(self) -> dict[str, Any]:
        """As ONNX Runtime's documentation of the provider has them."""
        return {
            "trt_fp16_enable": int(self.precision == "fp16"),
            "trt_int8_enable": int(self.precision == "int8"),
            "trt_cuda_graph_enable": int(self.graphs),
        }
