"""ExecuTorch: PyTorch's own engine for phones and small boards, on this CPU (XNNPACK)."""

from pathlib import Path
from typing import ClassVar

from optim.part import Start
from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Run

FILE = "model.pte"
_VERSION = "1.5.1"


class ExecuTorch(Compiling):
    """ExecuTorch's runtime; what XNNPACK has runs there, the rest on portable kernels."""

    name: ClassVar[str] = "executorch"
    title: ClassVar[str] = "ExecuTorch"
    summary: ClassVar[str] = (
        "Runs the model as phones do that PyTorch is brought to, as one .pte file in ExecuTorch."
    )
    helps: ClassVar[str] = (
        "To see what PyTorch's engine for phones makes of a model, and to take away its .pte file. "
        "Convolutions and matrix products run on XNNPACK, which is good on Arm."
    )
    hurts: ClassVar[str] = (
        "What XNNPACK has not runs on plain kernels, which are slow. Recurrent layers are "
        "unrolled: they convert for minutes and run slowly. It takes float models of common "
        "operators."
    )
    packages: ClassVar[tuple[str, ...]] = ("executorch.exir", "executorch.runtime")
    requirements: ClassVar[tuple[str, ...]] = (
        f"executorch=={_VERSION}",
        "torchao==0.18.0",
        "expecttest==0.3.0",
        "ruamel.yaml==0.19.1",
        "tabulate==0.10.0",
    )
    requirements_mb: ClassVar[float] = 84
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)
    starts_programs: ClassVar[bool] = True  # flatc, which writes the file
    starts: ClassVar[tuple[Start, ...]] = (Start("executorch", 17),)

    def compile(self, path: Path, folder: Path) -> None:
        """Write a .pte file."""
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        from optim.runtimes.support.torch_graph import exported

        program = exported(path, self)
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        (folder / FILE).write_bytes(lowered.to_executorch().buffer)

    def load(self, folder: Path) -> Run:
        """The file in its runtime, with so many threads."""
        import torch
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Runtime

        portable_lib._unsafe_reset_threadpool(self.threads)
        entry = Runtime.get().load_program(folder / FILE).load_method("forward")

        def run(arrays):  # type: ignore[no-untyped-def]
            return [one.numpy() for one in entry.execute([*map(torch.from_numpy, arrays)])]

        return run

    def facts(self) -> dict[str, str]:
        """The version."""
        return {"engine": f"ExecuTorch {_VERSION}"}

    def script(self) -> str:
        """The file in its runtime."""
        return f"""\
{SCRIPT_NAMES}
import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime

portable_lib._unsafe_reset_threadpool({self.threads})
entry = Runtime.get().load_program(compiled / "{FILE}").load_method("forward")


def call(arrays):
    return [one.numpy() for one in entry.execute([*map(torch.from_numpy, arrays)])]
{SCRIPT_RUN}"""
