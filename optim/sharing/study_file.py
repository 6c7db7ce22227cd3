"""A study as one file: a zip with the original, the EvalSet, every recipe and every measurement.

| entry | what |
|---|---|
| `study.json` | what it is of: names, digests, format |
| `original/model.onnx` (`model.data`) | the model |
| `evalset.npz` | the samples, split as they were |
| `trials/N.json` | trial N: recipe, state, quality, what its passes did, pin and note |
| `samples/N.json` | trial N's raw timings with the machine that each comes from |

The same study gives the same bytes. Optimized models are left out: recipes make them again.
"""

import json
import math
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from optim import __version__
from optim.build import PassReport
from optim.findings import Caution
from optim.home import files
from optim.home.scratch import scratch
from optim.judging.quality import Quality
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.studies.study import Study
from optim.studies.trial import Trial, measurement_of

ZIP_SUFFIX = ".zip"
ABOUT, EVALSET, ORIGINAL = "study.json", "evalset.npz", "original/"
TRIALS, SAMPLES = "trials/", "samples/"
IMPORTED = "imported"
"""Code of the caution, and origin, of a trial that was read from a study file."""
_UNDER_WAY = "It was under way when the study was exported. Retry it."

Short = Annotated[str, StringConstraints(max_length=200)]
Long = Annotated[str, StringConstraints(max_length=4000)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_SHAPE = ConfigDict(frozen=True, extra="forbid")


class About(BaseModel):
    """What a study file says of itself, `study.json`."""

    model_config = _SHAPE

    format: Literal[1] = 1
    program: Short
    title: Short
    model_name: Short
    model_digest: Digest
    evalset_digest: Digest
    trials: int = Field(ge=0)


class Told(BaseModel):
    """One trial as a study file has it, without its samples."""

    model_config = _SHAPE

    number: int = Field(ge=0)
    recipe: dict[str, Any]
    """As `Recipe.stored` gives it."""
    target: Short
    state: Literal["done", "failed", "cancelled", "interrupted"]
    error: Long = ""
    origin: Short
    created: Short
    pinned: bool = False
    note: Long = ""
    size_bytes: int | None = Field(default=None, ge=0)
    reports: tuple[PassReport, ...] = Field(default=(), max_length=50)
    quality: Quality | None = None
    judged: bool = False
    cautions: tuple[Caution, ...] = Field(default=(), max_length=50)

    @classmethod
    def of(cls, trial: Trial) -> "Told":
        """What is told of a trial; of one under way what is known by now."""
        done = trial.state == "done" or (not trial.finished and _is_finite(trial))
        under_way = not (done or trial.finished)
        return cls(
            number=trial.number,
            recipe=trial.recipe.stored,
            target=trial.target,
            state="done" if done else "interrupted" if under_way else trial.state,
            error=_UNDER_WAY if under_way else trial.error[:4000],
            origin=trial.origin,
            created=trial.created,
            pinned=trial.pinned,
            note=trial.note[:4000],
            size_bytes=trial.size_bytes,
            reports=trial.reports,
            quality=trial.quality,
            judged=trial.judged,
            cautions=tuple(one for one in trial.cautions if one.code != IMPORTED),
        )


def _is_finite(trial: Trial) -> bool:
    if trial.summary is None or trial.quality is None:
        return False
    return math.isfinite(trial.quality.value) and math.isfinite(trial.summary.p50_ms.value)


def study_zip(study: Study) -> str:
    """The study file, stored; its digest (suffix `ZIP_SUFFIX`)."""
    with scratch("study") as folder:
        return files.put_file(write_study(study, folder / "study.zip"), ZIP_SUFFIX)


def write_study(study: Study, path: Path) -> Path:
    """Write the study file. Returns its path."""
    trials = study.trials()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _texts(study, trials):
            _write(archive, name, data)
        for name, source in _files(study):
            sink = archive.open(_entry(name), "w", force_zip64=True)
            with sink, source.open("rb") as stream:
                shutil.copyfileobj(stream, sink)
    return path


def _texts(study: Study, trials: list[Trial]) -> Iterator[tuple[str, bytes]]:
    info = study.info
    about = About(
        program=f"optim {__version__}",
        title=info.title[:200],
        model_name=study.model.name[:200],
        model_digest=info.model_digest,
        evalset_digest=info.evalset_digest,
        trials=len(trials),
    )
    yield ABOUT, _json(about)
    for trial in trials:
        yield f"{TRIALS}{trial.number}.json", _json(Told.of(trial))
        if trial.summary:  # else its samples are lost, and it says so
            samples = measurement_of(trial.slices).model_dump_json().encode()
            yield f"{SAMPLES}{trial.number}.json", samples


def _files(study: Study) -> Iterator[tuple[str, Path]]:
    for name in (MODEL_FILE, DATA_FILE):
        if (source := study.model.folder / name).exists():
            yield f"{ORIGINAL}{name}", source
    yield EVALSET, study.evalset.path


def _json(value: BaseModel) -> bytes:
    return json.dumps(value.model_dump(mode="json"), indent=1).encode()


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    with archive.open(_entry(name), "w") as sink:
        sink.write(data)


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry with no date of its own, so that the same study gives the same bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
