"""Check a Bundle: rebuild the model from its recipe, measure and judge it again, compare.

A bundle is somebody else's file: its hashes are checked first, its paths are contained, and what
is in it is only parsed in child processes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from optim.build import Built, built
from optim.bundles import manifest
from optim.bundles.check import Check, other_versions
from optim.bundles.claims import Claims, read_claims
from optim.bundles.remade import (
    same_compiled,
    same_deployments,
    same_evidence,
    same_report,
    same_script,
)
from optim.bundles.report import Findings, Points
from optim.errors import InputError
from optim.evalset import EvalSet, adopt_evalset
from optim.findings import Interval
from optim.home.files import hash_files
from optim.home.scratch import scratch
from optim.ingest import ingest
from optim.judging.quality import Extent, Quality, quality_of
from optim.machine.environment import machine_id
from optim.metrics.base import find_metric
from optim.model import Model
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.recipe import Recipe
from optim.sandbox.archive import extract, open_zip
from optim.settings import settings
from optim.showing.text import spanned, times
from optim.timing.measure import slice_of
from optim.timing.measurement import Measurement, Slice
from optim.timing.stats import summarize
from optim.timing.stopping import StoppingRule, measured

_TIE = 0.04
"""Speed-ups closer than this share are a tie: it is how far the same recipe drifts in time."""
_SAME_QUALITY = 0.002
"""Values of the metric closer than this are the same (of the value, where it is above 1)."""
_REBUILD = ("optim", "onnx", "onnxruntime", "onnxslim", "openvino", "numpy")
"""What a rebuilt model depends on."""

Say = Callable[[str], None]


class ReplayResult(BaseModel):
    """What a replay found. `ok` where no check failed. The figures are None if it ended early."""

    model_config = ConfigDict(frozen=True)

    recipe: str = ""
    ok: bool
    checks: tuple[Check, ...]
    speedup: Interval | None = None
    speedup_claimed: Interval | None = None
    quality: float | None = None
    quality_claimed: float | None = None

    def text(self) -> str:
        """The comparison for people, one line per check."""
        marks = {True: "ok", False: "FAILED", None: "not comparable"}
        lines = [f"{marks[check.ok]:<15}{check.name}: {check.text}" for check in self.checks]
        return "\n".join([self.recipe, *lines, "replayed" if self.ok else "NOT replayed"])


def replay(bundle: Path, say: Say = lambda text: None) -> ReplayResult:
    """Check a bundle, a folder or a zip, on this machine.

    Args:
        say: called with a line of text whenever something begins.

    Raises: InputError for what is no bundle; StepError where something crashed.
    """
    with _opened(bundle) as folder:
        say("checking the hashes")
        try:
            hashes = manifest.verify(folder)
        except InputError as error:
            if not (folder / manifest.MANIFEST).is_file():
                raise
            return ReplayResult(ok=False, checks=(Check(name="hashes", ok=False, text=error.what),))
        return _compared(folder, len(hashes), say)


def _compared(folder: Path, files: int, say: Say) -> ReplayResult:
    claims = read_claims(folder)
    recipe, old = claims.recipe, claims.quality
    checks = [Check(name="hashes", ok=True, text=f"all {files} files are as exported.")]
    say("reading the original and the EvalSet")
    original = ingest(folder / manifest.ORIGINAL, name=claims.about.name)
    evalset = adopt_evalset(folder / manifest.EVALSET, original)
    checks.append(_same_inputs(folder, claims, original, evalset))
    say(f"building {recipe.spelling}")
    made = built(original, recipe, evalset, afresh=True)
    checks.append(_same_model(folder, claims, made.model))
    checks += _remade(folder, claims, evalset, original, made)
    timed = _measured(made.model, original, recipe, evalset, say)
    ours, theirs = summarize(timed).speedup, summarize(claims.measurement).speedup
    checks.append(_same_speed(ours, theirs, timed, claims.measurement))
    say("judging")
    limit = None if old.complete else old.n
    quality = quality_of(made.model, original, recipe, evalset, Extent(samples=limit), afresh=True)
    checks.append(_same_quality(quality, old))
    return ReplayResult(
        recipe=recipe.spelling,
        ok=all(check.ok is not False for check in checks),
        checks=tuple(checks),
        speedup=ours,
        speedup_claimed=theirs,
        quality=quality.value,
        quality_claimed=old.value,
    )


def _remade(
    folder: Path, claims: Claims, evalset: EvalSet, original: Model, made: Built
) -> list[Check]:
    """The checks of all that follows from the recipe, the samples and the two models."""
    files = _files_of(folder)
    held = {"digest": claims.about.model_digest, "size_bytes": sum(f.stat().st_size for f in files)}
    findings = Findings(
        original=original.model_copy(update={"name": claims.about.name}),
        evalset=evalset,
        recipe=claims.recipe,
        optimized=made.model.model_copy(update=held),
        reports=claims.reports,
        measurement=claims.measurement,
        quality=claims.quality,
        cautions=claims.cautions,
        points=claims.points or Points(),
        shares=claims.shares,
        original_ms=claims.about.original_ms,
    )
    again = made.reports if made.model.digest == claims.about.model_digest else ()
    engine = claims.recipe.runtime
    maybe = (
        same_compiled(folder, engine, made.model, other_versions(claims.about, engine.packages)),
        same_deployments(folder, findings),
    )
    return [
        same_script(folder, claims, findings),
        *(check for check in maybe if check),
        same_evidence(folder, claims, findings, again),
        same_report(folder, claims, findings),
    ]


def _files_of(folder: Path) -> list[Path]:
    """The optimized model's files."""
    paths = (folder / name for name in (MODEL_FILE, DATA_FILE))
    return [path for path in paths if path.is_file()]


