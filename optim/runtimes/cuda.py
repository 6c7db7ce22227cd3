"""ONNX Runtime on an NVIDIA GPU, by its CUDA provider."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from optim.part import Searched, Start
from optim.runtimes.base import Session
from optim.runtimes.support.on_gpu import OnGpu
from optim.runtimes.support.ort_gpu import REQUIREMENTS, REQUIREMENTS_MB, opened, script

_PROVIDER = "CUDAExecutionProvider"


class Cuda(OnGpu):
    """ONNX Runtime's CUDA provider, inputs and outputs bound to memory of the device."""

    name: ClassVar[str] = "cuda"
    title: ClassVar[str] = "ONNX Runtime on CUDA"
    summary: ClassVar[str] = "Runs the model on an NVIDIA GPU with cuDNN's and cuBLAS's kernels."
    helps: ClassVar[str] = (
        "Models with much arithmetic. A CUDA graph starts all kernels of a run at once, which "
        "small models on a fast GPU need most; `tf32` trades digits of float32 products for speed."
    )
    hurts: ClassVar[str] = (
        "Small models: a run costs tens of microseconds and two copies whatever the model is. "
        "Operators that the provider has not run on the CPU, with copies around them, and then "
        "there is no CUDA graph."
    )
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    requirements: ClassVar[tuple[str, ...]] = REQUIREMENTS
    requirements_mb: ClassVar[float] = REQUIREMENTS_MB
    searched: ClassVar[tuple[Searched, ...]] = (Searched("tf32", (True,)),)
    starts: ClassVar[tuple[Start, ...]] = (
        Start("cuda", 4, lambda here: not here.classical),
        Start("fp16 + cuda", 6, lambda here: here.has_products),
    )

    cuda_graph: bool = Field(
        default=True, description="Record the kernels of a run once, and start them together."
    )
    tf32: bool = Field(
        default=False, description="float32 products with 10 bits of mantissa, on tensor cores."
    )

    def open(self, path: Path) -> Session:
        """Load the model at `path` on the GPU. Raises StepError where the provider refuses it."""
        return opened(self, path, self._providers, self.cuda_graph)

    def script(self) -> str:
        """The same session, written out."""
        return script(self._providers)

    @property
    def _providers(self) -> list[Any]:
        options = {
            "enable_cuda_graph": str(int(self.cuda_graph)),
            "use_tf32": str(int(self.tf32)),
        }
        return [(_PROVIDER, options), "CPUExecutionProvider"]
