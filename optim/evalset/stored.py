"""How an EvalSet is stored: one canonical `.npz`, split already, in a fixed order.

Members: `about` (JSON), and per split one array per model input, `<split>_<position>`
[samples, *input shape], `<split>_labels` and, where it says what its samples are,
`<split>_texts`; labels of further outputs are `<split>_labels_<position>`. Both splits are stored
in the order of a seeded shuffle, so that the first n samples are a random sample of the split, and
reading them reads no more of the file.
"""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy

from optim.arrays import Array, npy_header
from optim.errors import InputError

Split = Literal["calibration", "validation"]

MAX_CALIBRATION = 512
_CALIBRATION_SHARE = 4
_SEED = 0


@dataclass(frozen=True)
class Labelled:
    """Labels of one more output, [samples, ...], and the spelling of its metric."""

    output: str
    metric: str
    labels: Array


@dataclass(frozen=True)
class Contents:
    """An EvalSet as read and checked, before its split. Inputs are [samples, *input shape]."""

    inputs: Mapping[str, Array]
    metric: str
    labels: Array | None = None
    classes: tuple[str, ...] = ()
    calibration: Array | None = None
    texts: Array | None = None
    synthetic: bool = False
    together: int = 1
    """How many samples each row holds: [rows, together, ...], labels and texts alike."""
    output: str = ""
    """The output that the labels are of; empty: the first that suits the metric."""
    others: tuple[Labelled, ...] = ()
    features: tuple[str, ...] = ()
    """What the numbers of one sample are called, input by input in their order."""
    notes: tuple[str, ...] = field(default=())


def fail(what: str, next_step: str) -> InputError:
    """An InputError about the EvalSet."""
    return InputError(what, next_step, "EvalSet")


def write(contents: Contents, out: Path) -> None:
    """Split and store. The same contents give the same bytes. Raises InputError below 2 samples."""
    count = len(next(iter(contents.inputs.values())))
    parts, note = _split(count, contents.calibration, contents.together)
    about = {
        "inputs": list(contents.inputs),
        "metric": contents.metric,
        "labelled": contents.labels is not None,
        "synthetic": contents.synthetic,
        **({"output": contents.output} if contents.output else {}),
        **({"others": [_named(other) for other in contents.others]} if contents.others else {}),
        **({"together": contents.together} if contents.together > 1 else {}),
        **({"features": contents.features} if contents.features else {}),
        "classes": contents.classes,
        "split_note": note,
        "notes": contents.notes,
        **{f"{name}_count": len(rows) for name, rows in parts.items()},
    }
    rows_too = {"labels": contents.labels, "texts": contents.texts}
    rows_too |= {f"labels_{i}": other.labels for i, other in enumerate(contents.others)}
    if contents.texts is not None:
        about["described"] = True
    arrays: dict[str, Array] = {"about": np.array(json.dumps(about))}
    for name, rows in parts.items():
        for position, values in enumerate(contents.inputs.values()):
            arrays[f"{name}_{position}"] = np.ascontiguousarray(values[rows])
        for what, array in rows_too.items():
            if array is not None:
                arrays[f"{name}_{what}"] = array[rows]
    with out.open("wb") as sink:
        np.savez(sink, allow_pickle=False, **arrays)


def _named(other: Labelled) -> dict[str, str]:
    return {"output": other.output, "metric": other.metric}


def _split(count: int, mask: Array | None, together: int) -> tuple[dict[Split, Array], str]:
    """Row numbers of each split, shuffled with a fixed seed, and a sentence that says how."""
    if count < 2:
        raise InputError(
            f"The EvalSet has {count} sample{'' if count == 1 else 's'}.",
            "Give at least two: one to calibrate with and one to validate with.",
            "EvalSet",
        )
    order = np.random.default_rng(_SEED).permutation(count)
    if mask is None:
        share = max(1, min(MAX_CALIBRATION, count // _CALIBRATION_SHARE))
        chosen = np.arange(count) < share
        how = f"drawn at random with the fixed seed {_SEED}"
    else:
        chosen = mask[order]
        how = "as the EvalSet itself says"
    parts: dict[Split, Array] = {"calibration": order[chosen], "validation": order[~chosen]}
    for name, rows in parts.items():
        if not len(rows):
            raise InputError(
                f"The `calibration` array leaves no sample for {name}.",
                "Mark some samples, but not all.",
                "EvalSet",
            )
    calibration, validation = (together * len(parts[s]) for s in ("calibration", "validation"))
    return parts, f"{calibration} to calibrate with, {validation} to validate with, {how}."


@cache
def about(path: Path) -> dict[str, Any]:
    """What is said of the EvalSet stored at `path`. Raises InputError where it is none."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("about.npy") as member:
            stored = npy.read_array(member, allow_pickle=False)
        return dict(json.loads(str(stored)))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"No EvalSet is stored at {path.name} ({error}).", "Bring it again.", "EvalSet"
        ) from None


def read(path: Path, member: str, limit: int | None) -> Array:
    """The first `limit` rows of one stored array; all by default."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{member}.npy") as stream:
        shape, _, dtype = npy_header(stream)
        count = shape[0] if limit is None else min(limit, shape[0])
        size = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
        data = bytearray(stream.read(count * size))
    return np.frombuffer(data, dtype).reshape(count, *shape[1:])
