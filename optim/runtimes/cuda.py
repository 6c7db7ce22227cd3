"""ONNX Runtime on an NVIDIA GPU (CUDA provider)."""

from typing import Any, ClassVar

from pydantic import Field

from optim.runtimes.support.nvidia import ONNXRUNTIME_GPU, OnNvidia


class Cuda(OnNvidia):
    """ONNX Runtime's CUDA provider with IO binding."""

    name: ClassVar[str] = "cuda"
    title: ClassVar[str] = "CUDA (ONNX Runtime)"
    summary: ClassVar[str] = "Runs the model on an NVIDIA GPU with ONNX Runtime's CUDA kernels."
    helps: ClassVar[str] = "Large convolutions and products, and large batches."
    hurts: ClassVar[str] = (
        "Small models wait longer for the GPU than they compute. Operators that it has not run on "
        "the CPU, with copies between. It needs an NVIDIA GPU with its driver and CUDA libraries."
    )
    requirements: ClassVar[tuple[str, ...]] = (ONNXRUNTIME_GPU,)
    requirements_mb: ClassVar[float] = 350
    provider: ClassVar[str] = "CUDAExecutionProvider"

    tf32: bool = Field(
        default=False,
        description="Products of floats in TF32: faster on Ampere and later, ten bits of mantissa.",
    )

    def options(self) -> dict[str, Any]:
        """TF32 is asked for, never a default: parity first."""
        return {"use_tf32": int(self.tf32), "enable_cuda_graph": int(self.graphs)}
