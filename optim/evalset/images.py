"""Read a zip of folders of images, each folder named by its class. Runs in a child.

Nothing is extracted to disk: members are read one by one, bounded in bytes and pixels.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from optim.arrays import Array
from optim.errors import InputError, OptimError
from optim.evalset import grouping, npz, pictures, stored
from optim.evalset.casting import numpy_dtype
from optim.evalset.classes import by_name, in_order, mapping
from optim.evalset.naming import split_of, split_to_judge_by
from optim.evalset.preprocessing import Preprocessing, no_single_image, of_one_image
from optim.evalset.unread import filled, unread
from optim.evalset.unzipping import check_size
from optim.metrics.choosing import check_labels, infer_metric
from optim.metrics.support.outputs import is_class_like, size_of
from optim.model import TensorSpec
from optim.names import legible
from optim.sandbox import directory

_Seen = TypeVar("_Seen")
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
_MAX_FILES = 200_000
_MAX_PIXELS = 64_000_000


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
        members, skipped = members_within(archive, spec, max_mb)
        notes = list[str]()
        members = of_one_split(members, notes)
        values = np.empty((len(members), *spec.shape), numpy_dtype(spec))
        for position, member in enumerate(members):
            values[position], found = decoded(archive, member, recipe, spec)
            done.update(found)
    names, labels, metric = labelled(members, results)
    notes += [f"Preprocessing: {_spelled(recipe)}.", *pictures.notes_on(done)]
    if skipped:
        notes.append(f"{skipped} files that are no images in a class folder were left out.")
    notes.append(mapping(names, labels))
    whole = grouping.of_one(specs, together)
    arrays = dict(filled({spec.name: values}, whole, results, max_mb, notes))
    ordered = {one.name: arrays[one.name] for one in whole}
    contents = stored.Contents(ordered, metric, labels, names, notes=tuple(notes))
    stored.write(grouping.grouped(contents, together), Path(out))


def check_others(inputs: Sequence[TensorSpec], image: TensorSpec, model: str) -> None:
    """Raise InputError unless nothing reads the other inputs of the model, an ONNX file."""
    others = {spec.name for spec in inputs} - {image.name}
    if others and not (model and others <= unread(Path(model))):
        raise no_single_image(inputs)


def of_one_split(members: list[zipfile.ZipInfo], notes: list[str]) -> list[zipfile.ZipInfo]:
    """Of images in folders of splits (`train/cat/1.png`), those to judge by; a note says so."""
    splits = [split_of(PurePosixPath(member.filename).parts[:-2]) for member in members]
    chosen = split_to_judge_by(splits)
    pairs = zip(members, splits, strict=True)
    kept = [member for member, split in pairs if not chosen or split in ("", chosen)]
    if len(kept) < len(members):
        notes.append(f"Of the splits, {chosen} was taken: {len(kept)} of {len(members)} images.")
    return kept


def opened(path: str) -> zipfile.ZipFile:
    """The zip file. Raises InputError where it is none."""
    try:
        return directory.opened(Path(path), _MAX_FILES)
    except (OSError, zipfile.BadZipFile):
        name = Path(path).name
        raise stored.fail(f"{name} is not a zip, or it is cut off.", "Zip it again.") from None


def members_within(
    archive: zipfile.ZipFile, spec: TensorSpec, max_mb: int
) -> tuple[list[zipfile.ZipInfo], int]:
    """As `members_of`, where they fit: as files, and as arrays of the model's input."""
    members, left_out = members_of(archive)
    check_size(sum(member.file_size for member in members), max_mb)
    item = numpy_dtype(spec).itemsize * int(np.prod(spec.shape, dtype=np.int64))
    check_size(len(members) * item, max_mb)
    return members, left_out


def members_of(archive: zipfile.ZipFile) -> tuple[list[zipfile.ZipInfo], int]:
    """The members that are images in a class folder, and how many others there are."""
    files = [member for member in archive.infolist() if not member.is_dir()]
    chosen = [member for member in files if _is_image(PurePosixPath(member.filename))]
    if not chosen:
        raise _no_folders([PurePosixPath(member.filename) for member in files])
    return chosen, len(files) - len(chosen)


def _no_folders(files: Sequence[PurePosixPath]) -> InputError:
    """What to say of a zip without images in folders, by what is in it instead."""
    if files and all(path.suffix == ".npy" for path in files):
        return stored.fail(
            "The zip holds arrays (.npy) and no images.", "Call it .npz instead of .zip."
        )
    loose = sum(path.suffix.lower() in _SUFFIXES for path in files)
    beside = f", and {loose} outside of any" if loose else ""
    table = next((path.name for path in files if path.suffix.lower() in (".csv", ".txt")), "")
    listed = f" Which is which, {legible(table, 60)!r} may say: move them by it." if table else ""
    return stored.fail(
        f"The zip holds no images ({', '.join(_SUFFIXES)}) in folders{beside}.",
        f"Put each class's images in a folder named by the class.{listed}",
    )


def one_per_folder(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """The first image of each folder, in the classes' order. Raises InputError without any."""
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members_of(archive)[0]:
        found.setdefault(_folder(member), member)
    return [(name, found[name]) for name in in_order(found)]


def _is_image(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in _SUFFIXES and len(path.parts) >= 2 and not hidden


def decoded(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, recipe: Preprocessing, spec: TensorSpec
) -> tuple[Array, set[pictures.Done]]:
    """The input for one image, and what was done to the image. Raises InputError."""
    return _seen(
        archive, member, lambda it: (recipe.apply(it, spec), pictures.done_to(it, recipe.mode))
    )


def check(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Raise InputError where this is no image that can be read."""
    _seen(archive, member, Image.Image.load)


def _seen(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, look: Callable[[Image.Image], _Seen]
) -> _Seen:
    """What is made of one image. Raises InputError."""
    try:
        with Image.open(io.BytesIO(archive.read(member)), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise _too_large(member, f"{image.width} x {image.height}")
            return look(image)
    except OptimError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(member, "far too many") from None
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise stored.fail(
            f"The image {member.filename!r} cannot be read ({type(error).__name__}).",
            "Replace or remove it.",
        ) from None


def _too_large(member: zipfile.ZipInfo, count: str) -> OptimError:
    return stored.fail(
        f"The image {member.filename!r} has {count} pixels; "
        f"the limit is {_MAX_PIXELS // 1_000_000} million.",
        "Make it smaller.",
    )


def labelled(
    members: Sequence[zipfile.ZipInfo], outputs: Sequence[TensorSpec]
) -> tuple[tuple[str, ...], Array, str]:
    """Class names in order, each image's class, and the metric's name. Raises InputError."""
    if not any(is_class_like(spec) or size_of(spec) == 1 for spec in outputs):
        shapes = ", ".join(f"{spec.name}{list(spec.shape)}" for spec in outputs)
        raise stored.fail(
            f"The folders of a zip of images are classes, and the model names none ({shapes}).",
            "Give an .npz with the pictures as an array, and, if you have them, masks [samples, "
            "height, width] or boxes [samples, most, 5] as `labels`.",
        )
    names, labels = by_name([*map(_folder, members)], outputs, "class folders")
    metric = infer_metric(labels, outputs)
    return names, check_labels(metric, labels, outputs, 0), metric.name


def _folder(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).parent.name


def _spelled(recipe: Preprocessing) -> str:
    return ", ".join(
        f"{key} {_short(value)}" for key, value in recipe.model_dump(mode="json").items()
    )


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
