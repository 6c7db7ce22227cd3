"""Apache TVM: the model as Relax, compiled by LLVM for this CPU."""

import json
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Run

FILE = "model.so"
_TUNED = "tuned.json"
_NAMED = 5  # operators, of those that were tuned
_VERSION = "0.27.0.post1"


class Tvm(Compiling):
    """TVM's Relax virtual machine, with TVM's own schedules, or with those found by tuning."""

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
        "Without tuning its loops for convolutions and products are plain: on CPUs with good "
        "libraries it is many times slower than those, and tuning makes up for a part of it alone. "
        "One thread for each operator."
    )
    packages: ClassVar[tuple[str, ...]] = ("tvm",)
    requirements: ClassVar[tuple[str, ...]] = (
        f"apache-tvm=={_VERSION}",
        "apache-tvm-ffi==0.1.15.post2",
    )
    requirements_mb: ClassVar[float] = 312
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)
    starts_programs: ClassVar[bool] = True

    tuning: int = Field(
        default=0,
        ge=0,
        le=240,
        description="Seconds to try schedules of the heaviest operators when it is compiled, each "
        "timed on this machine; 0: none.",
    )

    def compile(self, path: Path, folder: Path) -> None:
        """Write a shared library."""
        import tvm
        from tvm.relax.frontend.torch import from_exported_program

        from optim.runtimes.support.torch_graph import exported

        module = from_exported_program(exported(path, self), keep_params_as_input=False)
        kind = {"kind": "llvm", "mcpu": _cpu(tvm), "num-cores": self.threads}
        target = tvm.target.Target(kind)
        if self.tuning:
            from optim.runtimes.support.tvm_tuning import tuned

            module, parts = tuned(tvm, module, target, self.tuning)
            rows = [(one.name, one.calls, one.before * 1e3, one.now * 1e3) for one in parts]
            (folder / _TUNED).write_text(json.dumps(rows))
        tvm.compile(module, target).export_library(str(folder / FILE))

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

    def found_in(self, folder: Path) -> dict[str, str]:
        """The heaviest operators that were tuned, before and after."""
        if not (folder / _TUNED).exists():
            return {}
        rows = json.loads((folder / _TUNED).read_text())[:_NAMED]
        said = (f"{name} {old:.3f} -> {new:.3f} ms (x{calls})" for name, calls, old, new in rows)
        return {"tuned": "; ".join(said)}

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
