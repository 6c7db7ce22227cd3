"""The child's side of a build: the passes run one after another, each watched and checked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from optim.arrays import Feeds
from optim.build.guard import guarded
from optim.build.promise import check_runs, kept
from optim.build.readying import ready, tidied
from optim.evalset import EvalSet, evalset_from_digest
from optim.model.proto import copy_of, describe, write_proto
from optim.passes.base import Calibration, Context, Pass
from optim.passes.support.workings import Workings, used
from optim.recipe import Recipe

if TYPE_CHECKING:
    import onnx

_ZSTD_LEVEL = 3


class PassReport(BaseModel):
    """What one pass did: `notes` are sentences for people, `seconds` how long it took.

    `spelling` is the pass as it ran, with nothing left to the machine; `settled` says what was
    left to it, and why it got what it got.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    modified: bool
    notes: tuple[str, ...]
    seconds: float
    spelling: str = ""
    settled: str = ""
    compressed_bytes: int = 0
    """Of the model after it, by zstd; 0 where its gain is another."""

    @property
    def said(self) -> tuple[str, ...]:
        """All sentences."""
        return (self.settled, *self.notes) if self.settled else self.notes


def build(
    model_path: str,
    recipe: str,
    evalset_digest: str,
    out: str,
    progress: str = "",
    workings: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """Child function: apply a recipe's passes to the ONNX file and write the result to `out`.

    Args:
        recipe: its spelling; the runtime in it plays no part.
        progress: a file that always holds what a long pass said last.
        workings: the folders `known` and `new` of what builds of this model have in common.

    Returns: `reports` (one per pass), whether the model was `modified`, and how it is `described`.

    Raises: StepError or InputError that names the pass and what ran before it.
    """
    passes, given = Recipe.parse(recipe).passes, Path(model_path)
    evalset = evalset_from_digest(evalset_digest) if evalset_digest else None
    sample = _sample(evalset)
    model, notes = ready(given, passes, sample)
    context = Context(
        calibration=_calibration(passes, evalset),
        original=copy_of(model) if any(one.needs_original for one in passes) else None,
        example=sample or None,
    )
    with used(Workings(*map(Path, workings)) if workings else None):
        check = partial(check_runs, original=given, sample=sample)
        model, reports = _applied(model, passes, context, notes, check, progress)
    write_proto(model, Path(out))
    return {
        "reports": [report.model_dump(mode="json") for report in reports],
        "modified": any(report.modified for report in reports),
        "described": describe(out),
    }


def _applied(
    model: "onnx.ModelProto",
    passes: tuple[Pass, ...],
    context: Context,
    notes: tuple[str, ...],
    check: Callable[["onnx.ModelProto"], tuple[str, ...]],
    progress: str,
) -> tuple["onnx.ModelProto", list[PassReport]]:
    """The model after the passes, one after another, and what each did.

    Args:
        notes: what was done before all passes, said once, where it counts.
        check: finds doubts about a pass's result.
    """
    reports: list[PassReport] = []
    for place, one in enumerate(passes):
        started = time.monotonic()
        told = replace(context, following=passes[place + 1 :], say=_teller(one, progress))
        with guarded(one, model, [(done.name, done.modified) for done in reports]):
            outcome, doubts = kept(one, model, told, check)
        model = tidied(outcome.model)
        said = (*outcome.notes, *doubts)
        if outcome.modified:
            said, notes = (*notes, *said), ()
        compresses = any(before.compresses for before in passes[: place + 1])
        reports.append(
            PassReport(
                name=one.name,
                modified=outcome.modified,
                notes=said,
                seconds=time.monotonic() - started,
                spelling=(outcome.ran or one).spelling,
                compressed_bytes=compressed(model) if compresses else 0,
            )
        )
    return model, reports


def _teller(one: Pass, progress: str) -> Callable[[str], None]:
    """Puts a sentence where the parent looks for it, whole at any time."""

    def tell(text: str) -> None:
        if progress:
            new = Path(f"{progress}.new")
            new.write_text(f"{one.name}: {text}", encoding="utf-8")
            new.replace(progress)

    return tell


def compressed(model: "onnx.ModelProto") -> int:
    """Bytes of all stored tensors, compressed one by one by zstd at its command's own level."""
    from pyarrow import Codec

    codec = Codec("zstd", _ZSTD_LEVEL)
    return sum(len(codec.compress(t.SerializeToString())) for t in model.graph.initializer)


def _sample(evalset: EvalSet | None) -> Feeds:
    """One sample to try models on; what it lacks is made up."""
    return next(iter(evalset.feeds("calibration", 1)), {}) if evalset else {}


def _calibration(passes: Sequence[Pass], evalset: EvalSet | None) -> Calibration:
    if evalset is None or not any(one.needs_calibration for one in passes):
        return Calibration([])
    labels = evalset.labels("calibration")
    return Calibration([*evalset.feeds("calibration")], labels, evalset.together)
