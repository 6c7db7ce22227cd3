"""What in a bundle follows from the rest of it: written on export, made again on replay."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml
from numpy.lib import format as npy
from numpy.typing import NDArray
from pydantic import TypeAdapter

from optim.bundles import manifest
from optim.bundles.report import Findings, Points
from optim.errors import InputError
from optim.evalset import EvalSet
from optim.findings import Caution
from optim.recipe import Recipe

POINTS = TypeAdapter(Points)
CAUTIONS = TypeAdapter(tuple[Caution, ...])


def from_recipe(recipe: Recipe) -> dict[str, bytes]:
    """The files that follow from a recipe alone."""
    runtime = recipe.runtime
    options = {"runtime": runtime.name, "options": runtime.model_dump(mode="json")}
    texts = {
        manifest.RECIPE: recipe.to_yaml(),
        manifest.SESSION: yaml.safe_dump(options, sort_keys=False),
        manifest.SCRIPT: run_script(recipe),
    }
    return {name: text.encode() for name, text in texts.items()}


def example(evalset: EvalSet) -> bytes:
    """One sample as inputs for the script, an `.npz`."""
    return packed(evalset.feeds("validation", 1)[0])


def evidence(findings: Findings) -> dict[str, bytes]:
    """The files of evidence by their names in the bundle, the raw samples apart."""
    values: dict[str, Any] = {
        manifest.QUALITY: findings.quality.model_dump(mode="json"),
        manifest.SUMMARY: findings.summary.model_dump(mode="json"),
        manifest.ENVIRONMENT: [
            piece.environment | piece.facts for piece in findings.measurement.slices
        ],
        manifest.PASSES: [report.model_dump(mode="json") for report in findings.reports],
        manifest.POINTS: POINTS.dump_python(findings.points, mode="json"),
        manifest.CAUTIONS: CAUTIONS.dump_python(findings.cautions, mode="json"),
        manifest.ORIGINAL_VALUE: findings.original.model_dump(mode="json"),
        manifest.MODEL_VALUE: findings.optimized.model_dump(mode="json"),
        manifest.EVALSET_VALUE: findings.evalset.model_dump(mode="json"),
    }
    if findings.shares:
        values[manifest.SHARES] = findings.shares.model_dump(mode="json")
    return {name: as_json(value) for name, value in values.items()}


def as_json(value: Any) -> bytes:
    """A value as the bundle's files hold it."""
    return json.dumps(value, indent=1).encode()


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


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An `.npz` whose arrays may have any name (numpy.savez takes some names for its own)."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as sink:
                npy.write_array(sink, np.asarray(array), allow_pickle=False)
    return found.getvalue()


def requirements(recipe: Recipe, versions: Mapping[str, str]) -> bytes:
    """What the script needs, in these versions. Raises InputError where one is not known."""
    packages = (*recipe.runtime.packages, "numpy")
    unknown = [name for name in packages if not versions.get(name)]
    if unknown:
        raise InputError(
            f"The bundle does not say which version of {unknown[0]} it was made with.",
            "Export it again.",
        )
    return "".join(f"{name}=={versions[name]}\n" for name in packages).encode()
