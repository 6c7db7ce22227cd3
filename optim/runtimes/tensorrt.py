"""ONNX Runtime on an NVIDIA GPU, by its TensorRT provider."""

from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from optim.part import Precision
from optim.runtimes.base import Session
from optim.runtimes.support.on_gpu import OnGpu
from optim.runtimes.support.ort_gpu import REQUIREMENTS, REQUIREMENTS_MB, opened, script


class TensorRt(OnGpu):
    """TensorRT builds an engine for this very GPU: kernels chosen by trying them."""

    name: ClassVar[str] = "tensorrt"
    title: ClassVar[str] = "TensorRT"
    summary: ClassVar[str] = (
        "Has NVIDIA's compiler choose and fuse kernels for this GPU, called through ONNX Runtime."
    )
    helps: ClassVar[str] = (
        "Networks of convolutions and attention, most of all in half precision or as a QDQ int8 "
        "model, which it lowers as a whole."
    )
    hurts: ClassVar[str] = (
        "Building takes from seconds to minutes, for each model and each GPU. What it cannot take "
        "runs by the CUDA provider, with a border between."
    )
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "tensorrt_libs")
    requirements: ClassVar[tuple[str, ...]] = (*REQUIREMENTS, "tensorrt-cu13-libs==10.14.1.48")
    requirements_mb: ClassVar[float] = REQUIREMENTS_MB + 4_000

    precision: Literal["f32", "f16"] = Field(
        default="f32", description="Arithmetic that it may choose; f16 is checked against nothing."
    )

    @property
    def lowers_to(self) -> Precision:
        """Floats of 16 bits, where asked for."""
        return "fp16" if self.precision == "f16" else ""

    def open(self, path: Path) -> Session:
        """Build an engine for the model at `path`. Raises StepError where that fails."""
        with suppress(ImportError):
            import tensorrt_libs  # noqa: F401  # loads TensorRT, which the provider then finds
        return opened(self, path, self._providers, cuda_graph=True)

    def script(self) -> str:
        """The same session, written out."""
        return script(self._providers)

    @property
    def _providers(self) -> list[Any]:
        options = {
            "trt_fp16_enable": str(self.precision == "f16"),
            "trt_cuda_graph_enable": "True",
        }
        return [
            ("TensorrtExecutionProvider", options),
            "CUDAExecutionProvider",
            "CPUExecutionProvider",
        ]
