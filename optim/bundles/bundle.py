"""Bundles: a decision that replays. One folder with the model, how it was made and the proof.

| file | what |
|---|---|
| `README.md` | what it is, and what to run first |
| `model.onnx` (`model.data`) | the optimized model |
| `compiled/` | what the engine has compiled the model to, if it does that |
| `original/` | the model it was made from |
| `evalset.npz`, `example.npz` | what it was calibrated and judged on; one sample as inputs |
| `recipe.yaml`, `session.yaml` | every pass and setting; the runtime's session options |
| `run.py`, `requirements.txt` | answers samples and times itself with nothing but the runtime |
| `host.py`, `requirements-host.txt`, `server/` | serves it over REST and gRPC |
| `deploy/` | what other servers and clusters need, one folder each, as chosen |
| `evidence/` | raw samples, environment, quality, what each pass did |
| `report.html` | all of it to read, self-contained |
| `MANIFEST` | SHA-256 of every file |
"""

import importlib.metadata
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from optim import __version__, sandbox
from optim.build import as_run
from optim.bundles import derived, manifest
from optim.bundles.deployment import Deployed, chosen, write_deployments
from optim.bundles.report import Findings, Points, report_html
from optim.bundles.server import PACKAGES
from optim.errors import InputError
from optim.home import files
from optim.home.scratch import scratch
from optim.model import Model, load_model
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.recipe import Recipe
from optim.runtimes.base import Runtime, runtime_of
from optim.studies.comparable import alone
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.why import whose

ZIP_SUFFIX = ".zip"
_LIBRARIES = ("onnx", "onnxruntime", "onnxslim", "openvino", "numpy", "plotly", *PACKAGES)
_MOST_LIBRARIES = 50
_Name = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
_Version = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.+!_-]{1,64}$")]


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
    libraries: Annotated[dict[_Name, _Version], Field(max_length=_MOST_LIBRARIES)]
    original_ms: Annotated[float, Field(gt=0, lt=1e9)] | None = None
    """What the original took by itself; None where it was not timed, and in earlier bundles."""


def libraries(others: Iterable[str] = ()) -> dict[str, str]:
    """Versions of the libraries that a bundle depends on, by name, and of these others."""
    found = {dist: _version(dist) for dist in (*_LIBRARIES, *others)}
    return {"optim": __version__, **{name: text for name, text in found.items() if text}}


def export(study: Study, trial: Trial, folder: Path, deploy: Iterable[str] = ()) -> Path:
    """Write the Bundle of a measured trial to `folder`, new or empty. Returns it.

    Args:
        deploy: names of the deployments whose files it is to hold.

    Raises: InputError where the trial has no measurement and quality, the folder is in use, or
        there is no such deployment for this recipe.
    """
    return write_bundle(findings_of(study, trial), folder, deploy)


def export_zip(study: Study, trial: Trial, deploy: Iterable[str] = ()) -> str:
    """The Bundle as a stored zip; its digest (suffix `ZIP_SUFFIX`)."""
    with scratch("bundle") as parent:
        folder, path = export(study, trial, parent / "bundle", deploy), parent / "bundle.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(p for p in folder.rglob("*") if p.is_file()):
                archive.write(file, file.relative_to(folder))
        return files.put_file(path, ZIP_SUFFIX)


def findings_of(study: Study, trial: Trial) -> Findings:
    """Everything a bundle holds of a trial. Raises InputError where it is not measured.

    Its recipe is the one that was built: what was left to this machine is spelled out, and why is
    left out, since no other machine can check it.
    """
    if not trial.slices or trial.quality is None or not trial.model_digest:
        why = "is an estimate" if trial.estimate else f"is {trial.state}"
        raise InputError(
            f"Trial {trial.number} ({trial.recipe.spelling}) {why}: nothing measured to export.",
            "Measure the recipe on this machine first.",
            "export",
        )
    trials = study.trials()
    return Findings(
        original=study.model,
        evalset=study.evalset,
        recipe=as_run(trial.recipe, trial.reports),
        optimized=load_model(trial.model_digest),
        reports=tuple(one.model_copy(update={"settled": ""}) for one in trial.reports),
        measurement=study.measurement(trial.number),
        quality=trial.quality,
        cautions=trial.cautions,
        points=Points.of(trials, study.evalset.metric, trial.number),
        shares=whose.shares_if_known(trial, trials),
        original_ms=None if trial.runs_the_original else alone(trials).get(trial.target),
    )


def check_free(folder: Path) -> None:
    """Raise InputError unless a bundle can be written to `folder`: it is new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty.", "Name a new folder.", "export")


def write_bundle(findings: Findings, folder: Path, deploy: Iterable[str] = ()) -> Path:
    """Write a Bundle to `folder`, which appears complete or not at all. Raises InputError."""
    check_free(folder)
    names = chosen(deploy, findings.recipe)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as temporary:
        new = Path(temporary, "bundle")
        new.mkdir()
        _write_models(findings, new)
        write_compiled(findings.recipe.runtime, findings.optimized, new)
        for name, content in _contents(findings).items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(content)
        write_deployments(names, Deployed.of(findings, new), new / manifest.DEPLOY)
        manifest.write_manifest(new)
        new.rename(folder)
    return folder


def _write_models(findings: Findings, folder: Path) -> None:
    (folder / manifest.ORIGINAL).parent.mkdir()
    _copy_model(findings.original, (folder / manifest.ORIGINAL).parent)
    _copy_model(findings.optimized, folder)
    shutil.copyfile(findings.evalset.path, folder / manifest.EVALSET)


def write_compiled(engine: Runtime, model: Model, folder: Path) -> None:
    """What the engine's script reads in place of the model, if it does, into the bundle's folder.

    Raises: StepError where the engine cannot compile it.
    """
    if not engine.keeps_compiled:
        return
    with scratch("compiled") as made:
        argument = {"runtime": engine.spelling, "path": str(model.path), "folder": str(made)}
        given = sandbox.Files(readable=(model.folder,), writable=(made,))
        engine.call(compile_beside, argument, where="export", files=given)
        shutil.copytree(made, folder, dirs_exist_ok=True)


def compile_beside(runtime: str, path: str, folder: str) -> None:
    """Child: see `write_compiled`."""
    runtime_of(runtime).export(Path(path), Path(folder))


def _contents(findings: Findings) -> dict[str, bytes]:
    """Every file but the models and their inputs."""
    about = _about(findings)
    return {
        manifest.ABOUT: derived.as_json(about.model_dump(mode="json")),
        **derived.from_recipe(findings.recipe),
        **derived.to_run(findings, about.libraries),
        manifest.MEASUREMENT: findings.measurement.to_bytes(),
        **derived.evidence(findings),
        manifest.REPORT: report_html(findings).encode(),
    }


def _about(findings: Findings) -> About:
    return About(
        program=f"Inference Optimization Explorer {__version__}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        name=findings.original.name,
        recipe=findings.recipe.spelling,
        recipe_digest=findings.recipe.digest,
        original_digest=findings.original.digest,
        model_digest=findings.optimized.digest,
        evalset_digest=findings.evalset.digest,
        libraries=libraries(findings.recipe.runtime.packages) | _pinned(findings.recipe),
        original_ms=findings.original_ms,
    )


def _pinned(recipe: Recipe) -> dict[str, str]:
    """Versions of an engine's own packages."""
    return dict(pin.split("==", 1) for pin in recipe.runtime.requirements)


def _copy_model(model: Model, folder: Path) -> None:
    for name in (MODEL_FILE, DATA_FILE):
        source = model.path.with_name(name)
        if source.exists():
            shutil.copyfile(source, folder / name)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
