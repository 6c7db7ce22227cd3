"""Bundles: a decision that replays. One folder with the model, how it was made and the proof.

| file | what |
|---|---|
| `model.onnx` (`model.data`) | the optimized model |
| `original/` | the model it was made from |
| `evalset.npz`, `example.npz` | what it was calibrated and judged on; one sample as inputs |
| `recipe.yaml`, `session.yaml` | every pass and setting; the runtime's session options |
| `run.py`, `requirements.txt` | runs the model with nothing but the runtime |
| `evidence/` | raw samples, environment, quality, what each pass did |
| `report.html` | all of it to read, self-contained |
| `MANIFEST` | SHA-256 of every file |
"""

import importlib.metadata
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.lib import format as npy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from optim import __version__
from optim.bundles import manifest
from optim.bundles.report import Findings, report_html
from optim.errors import InputError
from optim.home import files
from optim.home.scratch import scratch
from optim.model import Model, load_model
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.recipe import Recipe
from optim.studies.study import Study
from optim.studies.trial import Trial

ZIP_SUFFIX = ".zip"
_LIBRARIES = ("onnx", "onnxruntime", "onnxslim", "openvino", "numpy")


class About(BaseModel):
    """What a bundle says of itself, `bundle.json`. Digests are the stored values' own."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    program: str
    created: str
    name: str
    recipe: str
    recipe_digest: str
    original_digest: str
    model_digest: str
    evalset_digest: str
    libraries: dict[str, str]


def libraries() -> dict[str, str]:
    """Versions of the libraries that a rebuilt model depends on, by name."""
    found = {dist: _version(dist) for dist in _LIBRARIES}
    return {"optim": __version__, **{name: text for name, text in found.items() if text}}


def export(study: Study, trial: Trial, folder: Path) -> Path:
    """Write the Bundle of a measured trial to `folder`, new or empty. Returns it.

    Raises: InputError where the trial has no measurement and quality, or the folder is in use.
    """
    return write_bundle(findings_of(study, trial), folder)


def export_zip(study: Study, trial: Trial) -> str:
    """The Bundle as a stored zip; its digest (suffix `ZIP_SUFFIX`)."""
    with scratch("bundle") as parent:
        folder, path = export(study, trial, parent / "bundle"), parent / "bundle.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(p for p in folder.rglob("*") if p.is_file()):
                archive.write(file, file.relative_to(folder))
        return files.put_file(path, ZIP_SUFFIX)


def findings_of(study: Study, trial: Trial) -> Findings:
    """Everything a bundle holds of a trial. Raises InputError where it is not measured."""
    if not trial.slices or trial.quality is None or not trial.model_digest:
        why = "is an estimate" if trial.estimate else f"is {trial.state}"
        raise InputError(
            f"Trial {trial.number} ({trial.recipe.spelling}) {why}: nothing measured to export.",
            "Measure the recipe on this machine first.",
            "export",
        )
    return Findings(
        original=study.model,
        evalset=study.evalset,
        recipe=trial.recipe,
        optimized=load_model(trial.model_digest),
        reports=trial.reports,
        measurement=study.measurement(trial.number),
        quality=trial.quality,
        trials=tuple(study.trials()),
        number=trial.number,
    )


def check_free(folder: Path) -> None:
    """Raise InputError unless a bundle can be written to `folder`: it is new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty.", "Name a new folder.", "export")


def write_bundle(findings: Findings, folder: Path) -> Path:
    """Write a Bundle to `folder`, which appears complete or not at all. Raises InputError."""
    check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as temporary:
        new = Path(temporary, "bundle")
        new.mkdir()
        _write_models(findings, new)
        _write_script(findings, new)
        _write_evidence(findings, new)
        (new / "report.html").write_text(report_html(findings), encoding="utf-8")
        manifest.write_manifest(new)
        new.rename(folder)
    return folder


def _write_models(findings: Findings, folder: Path) -> None:
    (folder / manifest.ORIGINAL).parent.mkdir()
    _copy_model(findings.original, (folder / manifest.ORIGINAL).parent)
    _copy_model(findings.optimized, folder)
    shutil.copyfile(findings.evalset.path, folder / manifest.EVALSET)
    (folder / manifest.RECIPE).write_text(findings.recipe.to_yaml(), encoding="utf-8")
    about = About(
        program=f"Inference Optimization Explorer {__version__}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        name=findings.original.name,
        recipe=findings.recipe.spelling,
        recipe_digest=findings.recipe.digest,
        original_digest=findings.original.digest,
        model_digest=findings.optimized.digest,
        evalset_digest=findings.evalset.digest,
        libraries=libraries(),
    )
    _write_json(folder / manifest.ABOUT, about.model_dump(mode="json"))


def _copy_model(model: Model, folder: Path) -> None:
    for name in (MODEL_FILE, DATA_FILE):
        source = model.path.with_name(name)
        if source.exists():
            shutil.copyfile(source, folder / name)


def _write_script(findings: Findings, folder: Path) -> None:
    runtime = findings.recipe.runtime
    options = {"runtime": runtime.name, "options": runtime.model_dump(mode="json")}
    (folder / "session.yaml").write_text(yaml.safe_dump(options, sort_keys=False))
    (folder / "run.py").write_text(run_script(findings.recipe), encoding="utf-8")
    wanted = [
        f"{name}=={importlib.metadata.version(name)}" for name in (*runtime.packages, "numpy")
    ]
    (folder / "requirements.txt").write_text("\n".join(wanted) + "\n")
    save_arrays(folder / manifest.EXAMPLE, findings.evalset.feeds("validation", 1)[0])


def run_script(recipe: Recipe) -> str:
    """The standalone script: opens the model as the recipe says and runs it on the example."""
    return f'''"""Run the optimized model: python run.py [INPUTS.npz]

Recipe: {recipe.spelling}
Needs what requirements.txt lists. INPUTS.npz holds one array per input, named after it.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MODEL = HERE / "model.onnx"

{recipe.runtime.script()}

if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else HERE / "{manifest.EXAMPLE}"
    with np.load(given, allow_pickle=False) as arrays:
        feeds = dict(arrays)
    for name, value in run(feeds).items():
        print(name, value.dtype, value.shape, value.ravel()[:10])
'''


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """An `.npz` whose arrays may have any name (numpy.savez takes some names for its own)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as sink:
                npy.write_array(sink, np.asarray(array), allow_pickle=False)


def _write_evidence(findings: Findings, folder: Path) -> None:
    (folder / manifest.MEASUREMENT).parent.mkdir()
    (folder / manifest.MEASUREMENT).write_bytes(findings.measurement.to_bytes())
    slices = findings.measurement.slices
    evidence: dict[str, Any] = {
        "quality": findings.quality.model_dump(mode="json"),
        "summary": findings.summary.model_dump(mode="json"),
        "environment": [piece.environment | piece.facts for piece in slices],
        "passes": [report.model_dump(mode="json") for report in findings.reports],
        "original": findings.original.model_dump(mode="json"),
        "model": findings.optimized.model_dump(mode="json"),
        "evalset": findings.evalset.model_dump(mode="json"),
    }
    for name, value in evidence.items():
        _write_json(folder / "evidence" / f"{name}.json", value)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
