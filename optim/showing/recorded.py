"""What is recorded of a machine and an engine with every measurement, in plain words with units."""

from collections.abc import Callable, Mapping

from optim.runtimes.base import COMPILE_SECONDS, PRECISION, PRECISION_ASKED
from optim.showing import text
from optim.timing.measurement import MODEL_BYTES


def _with(unit: str) -> Callable[[str], str]:
    return lambda value: f"{value} {unit}"


_FACTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "machine_id": ("Identifier of the machine", str),
    "cpu": ("CPU", str),
    "flags": ("Instruction sets that matter here", str),
    "cores": ("Cores that the program may use", str),
    "all_cores": ("Cores of the machine", str),
    "governor": ("Governor of the CPU's frequency", str),
    "memory_gb": ("Memory", _with("GiB")),
    "kernel": ("Kernel of the system", str),
    "container": ("In a container", str),
    "python": ("Python", str),
    "onnxruntime": ("ONNX Runtime", str),
    "openvino": ("OpenVINO", str),
    "onnx": ("ONNX", str),
    "numpy": ("NumPy", str),
    "optim": ("This program", str),
    "gpu": ("GPU", str),
    "driver": ("Driver of the GPU", str),
    "gpu_memory_mb": ("Memory of the GPU in use", _with("MB")),
    "pinned_to": ("Timed on the cores numbered", lambda value: value or "any"),
    MODEL_BYTES: ("Size of the original", lambda value: text.size(float(value))),
    "engine": ("Engine", str),
    "threads": ("Threads of a run", str),
    "streams": ("Runs side by side in the engine (streams)", str),
    "providers": ("Execution providers, the first one first", str),
    PRECISION_ASKED: ("Precision asked for", str),
    PRECISION: ("Precision that the engine runs in", str),
    "layers": ("Layers by their precision", str),
    COMPILE_SECONDS: ("Time to compile", _with("s")),
    "priority": ("Priority of the process that was timed", str),
}
"""By the name that a measurement keeps it under: what it is called, and how its value reads."""


def recorded(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each fact as a name and a value for people, in the order given.

    One that this version does not know has its own name, legible; a value that is not what it
    should be is shown as it is.
    """
    return [_told(name, value) for name, value in facts.items()]


def _told(name: str, value: str) -> tuple[str, str]:
    title, show = _FACTS.get(name, (name.replace("_", " "), str))
    try:
        return title, show(value)
    except ValueError:
        return title, value
