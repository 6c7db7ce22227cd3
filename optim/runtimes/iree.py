"""IREE: ONNX through MLIR to machine code."""

from pathlib import Path
from typing import ClassVar

from optim.names import legible
from optim.part import Start
from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Lacks, Run

FILE = "model.vmfb"
_VERSION = "3.13.0"
_OLDEST = 17
"""Opset that the importer wants at least; older models are brought there."""


class Iree(Compiling):
    """IREE's LLVM backend for CPUs."""

    name: ClassVar[str] = "iree"
    title: ClassVar[str] = "IREE"
    summary: ClassVar[str] = (
        "Compiles the whole model through MLIR to one small module of machine code for this CPU."
    )
    helps: ClassVar[str] = (
        "Very small models: a run costs next to no overhead. The module runs wherever IREE's "
        "runtime of some megabytes does."
    )
    hurts: ClassVar[str] = (
        "Its convolutions and recurrent layers are slower than those of libraries. Compiling "
        "takes from ten seconds to minutes. One thread runs it."
    )
    packages: ClassVar[tuple[str, ...]] = ("iree.compiler", "iree.runtime")
    requirements: ClassVar[tuple[str, ...]] = (
        f"iree-base-compiler=={_VERSION}",
        f"iree-base-runtime=={_VERSION}",
    )
    requirements_mb: ClassVar[float] = 396
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)
    starts_programs: ClassVar[bool] = True
    floats_only: ClassVar[bool] = False
    starts: ClassVar[tuple[Start, ...]] = (Start("iree", 16),)

    def compile(self, path: Path, folder: Path) -> None:
        """Write a module of IREE's virtual machine."""
        import onnx

        model = onnx.load(str(path))
        classical = [node.op_type for node in model.graph.node if node.domain == "ai.onnx.ml"]
        if classical:  # else it names what reads them
            raise Lacks(f"it has no {', '.join(map(legible, dict.fromkeys(classical)))}")
        import iree.compiler
        from iree.compiler.tools.import_onnx import __main__ as importing

        if max(one.version for one in model.opset_import if not one.domain) < _OLDEST:
            model = onnx.version_converter.convert_version(model, _OLDEST)
        newer, mlir = folder / "model.onnx", folder / "model.mlir"
        onnx.save(model, newer)
        importing.main(importing.parse_arguments([str(newer), "-o", str(mlir)]))
        iree.compiler.compile_file(
            str(mlir),
            output_file=str(folder / FILE),
            target_backends=["llvm-cpu"],
            extra_args=["--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3"],
        )
        newer.unlink()
        mlir.unlink()

    def load(self, folder: Path) -> Run:
        """The module in IREE's runtime, its only function but the asynchronous one."""
        import iree.runtime as rt

        context = rt.SystemContext(config=rt.Config("local-sync"))
        module = rt.VmModule.mmap(context.instance, str(folder / FILE))
        context.add_vm_module(module)
        names = module.function_names
        (name,) = (one for one in names if not one.startswith("__") and "$" not in one)
        entry = getattr(context.modules, module.name)[name]

        def run(arrays):  # type: ignore[no-untyped-def]
            found = entry(*arrays)
            return [one.to_host() for one in (found if isinstance(found, tuple) else [found])]

        return run

    def facts(self) -> dict[str, str]:
        """The version."""
        return {"engine": f"IREE {_VERSION}"}

    def script(self) -> str:
        """The module, opened."""
        return f"""\
{SCRIPT_NAMES}
import iree.runtime as rt

context = rt.SystemContext(config=rt.Config("local-sync"))
module = rt.VmModule.mmap(context.instance, str(compiled / "{FILE}"))
context.add_vm_module(module)
(name,) = (one for one in module.function_names if not one.startswith("__") and "$" not in one)
entry = getattr(context.modules, module.name)[name]


def call(arrays):
    found = entry(*arrays)
    return [one.to_host() for one in (found if isinstance(found, tuple) else [found])]
{SCRIPT_RUN}"""
