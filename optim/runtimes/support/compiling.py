"""Engines that compile a model to files of their own before they run it.

What is compiled is kept (`compiled`), and is all that a session, or an exported script, needs. How
long it took is a cost of its own: a fact of the session.
"""

import json
import logging
import re
import shutil
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from optim.arrays import Feeds
from optim.errors import OptimError
from optim.names import legible
from optim.part import Circumstances
from optim.runtimes.base import COMPILE_SECONDS, PRECISION, PRECISION_ASKED, Runtime, Session
from optim.runtimes.support import compiled

_logger = logging.getLogger(__name__)
BESIDE = "compiled"
"""Folder beside the model in which a script finds what was compiled."""
NAMES = "names.json"
"""Names of inputs and outputs in the order in which compiled functions take and give them, shapes
of inputs, and types of outputs: some engines know fewer."""
_NAMED = 3  # operators, of those that a library names where it fails
Run = Callable[[Sequence[np.ndarray]], Sequence[Any]]
"""Arrays of all inputs in order -> arrays of all outputs in order."""


class Lacks(ValueError):
    """What an engine does not have, in words that go on from "cannot open this model:"."""


class Compiling(Runtime):
    """A runtime with two steps: `compile` writes files, `load` opens them."""

    keeps_compiled: ClassVar[bool] = True
    floats_only: ClassVar[bool] = True
    """Whether it can do nothing with a quantized model."""
    float_inputs: ClassVar[bool] = False
    """Whether all inputs must be floats."""
    artefacts: ClassVar[tuple[str, ...]]
    """The files that `load` reads; `script` finds them beside the model."""

    def takes(self, here: Circumstances) -> bool:
        """No trees, and no integers where it takes floats alone."""
        return not here.classical and not (self.floats_only and here.quantized)

    @abstractmethod
    def compile(self, path: Path, folder: Path) -> None:
        """Compile the model at `path` to files in a folder. May raise whatever its library does."""

    @abstractmethod
    def load(self, folder: Path) -> Run:
        """What runs the files in a folder."""

    def facts(self) -> dict[str, str]:
        """What is known of every session."""
        return {}

    def found_in(self, folder: Path) -> dict[str, str]:
        """What is known of what was compiled to a folder."""
        return {}

    def open(self, path: Path) -> Session:
        """Compile the model at `path` unless that was done before, and load what came of it.

        Raises StepError that says what the engine cannot do.
        """
        folder = compiled.kept(self, path)
        try:
            seconds = compiled.timed(folder, lambda: self._compile(path, folder))
            run = self.load(folder)
        except OptimError:
            raise
        except Lacks as error:
            raise self.refusal(str(error)) from None
        except Exception as error:  # a library's own failure, of any type
            _logger.warning("%s: %s", self.title, error)
            raise self.refusal(_unknown(error, path)) from None
        facts = self.facts() | self.found_in(folder) | {"threads": str(self.threads)}
        facts[COMPILE_SECONDS] = f"{seconds:.2f}"
        return _Loaded(run, _names_in(folder), facts)

    def export(self, path: Path, folder: Path) -> None:
        """Compile the model unless that was done, and copy what came of it."""
        made = compiled.kept(self, path)
        compiled.timed(made, lambda: self._compile(path, made))
        (folder / BESIDE).mkdir()
        for name in (NAMES, *self.artefacts):
            shutil.copyfile(made / name, folder / BESIDE / name)

    def _compile(self, path: Path, folder: Path) -> None:
        from optim.runtimes.support.onnx_names import names_of

        (folder / NAMES).write_text(json.dumps(names_of(path, self)))
        self.compile(path, folder)


def _unknown(error: Exception, path: Path) -> str:
    """What there is to say of a library's failure: whether it was memory, and which operators."""
    import onnx

    text = str(error)
    if isinstance(error, MemoryError) or re.search(r"out of memory|bad_?alloc", text, re.I):
        return "it needs more memory than there is"
    kinds = {node.op_type for node in onnx.load(str(path), load_external_data=False).graph.node}
    named = [legible(kind) for kind in dict.fromkeys(re.findall(r"\w+", text)) if kind in kinds]
    at = f" at {', '.join(named[:_NAMED])}" * bool(named)
    return f"it fails{at} in a way that is not known here; its own words are in the log"


def _names_in(folder: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads((folder / NAMES).read_text())
    return found


class _Loaded(Session):
    def __init__(self, run: Run, names: dict[str, list[Any]], facts: dict[str, str]) -> None:
        self._run, self._facts = run, facts
        self._inputs, self._outputs, self._kinds = (
            names[one] for one in ("inputs", "outputs", "kinds")
        )
        self._shapes = names.get("shapes", [])  # none in what an earlier version kept

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        ready = self._in_order(feeds)
        if wrong := self._misfit(ready):
            raise ValueError(wrong)
        found = zip(self._outputs, self._kinds, self._run(ready), strict=True)
        return {name: np.array(one, kind) for name, kind, one in found}

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """The engine's call on arrays, as the exported script has it, its copies included."""
        run, ready = self._run, self._in_order(feeds)
        wrong = self._misfit(ready)

        def call() -> None:
            if wrong:
                raise ValueError(wrong)
            run(ready)

        return call

    def _misfit(self, ready: Sequence[np.ndarray]) -> str:
        """What is wrong with shapes: some engines run at any, and read what is not theirs."""
        for name, one, shape in zip(self._inputs, ready, self._shapes, strict=False):
            pairs = zip(shape, one.shape, strict=False)
            if len(shape) != one.ndim or any(size not in (0, given) for size, given in pairs):
                return f"{name} has shape {one.shape}, and {shape} was compiled (0: any size)"
        return ""

    def facts(self) -> dict[str, str]:
        return self._facts

    def close(self) -> None:
        del self._run

    def _in_order(self, feeds: Feeds) -> list[np.ndarray]:
        return [np.asarray(feeds[name], order="C") for name in self._inputs]


def precision_facts(asked: Literal["f32", "bf16"], has_bf16: bool) -> dict[str, str]:
    """What was asked for, and what it is on this CPU."""
    emulated = asked == "bf16" and not has_bf16
    return {PRECISION_ASKED: asked, PRECISION: "emulated bf16" if emulated else asked}


SCRIPT_NAMES = f"""\
import json

compiled = MODEL.with_name("{BESIDE}")
names = json.loads((compiled / "{NAMES}").read_text())
"""
"""Lines that scripts begin with."""
SCRIPT_RUN = """

def run(feeds):
    arrays = [feeds[name] for name in names["inputs"]]
    for one, shape in zip(arrays, names["shapes"]):
        if len(shape) != one.ndim or any(d not in (0, n) for d, n in zip(shape, one.shape)):
            raise ValueError(f"shape {one.shape}, and {shape} was compiled (0: any size)")
    found = zip(names["outputs"], names["kinds"], call(arrays))
    return {name: one.astype(kind, copy=False) for name, kind, one in found}
"""
"""Lines that scripts end with: `call` takes and gives arrays in order."""
