"""What engines share that run on an NVIDIA GPU."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from optim.errors import StepError
from optim.machine.gpus import gpus, load_of
from optim.runtimes.base import Runtime

_DEVICES = ("nvidia*", "nvidia-caps/*", "dxg", "shm")
_NONE = "It needs an NVIDIA GPU with its driver, and this machine shows none."
_NO_CUDA = (
    "It needs a PyTorch that is built for CUDA (it brings CUDA's libraries); this one is not: "
    "`pip install torch` from PyPI on Linux is."
)


class OnGpu(Runtime):
    """A runtime on the first GPU that the driver shows.

    Arrays are copied to the device and back in every run, as a server has to: the copies are timed.
    """

    one_by_one: ClassVar[bool] = True  # a CUDA graph is its thread's, nothing may run beside
    uses_threads: ClassVar[bool] = False

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """What keeps it from running: a GPU, CUDA's libraries, packages."""
        if not gpus():
            return ("an NVIDIA GPU",)
        return super().missing() if _torch_has_cuda() else ("CUDA's libraries",)

    @classmethod
    def hindrance(cls) -> str:
        """A GPU, or a PyTorch that brings CUDA's libraries."""
        if not gpus():
            return _NONE
        return "" if _torch_has_cuda() else _NO_CUDA

    def check_usable(self) -> None:
        """Raise StepError where something keeps it from running."""
        if hint := self.install_hint():
            raise StepError(f"{self.title} cannot be used here.", hint, self.name)

    @staticmethod
    def devices() -> tuple[Path, ...]:
        """The files by which a process talks to the GPU."""
        return tuple(path for pattern in _DEVICES for path in sorted(Path("/dev").glob(pattern)))


@cache
def _torch_has_cuda() -> bool:
    """Whether this PyTorch is built for CUDA: read, since importing it takes seconds."""
    found = find_spec("torch")
    if found is None or found.origin is None:
        return False
    about = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    return bool(re.search(r"^cuda\b[^=]*= *['\"]", about, re.MULTILINE))


def gpu_facts() -> dict[str, str]:
    """The device, and what it holds now."""
    (first, *_), load = gpus(), load_of()
    found = {"gpu": first.name, "driver": first.driver}
    return found | ({"gpu_memory_mb": f"{load.used_mb:.0f}"} if load else {})
