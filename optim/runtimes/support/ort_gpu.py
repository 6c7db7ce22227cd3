"""Sessions of ONNX Runtime on a GPU: inputs and outputs bound to memory of the device."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Feeds
from optim.names import legible
from optim.runtimes.base import Session
from optim.runtimes.support.on_gpu import gpu_facts
from optim.runtimes.support.ort_errors import reason

if TYPE_CHECKING:
    from optim.runtimes.support.on_gpu import OnGpu

REQUIREMENTS = ("onnxruntime-gpu==1.31.1",)
"""CUDA 13's and cuDNN 9's libraries are those that PyTorch's build for CUDA brings."""
REQUIREMENTS_MB = 600.0
_ERRORS_ONLY = 3
_DEVICE = "cuda"
_KINDS = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}


def opened(engine: "OnGpu", path: Path, providers: list[Any], cuda_graph: bool) -> Session:
    """A session whose first provider is on the GPU.

    Args:
        cuda_graph: whether runs are recorded, so that buffers must stay where they are.

    Raises StepError where it cannot be opened, or would silently run on the CPU.
    """
    engine.check_usable()
    import onnxruntime as ort

    ort.preload_dlls()
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = engine.threads
    wanted = providers[0][0]
    try:
        session = ort.InferenceSession(path, options, providers=providers)
        if wanted not in session.get_providers():
            raise RuntimeError(f"the provider {wanted} could not be loaded")
        return _OnDevice(session)
    except Exception as error:  # the engine's exceptions share no base class of their own
        hint = "Try it with cuda_graph=false. " if cuda_graph else ""
        raise engine.refusal(reason(error)[:300], hint) from None


def script(providers: list[Any]) -> str:
    """Lines of an exported script: the same providers, called with arrays."""
    return f"""\
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it would report its use to its maker
import torch  # brings CUDA's libraries
import onnxruntime as ort

ort.preload_dlls()
session = ort.InferenceSession(MODEL, providers={providers!r})
outputs = [output.name for output in session.get_outputs()]
binding, held = session.io_binding(), {{}}


def run(feeds):
    for name, array in feeds.items():
        if name in held:
            held[name].update_inplace(array)
        else:
            held[name] = ort.OrtValue.ortvalue_from_numpy(array, "{_DEVICE}", 0)
            binding.bind_ortvalue_input(name, held[name])
    if not binding.get_outputs():
        for output in session.get_outputs():
            kind = {_KINDS!r}[output.type]
            place = ort.OrtValue.ortvalue_from_shape_and_type(output.shape, kind, "{_DEVICE}", 0)
            binding.bind_ortvalue_output(output.name, place)
    session.run_with_iobinding(binding)
    return dict(zip(outputs, binding.copy_outputs_to_cpu()))
"""


class _OnDevice(Session):
    """Buffers on the device are made once and stay: a CUDA graph is recorded with their places."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]
        self._binding = session.io_binding()
        self._held: dict[str, Any] = {}
        for output in session.get_outputs():
            self._binding.bind_ortvalue_output(output.name, _place(output))

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        found = self._answers(feeds)
        return {name: np.array(one) for name, one in zip(self._outputs, found, strict=True)}

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """A run with the copies to the device and back."""
        ready = {name: np.asarray(array, order="C") for name, array in feeds.items()}

        def call() -> None:
            self._answers(ready)

        return call

    def facts(self) -> dict[str, str]:
        import onnxruntime as ort

        providers = ", ".join(self._session.get_providers())
        return {"engine": f"ONNX Runtime {ort.__version__}", "providers": providers, **gpu_facts()}

    def close(self) -> None:
        del self._binding, self._session

    def _answers(self, feeds: Feeds) -> list[np.ndarray]:
        for name, array in feeds.items():
            if name in self._held:
                self._held[name].update_inplace(array)
            else:
                self._held[name] = _on_device(array)
                self._binding.bind_ortvalue_input(name, self._held[name])
        self._session.run_with_iobinding(self._binding)
        found: list[np.ndarray] = self._binding.copy_outputs_to_cpu()
        return found


def _on_device(array: np.ndarray) -> Any:
    import onnxruntime as ort

    return ort.OrtValue.ortvalue_from_numpy(array, _DEVICE, 0)


def _place(output: Any) -> Any:
    """Memory on the device for an output. Raises ValueError where its shape is not fixed."""
    import onnxruntime as ort

    if output.type not in _KINDS or not all(isinstance(size, int) for size in output.shape):
        raise ValueError(f"the output {legible(output.name)} has no fixed shape and plain type")
    kind = np.dtype(_KINDS[output.type])
    return ort.OrtValue.ortvalue_from_shape_and_type(output.shape, kind, _DEVICE, 0)
