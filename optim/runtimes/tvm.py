"""Apache TVM: the model as Relax, compiled by LLVM for this CPU."""

from pathlib import Path
from typing import Any, ClassVar

from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Run

FILE = "model.so"
_VERSION = "0.27.0.post1"


class Tvm(Compiling):
    """TVM's Relax virtual machine, with TVM's own schedules, untuned."""

    name: ClassVar[str] = "tvm"
    title: ClassVar[str] = "Apache TVM"
    summary: ClassVar[str] = (
        "Compiles every operator of the model from its definition with Apache TVM, by LLVM, for "
        "this CPU."
    )
    helps: ClassVar[str] = (
        "Models of operators that no library has kernels for, and machines for which there is "
        "little else. What comes out needs TVM's small runtime alone."
    )
    hurts: ClassVar[str] = (
        "Without hours of tuning its loops for convolutions and products are plain: on CPUs with "
        "good libraries it is many times slower than those. One thread for each operator."
    )
    packages: ClassVar[tuple[str, ...]] = ("tvm",)
    requirements: ClassVar[tuple[str, ...]] = (
        f"apache-tvm=={_VERSION}",
        "apache-tvm-ffi==0.1.15.post2",
    )
    requirements_mb: ClassVar[float] = 312
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)
    starts_programs: ClassVar[bool] = True

    def compile(self, path: Path, folder: Path) -> None:
        """Write a shared library."""
        import tvm
        from tvm.relax.frontend.torch import from_exported_program

        from optim.runtimes.support.torch_graph import exported

        module = from_exported_program(exported(path, self), keep_params_as_input=False)
        target = {"kind": "llvm", "mcpu": _cpu(tvm), "num-cores": self.threads}
        tvm.compile(module, tvm.target.Target(target)).export_library(str(folder / FILE))

    def load(self, folder: Path) -> Run:
        """The library in TVM's virtual machine."""
        import tvm

        library = tvm.runtime.load_module(str(folder / FILE))
        entry = tvm.relax.VirtualMachine(library, tvm.cpu())["main"]

        def run(arrays):  # type: ignore[no-untyped-def]
            return [one.numpy() for one in entry(*map(tvm.runtime.tensor, arrays))]

        return run

    def facts(self) -> dict[str, str]:
        """The version."""
        return {"engine": f"Apache TVM {_VERSION}"}

    def script(self) -> str:
        """The library, opened."""
        return f"""\
{SCRIPT_NAMES}
import tvm

library = tvm.runtime.load_module(str(compiled / "{FILE}"))
entry = tvm.relax.VirtualMachine(library, tvm.cpu())["main"]


def call(arrays):
    return [one.numpy() for one in entry(*map(tvm.runtime.tensor, arrays))]
{SCRIPT_RUN}"""


def _cpu(tvm: Any) -> str:
    """What LLVM calls this CPU."""
    return str(tvm.get_global_func("target.llvm_get_system_cpu")())
