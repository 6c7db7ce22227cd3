"""An EvalSet judged by another metric than the one that suits its labels best. In a child."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from optim.arrays import Array
from optim.evalset import grouping
from optim.evalset.npz import as_specs, flat
from optim.evalset.stored import fail
from optim.metrics.base import Metric, find_metric
from optim.metrics.choosing import check_labels, infer_metric
from optim.model import TensorSpec

_SPLITS = ("calibration", "validation")


def rejudge(path: str, metric: str, outputs: list[dict[str, Any]], out: str) -> None:
    """Child: the stored EvalSet at `path` with the metric asked for, written to `out`.

    Raises InputError where there is no such metric, or it fits neither labels nor outputs.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays: dict[str, Array] = {name: stored[name] for name in stored.files}
    about = json.loads(str(arrays["about"]))
    together = int(about.get("together", 1))
    ones = grouping.of_one(as_specs(outputs), together)
    able = [spec for spec in ones if about.get("output", "") in ("", spec.name)]
    wanted = _fitting(find_metric(metric), metric, arrays, about, able)
    if about["labelled"]:
        _take_over(arrays, wanted, able, len(about["classes"]), together)
    about["metric"] = wanted.spelling
    about["notes"] = [*about["notes"], f"Judged by {wanted.title}, as asked."]
    arrays["about"] = np.array(json.dumps(about))
    with Path(out).open("wb") as sink:
        np.savez(sink, allow_pickle=False, **arrays)


def _fitting(
    wanted: Metric,
    asked: str,
    arrays: Mapping[str, Array],
    about: Mapping[str, Any],
    outputs: list[TensorSpec],
) -> Metric:
    """The metric with the settings that suit the labels, unless they were given."""
    if wanted.ignores_labels and about["labelled"]:
        raise fail(
            f"The metric {wanted.name} does not read labels, and the EvalSet has some.",
            "Leave the metric out, or bring the EvalSet without its labels.",
        )
    if not about["labelled"]:
        if wanted.needs_labels:
            instead = infer_metric(None, outputs).name
            raise fail(
                f"The metric {wanted.name} needs labels, and the EvalSet has none.",
                f"Add them, or use the metric {instead}.",
            )
        return wanted
    together = int(about.get("together", 1))
    labels = flat(arrays["validation_labels"], together)
    return wanted if ":" in asked else wanted.suited(labels, outputs)


def _take_over(
    arrays: dict[str, Array], wanted: Metric, outputs: list[TensorSpec], classes: int, together: int
) -> None:
    """Put the labels into the form that the metric wants, in place."""
    for name in (f"{split}_labels" for split in _SPLITS):
        rows = len(arrays[name])
        labels = check_labels(wanted, flat(arrays[name], together), outputs, classes)
        grouped = labels.reshape(rows, together, *labels.shape[1:])
        arrays[name] = grouped if together > 1 else labels
