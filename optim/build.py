"""Apply a recipe's passes to a Model, in a child process, and check that each kept its word."""

import contextlib
import importlib.metadata
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.errors import OptimError, StepError, one_line
from optim.evalset import EvalSet, evalset_from_digest
from optim.home import kept
from optim.home.scratch import scratch
from optim.model import Model, store_model
from optim.model.compare import changed
from optim.model.proto import copy_of, describe, read_proto, real_inputs, write_proto
from optim.part import BUILT_IN
from optim.passes.base import Calibration, Context, Outcome, Pass
from optim.recipe import Recipe

if TYPE_CHECKING:
    import onnx

_Side = Literal["input", "output"]
_SIDES: tuple[_Side, ...] = ("input", "output")
_LIBRARIES = ("onnx", "onnxruntime", "onnxslim")


class PassReport(BaseModel):
    """What one pass did: `notes` are sentences for people, `seconds` how long it took."""

    model_config = ConfigDict(frozen=True)

    name: str
    modified: bool
    notes: tuple[str, ...]
    seconds: float


class Built(BaseModel):
    """A Model after a recipe's passes. Where no pass changed anything it is the Model itself."""

    model_config = ConfigDict(frozen=True)

    model: Model
    reports: tuple[PassReport, ...] = ()
    seconds: float = 0.0


def built(
    model: Model,
    recipe: Recipe,
    evalset: EvalSet,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    afresh: bool = False,
) -> Built:
    """The model after the recipe's passes, built in a child once and kept for the next time.

    Args:
        afresh: build it even if it is kept.

    Raises: StepError or InputError named after the pass that failed; Cancelled.
    """
    if not recipe.passes:
        return Built(model=model)
    key = _key(model, recipe, evalset)

    def make() -> Built:
        return _build_in_child(model, recipe, evalset, cancelled)

    found = kept(Built, "builds", key, make, afresh=afresh)
    if not found.model.path.exists():  # what was kept outlived its model
        found = kept(Built, "builds", key, make, afresh=True)
    return found


def _key(model: Model, recipe: Recipe, evalset: EvalSet) -> str:
    """What a build depends on; the EvalSet only where a pass calibrates."""
    calibrates = any(one.needs_calibration for one in recipe.passes)
    versions = [importlib.metadata.version(name) for name in _LIBRARIES]
    versions += [one.origin for one in recipe.passes if one.origin != BUILT_IN]
    given = [model.digest, recipe.passes_digest, evalset.digest if calibrates else "", *versions]
    return json.dumps(given)


def _build_in_child(
    model: Model, recipe: Recipe, evalset: EvalSet, cancelled: Callable[[], bool]
) -> Built:
    started = time.monotonic()
    with scratch("build") as folder:
        out = folder / "model.onnx"
        argument = {
            "model_path": str(model.path),
            "recipe": recipe.spelling,
            "evalset_digest": evalset.digest,
            "out": str(out),
        }
        result = sandbox.call(
            build,
            argument,
            where="passes",
            files=sandbox.Files(readable=(model.folder, evalset.path), writable=(folder,)),
            cancelled=cancelled,
        )
        if result["modified"]:
            described = result["described"]
            model = store_model(out, model.name, "optimized", model.dims, described=described)
    reports = tuple(PassReport.model_validate(report) for report in result["reports"])
    return Built(model=model, reports=reports, seconds=time.monotonic() - started)


def build(model_path: str, recipe: str, evalset_digest: str, out: str) -> dict[str, Any]:
    """Child function: apply a recipe's passes to the ONNX file and write the result to `out`.

    Args:
        recipe: its spelling; the runtime in it plays no part.

    Returns: `reports` (one per pass), whether the model was `modified`, and how it is `described`.

    Raises: StepError or InputError that names the pass and what ran before it.
    """
    passes = Recipe.parse(recipe).passes
    model = _tidied(read_proto(Path(model_path)))
    context = Context(calibration=_calibration(passes, evalset_digest))
    reports: list[PassReport] = []
    for one in passes:
        started = time.monotonic()
        with _named(one, reports):
            outcome = one.run(model, context)
            _check_word(model, outcome)
        model = _tidied(outcome.model)
        seconds = time.monotonic() - started
        reports.append(
            PassReport(
                name=one.name, modified=outcome.modified, notes=outcome.notes, seconds=seconds
            )
        )
    write_proto(model, Path(out))
    return {
        "reports": [report.model_dump(mode="json") for report in reports],
        "modified": any(report.modified for report in reports),
        "described": describe(out),
    }


def _calibration(passes: Sequence[Pass], evalset_digest: str) -> Calibration:
    if not any(one.needs_calibration for one in passes):
        return Calibration([])
    return Calibration([*evalset_from_digest(evalset_digest).feeds("calibration")])


def _tidied(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Without recorded shapes of inner values: a pass may have made them wrong."""
    del model.graph.value_info[:]
    return model


@contextlib.contextmanager
def _named(running: Pass, before: Sequence[PassReport]) -> Iterator[None]:
    """Make every error an OptimError that names this pass and what ran before it."""
    ran = ", ".join(f"{s.name} ({'changed' if s.modified else 'no change'})" for s in before)
    after = f" It ran after {ran}." if ran else ""
    try:
        yield
    except OptimError as error:
        raise type(error)(
            error.what + after, error.next_step, error.where or running.name
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # a library's own failure, of any type
        text = f"{type(error).__name__}: {one_line(error)}"
        raise StepError(
            f"The library behind this pass failed ({text}).{after}",
            "Leave this pass out, change its settings, or exclude the node named above.",
            running.name,
        ) from error


def _check_word(before: "onnx.ModelProto", outcome: Outcome) -> None:
    """Raise StepError where the outcome is no valid model, or not what the pass says it is."""
    for kind in _SIDES:
        old, new = _interface(before, kind), _interface(outcome.model, kind)
        if not _compatible(old, new):
            raise _broken(f"it changed the model's {kind}s from {old} to {new}")
    if changed(before, outcome.model) != outcome.modified:
        raise _broken(f"it says modified={outcome.modified}, and the content says otherwise")
    if outcome.modified:
        _check_valid(outcome.model)


def _check_valid(model: "onnx.ModelProto") -> None:
    import onnx

    with tempfile.TemporaryDirectory() as folder:  # by path, since a message over 2 GB cannot be
        write_proto(copy_of(model), path := Path(folder, "model.onnx"))
        try:
            onnx.checker.check_model(path)
        except onnx.checker.ValidationError as error:
            raise _broken(f"its result is not valid ONNX: {one_line(error)}") from None


def _broken(how: str) -> StepError:
    return StepError(f"The pass broke its promise: {how}.", "Leave it out for this model.")


Interface = dict[str, tuple[int, tuple[int, ...]]]


def _interface(model: "onnx.ModelProto", kind: _Side) -> Interface:
    """Name -> element type and shape (0: unknown) of what the caller passes in or gets out."""
    values = real_inputs(model.graph) if kind == "input" else model.graph.output
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim),
        )
        for value in values
    }


def _compatible(old: Interface, new: Interface) -> bool:
    """Same names in the same order, same types, and shapes that differ only where unknown."""
    return list(old) == list(new) and all(
        old[name][0] == new[name][0]
        and len(old[name][1]) == len(new[name][1])
        and all(a == b or not a * b for a, b in zip(old[name][1], new[name][1], strict=True))
        for name in old
    )
