"""Writing a study file; `study_file` says what is in one."""

import json
import math
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from optim import __version__
from optim.home import files
from optim.home.scratch import scratch
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.sharing.study_file import (
    ABOUT,
    EVALSET,
    IMPORTED,
    LONGEST,
    ORIGINAL,
    SAMPLES,
    TRIALS,
    ZIP_SUFFIX,
    About,
    Told,
)
from optim.studies.study import Study
from optim.studies.trial import Trial, measurement_of

_UNDER_WAY = "It was under way when the study was exported. Retry it."


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
        yield f"{TRIALS}{trial.number}.json", _json(told_of(trial))
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


def told_of(trial: Trial) -> Told:
    """What is told of a trial; of one under way what is known by now."""
    done = trial.state == "done" or (not trial.finished and _is_finite(trial))
    under_way = not (done or trial.finished)
    return Told(
        number=trial.number,
        recipe=trial.recipe.stored,
        target=trial.target,
        state="done" if done else "interrupted" if under_way else trial.state,
        error=_UNDER_WAY if under_way else trial.error[:LONGEST],
        origin=trial.origin,
        created=trial.created,
        pinned=trial.pinned,
        note=trial.note[:LONGEST],
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
