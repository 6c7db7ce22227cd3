"""What in a bundle follows from the rest of it: written on export, made again on replay."""

import inspect
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

from optim.bundles import manifest, script
from optim.bundles.readme import readme
from optim.bundles.report import Findings, Points
from optim.bundles.server import to_host
from optim.errors import InputError
from optim.evalset import EvalSet
from optim.evalset.npz import reserved
from optim.findings import Caution
from optim.metrics.base import find_metric
from optim.metrics.choosing import choose_output
from optim.model import Model
from optim.recipe import Recipe

POINTS = TypeAdapter(Points)
CAUTIONS = TypeAdapter(tuple[Caution, ...])
_SHARED = inspect.getsource(script).split('"""', 2)[2].strip()  # without what it says of itself


def from_recipe(recipe: Recipe) -> dict[str, bytes]:
    """The files that follow from a recipe alone."""
    runtime = recipe.runtime
    options = {"runtime": runtime.name, "options": runtime.model_dump(mode="json")}
    texts = {
        manifest.RECIPE: recipe.to_yaml(),
        manifest.SESSION: yaml.safe_dump(options, sort_keys=False),
    }
    return {name: text.encode() for name, text in texts.items()}


def to_run(findings: Findings, versions: Mapping[str, str]) -> dict[str, bytes]:
    """What people run, and what tells them how.

    Args:
        versions: of the libraries that the bundle was made with, by name.

    Raises: InputError where one that the script needs is not known.
    """
    recipe, evalset = findings.recipe, findings.evalset
    return {
        manifest.SCRIPT: run_script(recipe, findings.original, evalset, _scored(findings)).encode(),
        manifest.REQUIREMENTS: requirements(recipe, versions),
        manifest.EXAMPLE: example(evalset),
        manifest.README: readme(findings).encode(),
        **to_host(recipe, findings.original.name, findings.optimized, versions),
    }


def example(evalset: EvalSet) -> bytes:
    """One sample for the script, an `.npz`, with its label and the names of the classes."""
    feed, labels = evalset.feeds("validation", 1)[0], evalset.labels("validation", 1)
    words = reserved(feed)
    extras = {} if labels is None else {words["labels"]: labels}
    if evalset.classes:
        extras[words["classes"]] = np.array(evalset.classes)
    return packed(feed | extras)


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


def run_script(recipe: Recipe, original: Model, evalset: EvalSet, scored: str = "") -> str:
    """The standalone script: opens the model as the recipe says and answers samples.

    Args:
        original: whose inputs and outputs every recipe keeps.
        scored: what it says below answers that have labels beside them.
    """
    inputs = {spec.name: (spec.dtype, spec.shape) for spec in original.inputs}
    imports, functions = _SHARED.split("\n\n\n", 1)
    return f'''"""Run the optimized model: python run.py [--time] [SAMPLES.npz]

Recipe: {recipe.spelling}
Needs what requirements.txt lists. SAMPLES.npz is evalset.npz, or holds one array per input, named
after it, whose first axis counts the samples; `labels` and `classes` are shown where it has them.
"""

{imports}
MODEL = Path(__file__).resolve().with_name("{manifest.MODEL}")
INPUTS = {inputs!r}
JUDGED = {_judged(original, evalset)!r}
SCORED = {scored!r}

{recipe.runtime.script()}

{functions}

if __name__ == "__main__":
    main(run, INPUTS, JUDGED, SCORED)
'''


def _scored(findings: Findings) -> str:
    """How often the original is as expected, too: one answer that is not would look broken."""
    quality = findings.quality
    if not quality.labelled:
        return ""
    metric = find_metric(quality.metric)
    return (
        f"Expected is the label; no model is always right. On {quality.n:,} samples the "
        f"{metric.called} is {metric.show(quality.value)}, the original's "
        f"{metric.show(quality.baseline_value)}."
    )


def _judged(original: Model, evalset: EvalSet) -> tuple[str, str, int]:
    """The output that is judged, what a label is, and how many samples a run takes."""
    labels, metric = evalset.labels("validation", 1), find_metric(evalset.metric)
    size = None if labels is None else labels[0].size
    name = choose_output(metric, evalset.of_one(original.outputs), size).name
    return name, metric.kind, evalset.together


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
    engine = recipe.runtime
    own = [pin.partition("==")[0] for pin in engine.requirements]
    needed = own or engine.packages if engine.script_needs is None else engine.script_needs
    packages = (*needed, "numpy")
    unknown = [name for name in packages if not versions.get(name)]
    if unknown:
        raise InputError(
            f"The bundle does not say which version of {unknown[0]} it was made with.",
            "Export it again.",
        )
    return "".join(f"{name}=={versions[name]}\n" for name in packages).encode()
