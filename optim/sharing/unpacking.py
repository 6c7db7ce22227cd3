"""Reading what is in a study file, each part within bounds; in a child, and again beside it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optim import reading
from optim.errors import InputError
from optim.metrics.base import find_metric
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.names import legible
from optim.recipe import Recipe
from optim.sandbox.archive import extract, open_zip
from optim.sharing.study_file import ABOUT, EVALSET, ORIGINAL, SAMPLES, TRIALS, About, Told
from optim.targets import LOCAL, all_targets
from optim.timing.claimed import MAX_BYTES, check_sound, claimed
from optim.timing.measurement import Measurement

WHERE = "study file"
_MOST_TRIALS = 2000
_MAX_TRIAL_BYTES = 1_000_000
_NAME = re.compile(
    rf"{re.escape(ABOUT)}|{re.escape(EVALSET)}|{ORIGINAL}({MODEL_FILE}|{DATA_FILE})"
    rf"|({TRIALS}|{SAMPLES})(0|[1-9]\d{{0,5}})\.json"
)
M = TypeVar("M", bound=BaseModel)
_AGAIN = "Export the study again, or ask for an intact copy."


@dataclass(frozen=True)
class Read:
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
        target = all_targets().get(self.told.target)
        return not self.measurement.slices and target is not None and target.modelled


def machine_label(environment: dict[str, str]) -> str:
    """What a machine elsewhere is called here: its CPU and its identity."""
    cpu = legible(environment.get("cpu", ""), 60) or "a machine"
    return f"{cpu}, machine {legible(environment.get('machine_id', ''), 12) or 'unknown'}"


def unpack(path: str, folder: str, max_bytes: int) -> None:
    """Child function: unpack a study file and check everything in it that is text."""
    with open_zip(Path(path), max_bytes) as archive:
        odd = next((n for n in archive.namelist() if not _NAME.fullmatch(n.rstrip("/"))), None)
        if odd is not None and not odd.endswith("/"):
            raise refused(f"holds {legible(odd)!r}, which no study file does")
        extract(archive, Path(folder), max_bytes)
    for one in read(Path(folder))[1]:
        if one.measurement.slices:
            check_sound(one.measurement)


def read(folder: Path) -> tuple[About, list[Read]]:
    """What the unpacked files say, each within bounds. Raises InputError."""
    about = _valid(About, _plain(folder / ABOUT))
    paths = sorted((folder / TRIALS).glob("*.json"), key=lambda path: int(path.stem))
    if len(paths) > _MOST_TRIALS or len(paths) != about.trials:
        raise refused(f"holds {len(paths)} trials where it tells of {about.trials}")
    for name in (f"{ORIGINAL}{MODEL_FILE}", EVALSET):
        if not (folder / name).is_file():
            raise refused(f"lacks {name}")
    return about, [_trial(folder, path) for path in paths]


def _trial(folder: Path, path: Path) -> Read:
    try:
        told = _valid(Told, _plain(path))
        if told.quality:
            find_metric(told.quality.metric)
        samples = folder / SAMPLES / path.name
        measurement = claimed(_bytes(samples, MAX_BYTES)) if samples.exists() else Measurement()
        if told.state == "done" and told.quality is None:
            raise InputError("It is done, yet was not judged.", _AGAIN)
        return Read(told, Recipe.from_stored(told.recipe), measurement)
    except InputError as error:
        raise InputError(f"Trial {path.stem}: {error.what}", error.next_step, WHERE) from None


def _plain(path: Path) -> Any:
    try:
        return reading.from_json(_bytes(path, _MAX_TRIAL_BYTES))
    except InputError as error:
        raise InputError(f"{path.name} {error.what}", error.next_step, WHERE) from None


def _bytes(path: Path, most: int) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise refused(f"lacks {path.name}")
    if path.stat().st_size > most:
        raise refused(f"holds a {path.name} of more than {most / 1e6:g} MB")
    return path.read_bytes()


def _valid(kind: type[M], value: Any) -> M:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise refused(f"is not as one is written ({where}: {first['msg']})") from None


def refused(why: str) -> InputError:
    return InputError(f"The file {why}.", _AGAIN, WHERE)
