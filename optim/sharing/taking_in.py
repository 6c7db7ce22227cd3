"""A study file that a stranger may have made: read in a child and within bounds, then taken in.

What was measured elsewhere stays labelled with the machine it comes from, as hardware of its own:
it is never picked, never exported as measured here and never on one front with what is. Estimates
are not taken in, since this program makes them anew.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optim import reading, sandbox
from optim.errors import InputError
from optim.evalset import EvalSet, adopt_evalset
from optim.findings import Caution
from optim.home.scratch import scratch
from optim.ingest import ingest
from optim.metrics.base import find_metric
from optim.model import Model
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.names import legible
from optim.recipe import Recipe
from optim.sandbox.archive import extract, open_zip
from optim.settings import settings
from optim.sharing.study_file import (
    ABOUT,
    EVALSET,
    IMPORTED,
    ORIGINAL,
    SAMPLES,
    TRIALS,
    About,
    Told,
)
from optim.studies.study import Study, create_study
from optim.studies.trial import Progress
from optim.targets import LOCAL, all_targets
from optim.timing.claimed import MAX_BYTES, check_sound, claimed
from optim.timing.measurement import Measurement

WHERE = "study file"
_MOST_TRIALS = 2000
_MAX_TRIAL_BYTES = 1_000_000
_SAMPLES_MB = 1024
_NAME = re.compile(
    rf"{re.escape(ABOUT)}|{re.escape(EVALSET)}|{ORIGINAL}({MODEL_FILE}|{DATA_FILE})"
    rf"|({TRIALS}|{SAMPLES})(0|[1-9]\d{{0,5}})\.json"
)
M = TypeVar("M", bound=BaseModel)
_AGAIN = "Export the study again, or ask for an intact copy."


@dataclass(frozen=True)
class TakenIn:
    """What became of a study file: its study here, how many trials it brought, and from where.

    `estimates` are recipes with their modelled targets, which are to be queued here.
    """

    study: Study
    added: int
    known: int
    """Trials that were taken in before."""
    machines: tuple[str, ...]
    estimates: tuple[tuple[Recipe, str], ...] = ()

    @property
    def said(self) -> str:
        """All of it in one sentence or two."""
        before = f" {self.known} were there already." if self.known else ""
        where = f", measured on {'; '.join(self.machines)}" if self.machines else ""
        return f"{self.added} trial{'s' * (self.added != 1)} taken in{where}.{before}"


@dataclass(frozen=True)
class _Read:
    """A trial of the file, checked."""

    told: Told
    recipe: Recipe
    measurement: Measurement

    @property
    def target(self) -> str:
        """Where it stands here: nowhere else than on the machine that its samples name."""
        slices = self.measurement.slices
        return machine_label(slices[0].environment) if slices else LOCAL

    @property
    def is_estimate(self) -> bool:
        return not self.measurement.slices and self.told.target in all_targets().keys() - {LOCAL}


def machine_label(environment: dict[str, str]) -> str:
    """What a machine elsewhere is called here: its CPU and its identity."""
    cpu = legible(environment.get("cpu", ""), 60) or "a machine"
    return f"{cpu}, machine {legible(environment.get('machine_id', ''), 12) or 'unknown'}"


def take_in(path: Path, cancelled: Callable[[], bool] = lambda: False) -> TakenIn:
    """Take in a study file: its study here has all its trials, beside those that it had.

    Raises: InputError for what is none or was tampered with; StepError where reading it crashed;
        Cancelled.
    """
    with scratch("study") as folder:
        sandbox.call(
            unpack,
            {"path": str(path.resolve()), "folder": str(folder), "max_bytes": _max_bytes()},
            where=WHERE,
            files=sandbox.Files(readable=(path.resolve(),), writable=(folder,)),
            cancelled=cancelled,
        )
        about, trials = read(folder)
        model = ingest(folder / ORIGINAL / MODEL_FILE, name=about.model_name, cancelled=cancelled)
        evalset = adopt_evalset(folder / EVALSET, model)
    _check_same(about, model, evalset)
    return _added(create_study(model, evalset), trials)


def unpack(path: str, folder: str, max_bytes: int) -> None:
    """Child function: unpack a study file and check everything in it that is text."""
    with open_zip(Path(path), max_bytes) as archive:
        odd = next((n for n in archive.namelist() if not _NAME.fullmatch(n.rstrip("/"))), None)
        if odd is not None and not odd.endswith("/"):
            raise _refused(f"holds {legible(odd)!r}, which no study file does")
        extract(archive, Path(folder), max_bytes)
    for one in read(Path(folder))[1]:
        if one.measurement.slices:
            check_sound(one.measurement)


def read(folder: Path) -> tuple[About, list[_Read]]:
    """What the unpacked files say, each within bounds. Raises InputError."""
    about = _valid(About, _plain(folder / ABOUT))
    paths = sorted((folder / TRIALS).glob("*.json"), key=lambda path: int(path.stem))
    if len(paths) > _MOST_TRIALS or len(paths) != about.trials:
        raise _refused(f"holds {len(paths)} trials where it tells of {about.trials}")
    for name in (f"{ORIGINAL}{MODEL_FILE}", EVALSET):
        if not (folder / name).is_file():
            raise _refused(f"lacks {name}")
    return about, [_trial(folder, path) for path in paths]


def _trial(folder: Path, path: Path) -> _Read:
    try:
        told = _valid(Told, _plain(path))
        if told.quality:
            find_metric(told.quality.metric)
        samples = folder / SAMPLES / path.name
        measurement = claimed(_bytes(samples, MAX_BYTES)) if samples.exists() else Measurement()
        if told.state == "done" and told.quality is None:
            raise InputError("It is done, yet was not judged.", _AGAIN)
        return _Read(told, Recipe.from_stored(told.recipe), measurement)
    except InputError as error:
        raise InputError(f"Trial {path.stem}: {error.what}", error.next_step, WHERE) from None


def _added(study: Study, trials: list[_Read]) -> TakenIn:
    there = {(t.recipe_digest, t.target, t.created) for t in study.trials()}
    measured = [one for one in trials if not one.is_estimate]
    new = [
        one for one in measured if (one.recipe.digest, one.target, one.told.created) not in there
    ]
    for one in new:
        _adopt(study, one)
    return TakenIn(
        study,
        added=len(new),
        known=len(measured) - len(new),
        machines=tuple(dict.fromkeys(o.target for o in measured if o.measurement.slices)),
        estimates=tuple((o.recipe, o.told.target) for o in trials if o.is_estimate),
    )


def _adopt(study: Study, one: _Read) -> None:
    check_sound(one.measurement) if one.measurement.slices else None
    known = Progress(
        size_bytes=one.told.size_bytes,
        reports=one.told.reports,
        quality=one.told.quality,
        judged=one.told.judged,
        cautions=(*_origin(one), *(c for c in one.told.cautions if c.code != IMPORTED)),
    )
    for piece in one.measurement.slices:
        known = known.with_slice(piece)
    number = study.adopt(
        one.recipe,
        one.target,
        known,
        state=one.told.state if one.measurement.slices or one.told.state != "done" else "failed",
        error=one.told.error,
        created=one.told.created,
        origin=IMPORTED,
    )
    if one.told.pinned:
        study.pin(number)
    if one.told.note:
        study.note(number, one.told.note)


def _origin(one: _Read) -> tuple[Caution, ...]:
    where = f"measured on {one.target}" if one.measurement.slices else "which has no measurement"
    text = f"Read from a study file, {where}; it was not measured here."
    return (Caution(code=IMPORTED, text=text, severity="info"),)


def _check_same(about: About, model: Model, evalset: EvalSet) -> None:
    """The trials were measured on these, or they are worth nothing."""
    for what, told, found in (
        ("model", about.model_digest, model.digest),
        ("EvalSet", about.evalset_digest, evalset.digest),
    ):
        if told != found:
            raise _refused(f"holds another {what} than the one its trials are of ({found[:12]})")


def _plain(path: Path) -> Any:
    try:
        return reading.from_json(_bytes(path, _MAX_TRIAL_BYTES))
    except InputError as error:
        raise InputError(f"{path.name} {error.what}", error.next_step, WHERE) from None


def _bytes(path: Path, most: int) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise _refused(f"lacks {path.name}")
    if path.stat().st_size > most:
        raise _refused(f"holds a {path.name} of more than {most / 1e6:g} MB")
    return path.read_bytes()


def _valid(kind: type[M], value: Any) -> M:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _refused(f"is not as one is written ({where}: {first['msg']})") from None


def _max_bytes() -> int:
    limits = settings()
    return (limits.max_model_mb + limits.max_evalset_mb + _SAMPLES_MB) * 1_000_000


def _refused(why: str) -> InputError:
    return InputError(f"The file {why}.", _AGAIN, WHERE)
