"""Masks of pictures in a zip: the class of each pixel, as the input shows it. Runs in a child."""

import zipfile
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps

from optim.arrays import Array
from optim.evalset.area_files import POLYGONS_TO_BRING, AreaFiles, numbering
from optim.evalset.coloured import CODES, Colour, Colours, numbered
from optim.evalset.pairs import Pair
from optim.evalset.placing import Placing
from optim.evalset.stored import fail
from optim.evalset.zipped import seen
from optim.metrics.support.pixels import CLASS_AXES, VOID, classes_of, plane_of
from optim.model import TensorSpec

Listed = Mapping[Colour, str]
TO_BRING = (
    "for masks images/NAME.jpg with masks/NAME.png: the class of each pixel as a grey or as a "
    "palette's number, 255 where it does not count, or colours with a file class_dict.csv "
    f"(name,r,g,b); or {POLYGONS_TO_BRING}"
)


class Masks(Protocol):
    """The masks of pictures, whatever they are written as."""

    def mask(self, picture: zipfile.ZipInfo, size: tuple[int, int]) -> Array:
        """That of a picture of this width and height, int32[height, width]. Raises InputError."""

    def told(self, labels: Array) -> tuple[Array, tuple[str, ...], tuple[str, ...]]:
        """All that were asked for as classes, the names of these, and notes. Raises InputError."""


class FromFiles:
    """Masks as pictures of their own, of the classes that a model scores (0: not known)."""

    def __init__(
        self, archive: zipfile.ZipFile, pairs: Sequence[Pair], listed: Listed, classes: int
    ) -> None:
        self._archive, self._classes, self._listed = archive, classes, listed
        self._of = {picture.filename: member for picture, member in pairs}
        self._colours = Colours()

    def mask(self, picture: zipfile.ZipInfo, size: tuple[int, int]) -> Array:
        """See `Masks`."""
        member = self._of[picture.filename]
        mask = seen(self._archive, member, lambda image: self._numbers(image, member.filename))
        width, height = mask.shape[::-1]
        if (width, height) != size:
            raise fail(
                f"The mask {member.filename!r} has {width} x {height} pixels, its picture "
                f"{picture.filename!r} {size[0]} x {size[1]}.",
                "Give both in the same size.",
            )
        return mask

    def told(self, labels: Array) -> tuple[Array, tuple[str, ...], tuple[str, ...]]:
        """See `Masks`."""
        coded = labels >= CODES
        if not coded.any():
            return labels, (), ()
        known = numbered(self._listed, self._classes)
        numbers, said = self._colours.classes(known, self._classes)
        named = {number: name for name, number in known.values() if number != VOID}
        names = tuple(named[number] for number in sorted(named))
        told = np.where(coded, numbers[np.where(coded, labels - CODES, 0)], labels)
        return told, names if len(names) == self._classes else (), (said,) * bool(said)

    def _numbers(self, image: Image.Image, name: str) -> Array:
        if image.format == "JPEG":
            raise fail(
                f"The mask {name!r} is a JPEG, which mixes the numbers of classes at their edges.",
                "Save masks as PNG, from where they were drawn.",
            )
        numbers = np.asarray(ImageOps.exif_transpose(image))
        if image.mode in ("RGB", "RGBA"):
            return self._colours.coded(numbers[..., :3], name)
        first = numbers[..., 0] if numbers.ndim == 3 else numbers
        whole: Array = np.clip(first, -CODES, CODES - 1).astype(np.int32)
        return whole


class FromAreas:
    """Masks as polygons, of the classes that a model scores (0: not known)."""

    def __init__(self, found: AreaFiles, classes: int) -> None:
        self._found, self._numbering = found, numbering(found.names, classes)
        pictures = (one.filename for one in found.pictures)
        self._of = dict(zip(pictures, found.areas, strict=True))

    def mask(self, picture: zipfile.ZipInfo, size: tuple[int, int]) -> Array:
        """See `Masks`."""
        try:
            return self._found.mask(self._of[picture.filename], size, self._numbering)
        except ValueError:
            raise fail(
                f"An area of {picture.filename!r} is given as runs (RLE) of another size than its "
                f"{size[0]} x {size[1]} pixels.",
                "Write the annotations for the pictures as they are in the zip.",
            ) from None

    def told(self, labels: Array) -> tuple[Array, tuple[str, ...], tuple[str, ...]]:
        """See `Masks`."""
        return labels, self._numbering.classes, (self._numbering.said, *self._found.notes)


def placed(
    masks: Masks,
    pictures: Sequence[zipfile.ZipInfo],
    placings: Sequence[Placing],
    plane: tuple[int, int],
) -> Array:
    """The masks int16[samples, height, width] of pictures, placed as these are. InputError."""
    labels = np.empty((len(pictures), *plane), np.int16)
    for place, (picture, placing) in enumerate(zip(pictures, placings, strict=True)):
        mask = masks.mask(picture, placing.original)
        labels[place] = _sized(placing.of_mask(mask), plane)
    return labels


def scored(outputs: Sequence[TensorSpec], plane: tuple[int, int]) -> int:
    """How many classes the model scores for each pixel of such a plane; 0: it does not say."""
    size = plane[0] * plane[1]
    return max(classes_of(spec, size) for spec in outputs)


def plane_judged(outputs: Sequence[TensorSpec], size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the output that is judged: the input's where one has it."""
    shown = size[::-1]
    planes = [plane for spec in outputs for plane in _planes(spec)]
    return shown if shown in planes or not planes else planes[0]


def _planes(spec: TensorSpec) -> list[tuple[int, int]]:
    wide = tuple(size for size in spec.shape if size > 1)
    if len(wide) == 2:
        return [(wide[0], wide[1])]
    if len(spec.shape) != 4:
        return []
    axes = [axis for axis in CLASS_AXES if spec.shape[axis] > 1]
    return [(plane[0], plane[1]) for plane in (plane_of(spec.shape, axis) for axis in axes)]


def _sized(mask: Array, plane: tuple[int, int]) -> Array:
    if mask.shape == plane:
        return mask
    image = Image.fromarray(np.ascontiguousarray(mask, np.int32))
    return np.asarray(image.resize(plane[::-1], Image.Resampling.NEAREST))
