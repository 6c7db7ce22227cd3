"""What machine this is: recorded with every measurement, so that numbers can be told apart."""

import hashlib
import math
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from optim.machine.gpus import gpus

_LIBRARIES = ("onnxruntime", "openvino", "onnx", "numpy")
_MATRIX_FLAGS = (
    *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "bf16", "sve", "sme"),
)
TOLD_AS = "OPTIM_MACHINE"
"""The variable that tells a child the machine's id: it may not read all that this rests on."""
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


def environment() -> dict[str, str]:
    """Facts on this machine and the libraries, as text.

    Keys: machine_id, cpu, flags (those that matter to inference, as /proc/cpuinfo names them),
    cores (that this process may use), all_cores, governor, memory_gb, kernel, container, python,
    a version for each engine and, where there is one, gpu and its driver.
    """
    return {
        "machine_id": machine_id(),
        "cpu": cpu_name(),
        "flags": " ".join(flag for flag in _MATRIX_FLAGS if flag in cpu_flags()),
        "cores": str(usable_cores()),
        "all_cores": str(os.cpu_count()),
        "governor": _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "not shown",
        "memory_gb": str(_memory_gb()),
        "kernel": platform.release(),
        "container": "yes" if any(Path(mark).exists() for mark in _CONTAINER_MARKS) else "no",
        "python": platform.python_version(),
        **{name: version_of(name) for name in _LIBRARIES},
        **_gpu(),
    }


def machine_id() -> str:
    """Twelve hex digits that differ between machines and stay over restarts.

    Made of the CPU's identity, the number of cores, the memory, the GPUs, the installation. A child
    has its parent's, so that both look for what was compiled in the same place.
    """
    if told := os.environ.get(TOLD_AS):
        return told
    identity = [
        *(_cpu(key) for key in ("model name", "cpu family", "model", "stepping", "CPU part")),
        " ".join(sorted(cpu_flags())),
        str(os.cpu_count()),
        str(_memory_gb()),
        _text("/etc/machine-id"),
        *(one.name for one in gpus()),
    ]
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:12]


def cpu_name() -> str:
    """The CPU's name as it gives it."""
    return _cpu("model name") or platform.processor() or platform.machine()


def cpu_flags() -> frozenset[str]:
    """Every instruction set the CPU announces, as /proc/cpuinfo names them."""
    return frozenset((_cpu("flags") or _cpu("Features")).split())


def usable_cores() -> int:
    """Cores that this process may use: its affinity and its container's quota."""
    quota, _, period = _text("/sys/fs/cgroup/cpu.max").partition(" ")
    allowed = len(affinity())
    if quota.isdigit() and period.isdigit():
        return max(1, min(allowed, math.ceil(int(quota) / int(period))))
    return allowed


def affinity() -> list[int]:
    """The logical CPUs that this process may run on."""
    if sys.platform == "linux":
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cores_for(threads: int) -> list[int]:
    """The fixed CPUs to time `threads` threads on: one per physical core, the last ones first.

    The first core serves most interrupts, so it is taken last. Fewer than asked for where the
    machine has fewer.
    """
    allowed = affinity()[::-1]
    firsts = [cpu for cpu in allowed if cpu == max(set(_siblings(cpu)) & set(allowed))]
    seconds = [cpu for cpu in allowed if cpu not in firsts]
    return sorted([*firsts, *seconds][:threads])


def _siblings(cpu: int) -> list[int]:
    """Logical CPUs on the same physical core, from lists such as `0,32` or `0-1`."""
    listed = _text(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    found: list[int] = [cpu]
    for item in filter(None, listed.split(",")):
        low, _, high = item.partition("-")
        found += range(int(low), int(high or low) + 1)
    return found


def _cpu(key: str) -> str:
    """A value of the first processor in /proc/cpuinfo."""
    for line in _text("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _gpu() -> dict[str, str]:
    return {"gpu": gpus()[0].name, "driver": gpus()[0].driver} if gpus() else {}


def _memory_gb() -> int:
    return round(psutil.virtual_memory().total / 2**30)


@cache
def version_of(package: str) -> str:
    """The version of a distribution of this process; `not installed` where there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
