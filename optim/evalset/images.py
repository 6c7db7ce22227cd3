"""Read a zip of images: folders named by class, or pictures with masks or boxes. Runs in a child.

Nothing is extracted to disk: members are read one by one, bounded in bytes and pixels.
"""

import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optim.evalset import grouping, npz, pictures, stored
from optim.evalset.annotated import WithBoxes, WithMasks, annotated
from optim.evalset.answers import Judged
from optim.evalset.casting import numpy_dtype
from optim.evalset.folders import ClassFolders
from optim.evalset.preprocessing import Preprocessing, no_single_image, of_one_image
from optim.evalset.unread import filled, unread
from optim.evalset.unzipping import check_size
from optim.evalset.zipped import decoded, files_in, opened, size_of
from optim.model import TensorSpec

Brought = ClassFolders | WithMasks | WithBoxes


def convert(
    path: str,
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    preprocessing: dict[str, Any],
    max_mb: int,
    out: str,
    model: str = "",
) -> None:
    """Child: check, preprocess and store the zip of images at `path`. Raises InputError.

    Args:
        model: its ONNX file, for what of its inputs is never read.
    """
    specs = npz.as_specs(inputs)
    spec, results, together = of_one_image(specs, npz.as_specs(outputs))
    check_others(specs, spec, model)
    recipe = Preprocessing.model_validate(preprocessing)
    recipe.size(spec)
    done: Counter[pictures.Done] = Counter()
    with opened(path) as archive:
        brought = brought_in(archive, spec, results, max_mb)
        values = np.empty((len(brought.pictures), *spec.shape), numpy_dtype(spec))
        for position, member in enumerate(brought.pictures):
            values[position], found = decoded(archive, member, recipe, spec)
            done.update(found)
        answers = answers_of(archive, brought, recipe, spec, results, range(len(values)))
    notes = [*brought.notes, f"Preprocessing: {_spelled(recipe)}.", *pictures.notes_on(done)]
    if brought.left_out:
        notes.append(f"{brought.left_out} files that are no images {brought.where} were left out.")
    notes += [one for one in (brought.said, *answers.notes) if one]
    whole = grouping.of_one(specs, together)
    arrays = dict(filled({spec.name: values}, whole, results, max_mb, notes))
    ordered = {one.name: arrays[one.name] for one in whole}
    contents = stored.Contents(
        ordered, answers.metric, answers.labels, answers.classes, notes=tuple(notes)
    )
    stored.write(grouping.grouped(contents, together), Path(out))


def check_others(inputs: Sequence[TensorSpec], image: TensorSpec, model: str) -> None:
    """Raise InputError unless nothing reads the other inputs of the model, an ONNX file."""
    others = {spec.name for spec in inputs} - {image.name}
    if others and not (model and others <= unread(Path(model))):
        raise no_single_image(inputs)


def brought_in(
    archive: zipfile.ZipFile, spec: TensorSpec, outputs: Sequence[TensorSpec], max_mb: int
) -> Brought:
    """The pictures of a zip with what it says of them, where they fit: as files, and as arrays of
    the model's input. Raises InputError."""
    check_size(sum(member.file_size for member in files_in(archive)), max_mb)
    found = annotated(archive, outputs) or ClassFolders(archive, outputs)
    item = numpy_dtype(spec).itemsize * int(np.prod(spec.shape, dtype=np.int64))
    check_size(len(found.pictures) * item, max_mb)
    return found


def answers_of(
    archive: zipfile.ZipFile,
    brought: Brought,
    recipe: Preprocessing,
    spec: TensorSpec,
    outputs: Sequence[TensorSpec],
    places: Iterable[int],
) -> Judged:
    """The labels of the pictures at these places, as the model's input shows them. InputError."""
    at = [*places]
    sizes = [size_of(archive, brought.pictures[place]) for place in at]
    return brought.answers(archive, [recipe.placing(one, spec) for one in sizes], outputs, at)


def _spelled(recipe: Preprocessing) -> str:
    return ", ".join(
        f"{key} {_short(value)}" for key, value in recipe.model_dump(mode="json").items()
    )


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
