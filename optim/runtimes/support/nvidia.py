"""ONNX Runtime on an NVIDIA GPU: what its CUDA and TensorRT providers share.

Inputs and outputs stay on the GPU between a run's copies (IO binding), and with CUDA graphs the
whole of a run is launched at once. A run ends when its outputs are back in the machine's memory,
which waits for the device: what is timed is what a user's program waits for.
"""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from optim.arrays import Feeds
from optim.errors import StepError
from optim.part import Circumstances
from optim.runtimes.base import Runtime, Session

_REST = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""For operators that a provider has not."""
_DRIVER = "libcuda.so.1"
ONNXRUNTIME_GPU = "onnxruntime-gpu==1.31.1"


class OnNvidia(Runtime):
    """A provider of ONNX Runtime for NVIDIA GPUs."""

    provider: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime",)

    graphs: bool = Field(
        default=False,
        description="Record a run as one CUDA graph and replay it: less is launched one by one.",
    )

    def takes(self, here: Circumstances) -> bool:
        """Only where there is a GPU."""
        return has_gpu() and not here.classical

    def devices(self) -> tuple[Path, ...]:
        """The driver's files."""
        return tuple(Path("/dev").glob("nvidia*"))

    def options(self) -> dict[str, Any]:
        """The provider's own."""
        raise NotImplementedError

    def open(self, path: Path) -> Session:
        """Load the model on the GPU. Raises StepError where there is none, or it is refused."""
        if not has_gpu():
            raise StepError(
                f"{self.title} needs an NVIDIA GPU, and there is none on this machine.",
                "Use onnxruntime or openvino here, or run this on a machine with one.",
                self.name,
            )
        import onnxruntime as ort

        if hasattr(ort, "preload_dlls"):
            ort.preload_dlls()
        wanted = ort.SessionOptions()
        wanted.intra_op_num_threads = self.threads
        wanted.log_severity_level = 3
        rest = [one for one in _REST if one != self.provider]
        try:
            session = ort.InferenceSession(
                path, wanted, providers=[(self.provider, self.options()), *rest]
            )
        except Exception as error:  # the engine's exceptions share no base class of their own
            reason = " ".join(str(error).split())[:300].rstrip(".")
            raise StepError(
                f"{self.title} cannot open this model: {reason}.",
                "Try onnxruntime, or leave out the pass before it.",
                self.name,
            ) from None
        if self.provider not in session.get_providers():
            raise StepError(
                f"{self.title} could not be started: ONNX Runtime fell back to the CPU.",
                "Check the driver and the CUDA libraries (`nvidia-smi`).",
                self.name,
            )
        return _GpuSession(session, self)

    def script(self) -> str:
        """The same session, as plainly as can be: without binding."""
        return f"""\
import onnxruntime as ort

ort.preload_dlls()
options = {self.options()!r}
session = ort.InferenceSession(MODEL, providers=[("{self.provider}", options)])
outputs = [output.name for output in session.get_outputs()]


def run(feeds):
    return dict(zip(outputs, session.run(None, feeds)))
"""


class _GpuSession(Session):
    def __init__(self, session: Any, engine: OnNvidia) -> None:
        self._session, self._engine = session, engine
        self._outputs = [output.name for output in session.get_outputs()]

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        return dict(zip(self._outputs, self._bound(feeds)(), strict=True))

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """Copy the inputs in, run, copy the outputs back, as a user's program must."""
        run = self._bound(feeds)

        def call() -> None:
            run()

        return call

    def _bound(self, feeds: Feeds) -> Callable[[], list[np.ndarray]]:
        import onnxruntime as ort

        binding, session = self._session.io_binding(), self._session
        given = {
            name: ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value), "cuda", 0)
            for name, value in feeds.items()
        }
        ready = {name: np.ascontiguousarray(value) for name, value in feeds.items()}
        for name, value in given.items():
            binding.bind_ortvalue_input(name, value)
        session.run_with_iobinding(self._to_device(binding))  # once, to learn outputs' shapes
        for name, value in zip(self._outputs, binding.get_outputs(), strict=True):
            binding.bind_ortvalue_output(name, value)  # fixed places, as CUDA graphs want them

        def run() -> list[np.ndarray]:
            for name, value in given.items():
                value.update_inplace(ready[name])
            session.run_with_iobinding(binding)
            binding.synchronize_outputs()
            return [one.numpy() for one in binding.get_outputs()]

        return run

    def _to_device(self, binding: Any) -> Any:
        for name in self._outputs:
            binding.bind_output(name, "cuda", 0)
        return binding

    def facts(self) -> dict[str, str]:
        import onnxruntime as ort

        return {
            "engine": f"{self._engine.title}, ONNX Runtime {ort.__version__}",
            "threads": str(self._engine.threads),
            "providers": ", ".join(self._session.get_providers()),
        }

    def close(self) -> None:
        del self._session


def has_gpu() -> bool:
    """Whether an NVIDIA GPU's driver is here."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    count = ctypes.c_int(0)
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return not failed and count.value > 0
