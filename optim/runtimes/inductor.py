"""TorchInductor, PyTorch's compiler, ahead of time (AOTInductor)."""

import logging
import shutil
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from optim.machine.environment import cpu_flags
from optim.part import Hazard, Precision
from optim.runtimes.base import Runtime
from optim.runtimes.support.compiling import (
    SCRIPT_NAMES,
    SCRIPT_RUN,
    Compiling,
    Run,
    precision_facts,
)

_logger = logging.getLogger(__name__)
FILE = "model.pt2"
_COMPILER = "g++"


class Inductor(Compiling):
    """AOTInductor: C++ for this CPU, fused, compiled by the system's compiler."""

    name: ClassVar[str] = "inductor"
    title: ClassVar[str] = "TorchInductor"
    summary: ClassVar[str] = (
        "Compiles the model to C++ for this CPU with PyTorch's compiler (torch.compile's "
        "Inductor, ahead of time)."
    )
    helps: ClassVar[str] = (
        "Chains of small operators become one loop, and products go to oneDNN. `bf16` computes "
        "products in bfloat16 where the CPU has it."
    )
    hurts: ClassVar[str] = (
        "Compiling takes from ten seconds to minutes, and needs the system's g++. It takes float "
        "models of common operators; what it has not is refused by name."
    )
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)
    starts_programs: ClassVar[bool] = True
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "bf16 on Inductor",
            "bf16 gains little on this CPU: it has no instructions for it.",
            lambda part, here: part.precision == "bf16" and not here.bf16_instructions,
        ),
        *Runtime.hazards,
    )

    precision: Literal["f32", "bf16"] = Field(
        default="f32", description="Arithmetic of the products; the rest stays in floats."
    )
    freezing: bool = Field(
        default=True, description="Weights become constants, folded and packed when compiled."
    )
    max_autotune: bool = Field(
        default=False, description="Try several kernels of each product: slower to compile."
    )

    @property
    def lowers_to(self) -> Precision:
        """Floats of 16 bits, where asked for."""
        return "bf16" if self.precision == "bf16" else ""

    def compile(self, path: Path, folder: Path) -> None:
        """Write a package with the compiled library."""
        if not shutil.which(_COMPILER):
            raise self.refusal(f"it needs the program {_COMPILER}, which is not installed here")
        import torch
        from torch import _inductor

        from optim.runtimes.support.torch_graph import exported

        torch.set_num_threads(self.threads)
        program = exported(path, self, bf16=self.precision == "bf16")
        package = str(folder / FILE)
        try:
            _inductor.aoti_compile_and_package(
                program, package_path=package, inductor_configs=self._config
            )
        except RuntimeError as error:  # its patterns of attention do not fit every mask
            _logger.warning("Inductor, compiled again without its patterns: %s", error)
            _inductor.aoti_compile_and_package(
                exported(path, self, bf16=self.precision == "bf16"),
                package_path=package,
                inductor_configs=self._config | {"pattern_matcher": False},
            )

    def load(self, folder: Path) -> Run:
        """The library in the package."""
        import torch
        from torch import _inductor

        torch.set_num_threads(self.threads)
        net = _inductor.aoti_load_package(str(folder / FILE))

        def run(arrays):  # type: ignore[no-untyped-def]
            return [one.numpy() for one in net(*map(torch.from_numpy, arrays))]

        return run

    def facts(self) -> dict[str, str]:
        """The version, and what it computes in."""
        import torch

        has_bf16 = any("bf16" in flag for flag in cpu_flags())
        return {
            "engine": f"TorchInductor {torch.__version__}",
            **precision_facts(self.precision, has_bf16),
        }

    def script(self) -> str:
        """The compiled package, opened."""
        return f"""\
{SCRIPT_NAMES}
import torch
from torch import _inductor

torch.set_num_threads({self.threads})
net = _inductor.aoti_load_package(str(compiled / "{FILE}"))


def call(arrays):
    return [one.numpy() for one in net(*map(torch.from_numpy, arrays))]
{SCRIPT_RUN}"""

    @property
    def _config(self) -> dict[str, Any]:
        return {
            "freezing": self.freezing,
            "max_autotune": self.max_autotune,
            "cpp.threads": self.threads,
            "compile_threads": 1,  # else it would start processes of its own
        }
