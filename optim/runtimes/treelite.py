"""Treelite: forests of decision trees compiled to C by TL2cgen."""

import inspect
import json
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from optim.part import Circumstances, Start
from optim.runtimes.support import forest_running
from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Lacks, Run
from optim.runtimes.support.forest_running import CONSTANTS, LIBRARY, PLAN

_VERSION, _COMPILER_VERSION = "4.8.1", "1.0.0"
_COMPILER = "gcc"
_FLAGS = ("-O1", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
"""More than -O1 takes minutes for a thousand trees, which are branches all the same."""


class Treelite(Compiling):
    """A forest as a library of nested ifs, the operators around it in NumPy."""

    name: ClassVar[str] = "treelite"
    title: ClassVar[str] = "Treelite"
    summary: ClassVar[str] = (
        "Compiles gradient-boosted trees and random forests to C with Treelite's TL2cgen, and that "
        "with gcc for this CPU."
    )
    helps: ClassVar[str] = (
        "Forests of some hundred small trees, asked for many rows at once. A bundle needs NumPy "
        "and nothing else."
    )
    hurts: ClassVar[str] = (
        "One row at a time: the call costs more than the trees. Large forests: the code of "
        "thousands of leaves does not fit the CPU's caches, takes minutes to compile, and is "
        "slower than ONNX Runtime's tables. It takes one forest and the usual operators around "
        "it. One thread runs it."
    )
    packages: ClassVar[tuple[str, ...]] = ("treelite", "tl2cgen")
    requirements: ClassVar[tuple[str, ...]] = (
        f"treelite=={_VERSION}",
        f"tl2cgen=={_COMPILER_VERSION}",
    )
    requirements_mb: ClassVar[float] = 5
    script_needs: ClassVar[tuple[str, ...] | None] = ()
    artefacts: ClassVar[tuple[str, ...]] = (PLAN, CONSTANTS, LIBRARY)
    starts_programs: ClassVar[bool] = True
    uses_threads: ClassVar[bool] = False
    trees_alone: ClassVar[bool] = True
    """Whether it runs forests and nothing else."""
    starts: ClassVar[tuple[Start, ...]] = (Start("treelite", 16),)

    def takes(self, here: Circumstances) -> bool:
        """Trees alone."""
        return any("TreeEnsemble" in op for op in here.ops)

    def compile(self, path: Path, folder: Path) -> None:
        """Write a library of the trees, and the plan of what is around them."""
        import numpy as np
        import onnx

        from optim.runtimes.support.forest import as_treelite
        from optim.runtimes.support.forest_plan import planned, rows_in_c

        if not shutil.which(_COMPILER):
            raise Lacks(f"it needs the program {_COMPILER}, which is not installed here")
        plan, constants, forest = planned(onnx.load(str(path)))
        import tl2cgen

        with TemporaryDirectory() as made:
            tl2cgen.generate_c_code(as_treelite(forest), made, {})
            Path(made, "rows.c").write_text(rows_in_c(forest))
            command = [_COMPILER, *_FLAGS, "main.c", "rows.c", "-lm", "-o", str(folder / LIBRARY)]
            subprocess.run(command, capture_output=True, check=True, cwd=made)
        (folder / PLAN).write_text(json.dumps(plan))
        np.savez(folder / CONSTANTS, allow_pickle=False, **constants)

    def load(self, folder: Path) -> Run:
        """The plan with the library."""
        return forest_running.opened(folder)

    def facts(self) -> dict[str, str]:
        """The versions."""
        return {"engine": f"Treelite {_VERSION}, TL2cgen {_COMPILER_VERSION}"}

    def script(self) -> str:
        """The same without this program."""
        return f"""\
{SCRIPT_NAMES}
{inspect.getsource(forest_running)}

call = opened(compiled)
{SCRIPT_RUN}"""
