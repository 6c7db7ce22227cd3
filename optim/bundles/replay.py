"""Check a Bundle: rebuild the model from its recipe, measure and judge it again, compare.

A bundle is somebody else's file: its hashes are checked first, its paths are contained, and what
is in it is only parsed in child processes.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from optim.build import built
from optim.bundles import manifest
from optim.bundles.bundle import About, libraries
from optim.errors import InputError
from optim.evalset import EvalSet, adopt_evalset
from optim.findings import Interval
from optim.home.files import hash_files
from optim.home.scratch import scratch
from optim.ingest import ingest
from optim.judging.quality import Quality, quality_of
from optim.machine.environment import machine_id
from optim.metrics.base import find_metric
from optim.model import Model
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.recipe import Recipe
from optim.sandbox.archive import extract, open_zip
from optim.settings import settings
from optim.showing.text import spanned, times
from optim.timing.measure import slice_of
from optim.timing.measurement import BASELINE, CANDIDATE, Measurement, Slice
from optim.timing.stats import summarize
from optim.timing.stopping import StoppingRule, measured

_TIE = 0.04
"""Speed-ups closer than this share are a tie: it is how far the same recipe drifts in time."""
_SAME_QUALITY = 0.002
"""Values of the metric closer than this are the same (of the value, where it is above 1)."""
_MAX_SAMPLES_BYTES = 200_000_000

Say = Callable[[str], None]


class Check(BaseModel):
    """One comparison: `ok` is None where it could not be made, and the text says why."""

    model_config = ConfigDict(frozen=True)

    name: str
    ok: bool | None
    text: str


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
    about, recipe = _read_about(folder), _read_recipe(folder)
    claimed, old = _read_measurement(folder), _read_quality(folder)
    checks = [Check(name="hashes", ok=True, text=f"all {files} files are as exported.")]
    say("reading the original and the EvalSet")
    original = ingest(folder / manifest.ORIGINAL, name=about.name)
    evalset = adopt_evalset(folder / manifest.EVALSET, original)
    checks.append(_same_inputs(about, original, evalset))
    say(f"building {recipe.spelling}")
    rebuilt = built(original, recipe, evalset, afresh=True).model
    checks.append(_same_model(folder, about, recipe, rebuilt, claimed))
    timed = _measured(rebuilt, original, recipe, evalset, say)
    ours, theirs = summarize(timed).speedup, summarize(claimed).speedup
    checks.append(_same_speed(ours, theirs, timed, claimed))
    say("judging")
    limit = None if old.complete else old.n
    quality = quality_of(rebuilt, original, recipe, evalset, limit=limit)
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


def _same_inputs(about: About, original: Model, evalset: EvalSet) -> Check:
    pairs = (
        ("original", original.digest, about.original_digest),
        ("EvalSet", evalset.digest, about.evalset_digest),
    )
    wrong = [name for name, ours, theirs in pairs if ours != theirs]
    if wrong:
        text = f"the {' and the '.join(wrong)} is not the one that the bundle names."
        return Check(name="inputs", ok=False, text=text)
    text = f"original {original.digest[:12]}, EvalSet {evalset.digest[:12]}."
    return Check(name="inputs", ok=True, text=text)


def _same_model(
    folder: Path, about: About, recipe: Recipe, rebuilt: Model, claimed: Measurement
) -> Check:
    """Whether the rebuilt model's files equal the bundle's, and if not, what may explain it."""
    pairs = [(rebuilt.path.with_name(name), folder / name) for name in (MODEL_FILE, DATA_FILE)]
    if all(_same_bytes(ours, theirs) for ours, theirs in pairs):
        text = f"the rebuilt model is the same bit for bit ({rebuilt.digest[:12]})."
        return Check(name="model", ok=True, text=text)
    here = libraries()
    reasons = [
        f"{name} was {version} and is {here.get(name, 'missing')}"
        for name, version in about.libraries.items()
        if here.get(name) != version
    ]
    if recipe.digest != about.recipe_digest:
        reasons.append("a part of the recipe has another version")
    calibrated = any(one.needs_calibration for one in recipe.passes)
    if calibrated and claimed.slices[0].machine != machine_id():
        reasons.append("its calibration ran on another machine")
    if reasons:
        text = f"the rebuilt model differs, which may be because {'; '.join(reasons)}."
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


def _read_about(folder: Path) -> About:
    try:
        return About.model_validate_json((folder / manifest.ABOUT).read_bytes())
    except ValidationError as error:
        raise _unreadable(manifest.ABOUT, error) from None


def _read_quality(folder: Path) -> Quality:
    try:
        quality = Quality.model_validate_json((folder / manifest.QUALITY).read_bytes())
    except ValidationError as error:
        raise _unreadable(manifest.QUALITY, error) from None
    find_metric(quality.metric)
    return quality


def _read_recipe(folder: Path) -> Recipe:
    return Recipe.from_yaml((folder / manifest.RECIPE).read_text(encoding="utf-8"))


def _read_measurement(folder: Path) -> Measurement:
    """The claimed samples; bounded before they are unpacked, and every slice with both arms."""
    path = folder / manifest.MEASUREMENT
    unreadable = InputError("The bundle's timings cannot be read.", "Export it again.", "replay")
    try:
        with gzip.open(path) as source:
            if len(source.read(_MAX_SAMPLES_BYTES + 1)) > _MAX_SAMPLES_BYTES:
                raise unreadable
    except (OSError, EOFError, zlib.error):
        raise unreadable from None
    claimed = Measurement.from_bytes(path.read_bytes())
    for piece in claimed.slices:
        ours, theirs = piece.arms.get(CANDIDATE, []), piece.arms.get(BASELINE, [])
        positive = all(block and min(block) > 0 for block in (*ours, *theirs))
        if not ours or len(ours) != len(theirs) or not positive:
            raise unreadable
    if not claimed.slices:
        raise unreadable
    return claimed


def _unreadable(name: str, error: ValidationError) -> InputError:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return InputError(
        f"The bundle's {name} cannot be read ({where}: {first['msg']}).",
        "Export it again.",
        "replay",
    )


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
