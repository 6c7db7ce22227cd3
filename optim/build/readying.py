"""The model as the passes get it: in the form their libraries expect, its answers checked.

The opset is raised here, once for all passes of a recipe, and not when the model is brought: what
was brought stays the original that is timed, compared and replayed, byte for byte.
"""

import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optim.arrays import Feeds
from optim.errors import OptimError, StepError
from optim.ingest.first_run import Observed, check_same, run_once
from optim.model.opset import at_least_opset
from optim.model.proto import copy_of, opset_of, read_proto, write_proto
from optim.passes.base import Pass
from optim.passes.support.normal import make_normal

if TYPE_CHECKING:
    import onnx

Changed = tuple["onnx.ModelProto", tuple[str, ...]]
"""A model, and sentences on what was changed."""
_UNDONE = "Some of what prepares a model for its passes changed its answers and was undone."
_log = logging.getLogger(__name__)


def ready(path: Path, passes: Sequence[Pass], sample: Feeds) -> Changed:
    """The ONNX file at `path` for these passes, and sentences on what was changed for them.

    What gives other answers than the original on the sample is not done.
    """
    keep = [name for one in passes for name in getattr(one, "exclude", ())]
    newest = max((one.min_opset for one in passes), default=0)

    def raised(model: "onnx.ModelProto") -> Changed:
        return _raised(model, newest)

    def normal(model: "onnx.ModelProto") -> Changed:
        return model, make_normal(model, keep)

    failed: list[str] = []
    for steps in ((raised, normal), (normal,), (raised,)):
        model, notes = _through(tidied(read_proto(path)), steps)
        if not notes or _answers_alike(path, model, sample):
            return model, (*notes, *failed)
        failed = [_UNDONE]
    return tidied(read_proto(path)), tuple(failed)


def tidied(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Without recorded shapes of inner values: a pass may have made them wrong."""
    del model.graph.value_info[:]
    return model


def _through(
    model: "onnx.ModelProto", steps: Sequence[Callable[["onnx.ModelProto"], Changed]]
) -> Changed:
    notes: list[str] = []
    for step in steps:
        model, said = step(model)
        notes += said
    return tidied(model), tuple(notes)


def _raised(model: "onnx.ModelProto", opset: int) -> Changed:
    """As it is where it cannot be converted: the pass that needs it says so, others go on."""
    try:
        new = at_least_opset(model, opset)
    except StepError:
        _log.info("the opset stays %d", opset_of(model), exc_info=True)
        return model, ()
    if new is model:
        return model, ()
    return new, (f"Before the passes, the opset was raised from {opset_of(model)} to {opset}.",)


def _answers_alike(path: Path, model: "onnx.ModelProto", sample: Feeds) -> bool:
    """Whether it answers as the original does, or the original does not answer twice alike."""
    with tempfile.TemporaryDirectory() as folder:
        write_proto(copy_of(model), copy := Path(folder, "model.onnx"))
        try:
            first = run_once(path, sample)[0]
            return _alike(first, run_once(copy, sample)[0]) or not _alike(
                first, run_once(path, sample)[0]
            )
        except OptimError:
            _log.info("the prepared model does not run", exc_info=True)
            return False


def _alike(expected: Observed, got: Observed) -> bool:
    try:
        check_same([*expected.values()], [*got.values()])
    except StepError:
        return False
    return True