def _measured(
    rebuilt: Model, original: Model, recipe: Recipe, evalset: EvalSet, say: Say
) -> Measurement:
    """As a trial of this recipe is measured."""

    def take(number: int, seconds: float) -> Slice:
        say(f"timing, process {number + 1}")
        return slice_of(
            rebuilt, original, recipe, evalset, seconds=seconds, seed=number, solo=number == 0
        )

    return measured(StoppingRule.of_settings(), take)


def _same_inputs(folder: Path, claims: Claims, original: Model, evalset: EvalSet) -> Check:
    about = claims.about
    pairs = (
        ("original", original.digest, about.original_digest),
        ("EvalSet", evalset.digest, about.evalset_digest),
        ("optimized model", hash_files(*_files_of(folder)), about.model_digest),
        ("recipe", claims.recipe.spelling, about.recipe),
    )
    wrong = [name for name, ours, theirs in pairs if ours != theirs]
    if wrong:
        text = f"the {' and the '.join(wrong)} is not the one that the bundle names."
        return Check(name="inputs", ok=False, text=text)
    text = f"original {original.digest[:12]}, EvalSet {evalset.digest[:12]}."
    return Check(name="inputs", ok=True, text=text)


def _same_model(folder: Path, claims: Claims, rebuilt: Model) -> Check:
    """Whether the rebuilt model's files equal the bundle's, and if not, what may explain it."""
    pairs = [(rebuilt.path.with_name(name), folder / name) for name in (MODEL_FILE, DATA_FILE)]
    if all(_same_bytes(ours, theirs) for ours, theirs in pairs):
        text = f"the rebuilt model is the same bit for bit ({rebuilt.digest[:12]})."
        return Check(name="model", ok=True, text=text)
    recipe, about = claims.recipe, claims.about
    reasons = other_versions(about, _REBUILD)
    if recipe.digest != about.recipe_digest:
        reasons.append("a part of the recipe has another version")
    calibrated = any(one.needs_calibration for one in recipe.passes)
    if calibrated and claims.measurement.slices[0].machine != machine_id():
        reasons.append("its calibration ran on another machine")
    if reasons:
        text = (
            f"the rebuilt model differs, which may be because {'; '.join(reasons)}. What is timed "
            "and judged here is the rebuilt one."
        )
        return Check(name="model", ok=None, text=text)
    text = "the rebuilt model differs from the bundle's, with the same libraries and settings."
    return Check(name="model", ok=False, text=text)


def _same_bytes(ours: Path, theirs: Path) -> bool:
    if not ours.exists() or not theirs.exists():
        return ours.exists() == theirs.exists()
    return hash_files(ours) == hash_files(theirs)


def _same_speed(
    ours: Interval, theirs: Interval, timed: Measurement, claimed: Measurement
) -> Check:
    text = f"{spanned(ours, times)} here, {spanned(theirs, times)} in the bundle"
    same = ours.overlaps(theirs) or abs(ours.value / theirs.value - 1) <= _TIE
    if same:
        return Check(name="speed-up", ok=True, text=f"{text}.")
    if timed.slices[0].machine != claimed.slices[0].machine:
        cpu = claimed.slices[0].environment.get("cpu", "another machine")
        return Check(name="speed-up", ok=None, text=f"{text}, which was measured on {cpu}.")
    return Check(name="speed-up", ok=False, text=f"{text}: the intervals do not meet.")


def _same_quality(ours: Quality, theirs: Quality) -> Check:
    metric = find_metric(ours.metric)
    text = f"{metric.title} {metric.show(ours.value)} here, {metric.show(theirs.value)} claimed"
    (low, high), (other_low, other_high) = ours.difference_ci, theirs.difference_ci
    meet = low <= other_high and other_low <= high
    same = (
        (ours.metric, ours.collapsed, ours.n) == (theirs.metric, theirs.collapsed, theirs.n)
        and _near(ours.baseline_value, theirs.baseline_value)
        and (meet or _near(ours.value, theirs.value))
        and _near(theirs.value - theirs.baseline_value, theirs.difference)
    )
    if ours.n != theirs.n:
        text += f", on {ours.n:,} samples here and {theirs.n:,} there"
    return Check(name="quality", ok=same, text=f"{text}. {ours.verdict}")


def _near(ours: float, theirs: float) -> bool:
    return abs(ours - theirs) <= _SAME_QUALITY * max(1.0, abs(theirs))


@contextmanager
def _opened(bundle: Path) -> Iterator[Path]:
    """The bundle's folder; a zip is unpacked for as long as it is needed."""
    if bundle.is_dir():
        yield bundle.resolve()
        return
    if not bundle.is_file():
        raise InputError(f"There is no bundle {bundle}.", "Check the path.", "replay")
    limit = (2 * settings().max_model_mb + settings().max_evalset_mb + 100) * 1_000_000
    with scratch("replay") as folder:
        with open_zip(bundle, limit) as archive:
            extract(archive, folder, limit)
        yield folder.resolve()
