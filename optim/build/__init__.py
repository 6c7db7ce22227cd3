"""Apply a recipe's passes to a Model, in a child process, and check that each kept its word."""

import importlib.metadata
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.build.child import PassReport, build
from optim.build.settling import Reasons, as_run, settled
from optim.evalset import EvalSet
from optim.home import kept, place
from optim.home.scratch import scratch
from optim.model import Model, store_model
from optim.part import BUILT_IN
from optim.passes.support.workings import Workings, taken_over
from optim.recipe import Recipe

__all__ = ["Built", "PassReport", "as_run", "build", "built"]

_LIBRARIES = ("onnx", "onnxruntime", "onnxslim")
_TOLD_EVERY, _LONGEST = 2.0, 200  # seconds and letters
_REVISION = "5"
"""Another one where the same passes give another model, so that what was kept is built anew."""


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
    say: Callable[[str], None] = lambda text: None,
) -> Built:
    """The model after the recipe's passes, built in a child once and kept for the next time.

    What the passes leave to the machine is settled first (`settling`).

    Args:
        afresh: build it even if it is kept.
        say: told, now and then, how far a long pass has got.

    Raises: StepError or InputError named after the pass that failed; Cancelled.
    """
    if not recipe.passes:
        return Built(model=model)
    recipe, reasons = settled(recipe)
    key = _key(model, recipe, evalset)

    def make() -> Built:
        return _build_in_child(model, recipe, evalset, cancelled, say)

    found = kept(Built, "builds", key, make, afresh=afresh)
    if not found.model.path.exists():  # what was kept outlived its model
        found = kept(Built, "builds", key, make, afresh=True)
    return _explained(found, reasons)


def _explained(found: Built, reasons: Reasons) -> Built:
    """With why each pass got its settings, which is no part of what is kept."""
    reports = (
        report.model_copy(update={"settled": reasons.get(report.name, "")})
        for report in found.reports
    )
    return found.model_copy(update={"reports": tuple(reports)})


def _key(model: Model, recipe: Recipe, evalset: EvalSet) -> str:
    """What a build depends on; the EvalSet only where a pass calibrates."""
    calibrates = any(one.needs_calibration for one in recipe.passes)
    versions = [importlib.metadata.version(name) for name in _LIBRARIES]
    if any(one.needs_original for one in recipe.passes):  # it trains
        versions.append(importlib.metadata.version("torch"))
    versions += [one.origin for one in recipe.passes if one.origin != BUILT_IN]
    data = evalset.digest if calibrates else ""
    return json.dumps([model.digest, recipe.passes_digest, data, *versions, _REVISION])


def _build_in_child(
    model: Model,
    recipe: Recipe,
    evalset: EvalSet,
    cancelled: Callable[[], bool],
    say: Callable[[str], None],
) -> Built:
    started = time.monotonic()
    with scratch("build") as folder:
        out, progress = folder / "model.onnx", folder / "progress.txt"
        workings = Workings(place("workings", model.digest), folder / "workings")
        argument = {
            "model_path": str(model.path),
            "recipe": recipe.spelling,
            "evalset_digest": evalset.digest,
            "out": str(out),
            "progress": str(progress),
            "workings": workings.made(),
        }
        usual = sandbox.Limits.default()
        result = sandbox.call(
            build,
            argument,
            where="passes",
            files=sandbox.Files(
                readable=(model.folder, evalset.path, workings.known),
                writable=(folder,),
                site=next(filter(None, (one.site() for one in recipe.passes)), None),
            ),
            limits=replace(usual, seconds=usual.seconds + recipe.most_seconds),
            cancelled=_watching(progress, say, cancelled),
        )
        with sandbox.believed("passes"):
            taken_over(workings)
            reports = tuple(PassReport.model_validate(report) for report in result["reports"])
            if result["modified"]:
                described = result["described"]
                model = store_model(out, model.name, "optimized", model.dims, described=described)
    return Built(model=model, reports=reports, seconds=time.monotonic() - started)


def _watching(
    progress: Path, say: Callable[[str], None], cancelled: Callable[[], bool]
) -> Callable[[], bool]:
    """`cancelled`, which is asked all the time, and what the child said last told on the way."""
    last, due = "", 0.0

    def asked() -> bool:
        nonlocal last, due
        if time.monotonic() >= due and (text := sandbox.text_in(progress, _LONGEST)):
            due = time.monotonic() + _TOLD_EVERY
            if (text := " ".join(text.split())) != last:
                say(last := text)
        return cancelled()

    return asked
