"""Judge a model against the original it came from, on validation samples only.

With labels: the EvalSet's metric for both models on the same samples, with a paired test. Always:
fidelity of the outputs. The judging runs in a child process (`judgement`).
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from optim import sandbox
from optim.evalset import EvalSet
from optim.home import kept, kept_already, written
from optim.home.files import hash_files
from optim.home.scratch import scratch
from optim.judging import outputs, verdicts
from optim.judging.judgement import judge
from optim.judging.values import ALL, QUICK, Extent, Quality
from optim.machine.environment import machine_id, version_of
from optim.model import Model
from optim.recipe import Recipe
from optim.settings import settings

__all__ = ["ALL", "QUICK", "Extent", "Quality", "quality_of"]

_KEPT = "judgements"  # folder of the home folder
_TIME_SHARE = 0.6
"""Share of a step's time after which judging stops with the samples it has."""


def quality_of(
    built: Model,
    original: Model,
    recipe: Recipe,
    evalset: EvalSet,
    extent: Extent = ALL,
    *,
    afresh: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Quality:
    """Judge `built`, run as the recipe says, against `original` on ONNX Runtime as it comes.

    A judgement on all samples is kept, and given again whatever was asked for.

    Args:
        extent: on how many samples.
        afresh: judge even if it is kept.

    Raises: StepError where one of the models fails on a sample; Cancelled.
    """
    known = _Known(built, original, recipe, evalset)
    if not afresh and (found := known.quality):
        return found
    seconds = extent.seconds or _TIME_SHARE * settings().step_seconds
    originals = outputs.originals_place(original, evalset)
    with scratch("outputs") as folder:
        argument = {
            "model_path": str(built.path),
            "original": original.model_dump(mode="json"),
            "recipe": recipe.runtime.spelling,
            "evalset_digest": evalset.digest,
            "extent": extent.model_copy(update={"seconds": seconds}).model_dump(),
            "stored": (str(originals), str(folder)),
        }
        answer = recipe.runtime.call(
            judge,
            argument,
            where="quality",
            files=sandbox.Files(
                readable=(built.folder, original.folder, evalset.path, originals),
                writable=(folder,),
            ),
            cancelled=cancelled,
        )
        for part in folder.iterdir():
            with written(originals / part.name) as new:
                part.replace(new)
    found = Quality.model_validate(answer)
    random = verdicts.randomness(original.random, built.random)
    if random:
        said = found.fidelity.sqnr_db is not None
        verdict = f"Draws at random. {found.verdict}" if said else found.verdict
        warnings = (*random, *found.warnings)
        return found.model_copy(update={"verdict": verdict, "warnings": warnings})
    if found.complete:
        known.keep(found)
    return found


class _Known:
    """The judgement on all samples of a model that was judged before, by what it depends on."""

    def __init__(self, built: Model, original: Model, recipe: Recipe, evalset: EvalSet) -> None:
        engine = recipe.runtime
        versions = (version_of("onnxruntime"), *engine.versions())
        parts = (built.digest, original.digest, evalset.digest, engine.spelling, machine_id())
        self._key = " ".join((*parts, *versions, _deriving()))

    @property
    def quality(self) -> Quality | None:
        """What was judged before, if anything."""
        return kept_already(Quality, _KEPT, self._key)

    def keep(self, found: Quality) -> None:
        kept(Quality, _KEPT, self._key, lambda: found, afresh=True)


@cache
def _deriving() -> str:
    """Digest of the code that a judgement comes from."""
    return hash_files(*sorted(Path(__file__).parent.glob("*.py")))
