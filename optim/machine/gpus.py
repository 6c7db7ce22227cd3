"""The NVIDIA GPUs of this machine, as NVIDIA's management library (NVML) tells them."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Gpu:
    """One device. `memory_mb`: all of its own."""

    name: str
    memory_mb: int
    driver: str


@dataclass(frozen=True)
class Load:
    """What a device holds and draws at one moment; all processes on it together."""

    used_mb: float
    watts: float


@cache
def gpus() -> tuple[Gpu, ...]:
    """Those that the driver shows; none where there is no driver."""
    import pynvml  # here: it is in the way of every command otherwise

    try:
        pynvml.nvmlInit()
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        return tuple(_gpu(number, driver) for number in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:
        return ()


def load_of(number: int = 0) -> Load | None:
    """Of one device by its number; None where it does not tell."""
    import pynvml

    with suppress(pynvml.NVMLError, IndexError):
        handle = pynvml.nvmlDeviceGetHandleByIndex(number)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return Load(memory.used / 1e6, pynvml.nvmlDeviceGetPowerUsage(handle) / 1e3)
    return None


def _gpu(number: int, driver: str) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(number)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle).total
    return Gpu(str(pynvml.nvmlDeviceGetName(handle)), round(memory / 1e6), driver)
