"""Masks of pictures in a zip: the class of each pixel, as the input shows it. Runs in a child."""

import zipfile
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from optim.arrays import Array
from optim.evalset.pairs import Pair
from optim.evalset.placing import Placing
from optim.evalset.stored import fail
from optim.evalset.zipped import seen
from optim.metrics.support.pixels import CLASS_AXES, plane_of
from optim.model import TensorSpec

TO_BRING = (
    "for masks images/NAME.jpg with masks/NAME.png: the class of each pixel as a grey or as a "
    "palette's number, 255 where it does not count"
)


def labels_of(
    archive: zipfile.ZipFile,
    pairs: Sequence[Pair],
    placings: Sequence[Placing],
    outputs: Sequence[TensorSpec],
) -> Array:
    """The masks int16[samples, height, width], placed as their pictures are. Raises InputError."""
    plane = _plane(outputs, placings[0].size)
    masks = np.empty((len(pairs), *plane), np.int16)
    for place, (pair, placing) in enumerate(zip(pairs, placings, strict=True)):
        masks[place] = _sized(placing.of_mask(_read(archive, pair, placing)), plane)
    return masks


def _plane(outputs: Sequence[TensorSpec], size: tuple[int, int]) -> tuple[int, int]:
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


def _read(archive: zipfile.ZipFile, pair: Pair, placing: Placing) -> Array:
    """The numbers int32[height, width] of a mask in its picture's size. Raises InputError."""
    picture, member = pair
    mask = seen(archive, member, lambda image: _numbers(image, member.filename))
    size = mask.shape[::-1]
    if size != placing.original:
        raise fail(
            f"The mask {member.filename!r} has {size[0]} x {size[1]} pixels, its picture "
            f"{picture.filename!r} {placing.original[0]} x {placing.original[1]}.",
            "Give both in the same size.",
        )
    return mask


def _numbers(image: Image.Image, name: str) -> Array:
    if image.format == "JPEG":
        raise fail(
            f"The mask {name!r} is a JPEG, which mixes the numbers of classes at their edges.",
            "Save masks as PNG, from where they were drawn.",
        )
    numbers = np.asarray(ImageOps.exif_transpose(image))
    bands = numbers if numbers.ndim == 3 else numbers[..., None]
    bands = bands[..., : -1 if image.mode in ("LA", "PA", "RGBA") else None]
    if (bands != bands[..., :1]).any():
        raise fail(
            f"The mask {name!r} is in colours, and which colour is which class is not known.",
            "Save masks as grey or as a palette, with the number of the class at each pixel.",
        )
    return bands[..., 0].astype(np.int32)
