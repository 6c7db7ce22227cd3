"""SageMaker Neo: requests to AWS's cloud service, which compiles the model there.

The request: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateCompilationJob.html
What Neo takes: https://docs.aws.amazon.com/sagemaker/latest/dg/neo-supported-cloud.html. Account,
role and bucket are left to fill in; until then the service refuses the role by its form.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from optim.bundles import manifest
from optim.bundles.deployment import Deployed, Deployment, Files
from optim.model.proto import DATA_FILE

ROLE = "arn:aws:iam::YOUR_ACCOUNT_ID:role/YOUR_ROLE"
BUCKET = "s3://YOUR_BUCKET"
_ARCHIVE = "model.tar.gz"
_SECONDS = 900
"""Longest time to compile: what AWS recommends to begin with."""
_NEWEST = 12
"""Opset of ONNX 1.7, the newest that Neo documents."""
_TARGETS: dict[str, dict[str, object]] = {
    "instance": {"TargetDevice": "ml_c5"},
    "device": {"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}},
}
_README = """\
# SageMaker Neo

Put your own in place of `YOUR_ACCOUNT_ID`, `YOUR_ROLE` (it may read and write the bucket) and
`YOUR_BUCKET`, here and in the file that you use. `instance.json` compiles for SageMaker's instances
of the family ml_c5, `device.json` for Linux on x86-64. Then, in the bundle's folder:

```sh
{start}
```

{notes}
"""


def _job(of: Deployed, target: str) -> dict[str, object]:
    shapes = {spec.name: spec.shape for spec in of.inputs}  # in order, as Neo wants them
    place = f"{BUCKET}/{of.slug}"
    return {
        "CompilationJobName": f"{of.slug}-{of.recipe.digest[:8]}-{target}",
        "RoleArn": ROLE,
        "InputConfig": {
            "S3Uri": f"{place}/{_ARCHIVE}",
            "DataInputConfig": json.dumps(shapes),
            "Framework": "ONNX",
        },
        "OutputConfig": {"S3OutputLocation": f"{place}/compiled/", **_TARGETS[target]},
        "StoppingCondition": {"MaxRuntimeInSeconds": _SECONDS},
    }


def _too_new(of: Deployed) -> str:
    newer = f"This model has opset {of.opset}, newer than the {_NEWEST} that Neo documents."
    return f"{newer} Neo may refuse it." if of.opset > _NEWEST else ""


def _notes(of: Deployed) -> Iterator[str]:
    yield "Neo compiles with a compiler of its own: the times in this bundle are not those there."
    yield (
        "For ONNX it documents versions up to 1.7, image classification and SVM, as one file of "
        "standard operators."
    )
    if said := _too_new(of):
        yield said
    if of.path.with_name(DATA_FILE).exists():
        yield f"This model has its weights in a second file, {DATA_FILE}: Neo may refuse it."


def _start(of: Deployed) -> str:
    warning = f"\n# {said}" if (said := _too_new(of)) else ""
    weights = f" {DATA_FILE}" if of.path.with_name(DATA_FILE).exists() else ""
    return f"""\
tar -czf {_ARCHIVE} {manifest.MODEL}{weights}
aws s3 cp {_ARCHIVE} {BUCKET}/{of.slug}/
aws sagemaker create-compilation-job \\
  --cli-input-json file://{manifest.DEPLOY}sagemaker_neo/instance.json{warning}"""


def _files(of: Deployed, folder: Path) -> Files:
    jobs = {f"{name}.json": json.dumps(_job(of, name), indent=2) + "\n" for name in _TARGETS}
    notes = "\n".join(f"- {note}" for note in _notes(of))
    return {**jobs, "README.md": _README.format(start=_start(of), notes=notes)}


DEPLOYMENT = Deployment(
    title="SageMaker Neo",
    about=(
        "Requests to AWS, which compiles the model in its cloud; account, role and bucket are "
        f"yours to fill in. Neo documents ONNX up to 1.7 (opset {_NEWEST})."
    ),
    start=_start,
    files=_files,
)
