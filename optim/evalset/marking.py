"""Masks and boxes drawn into a picture, so that wrong places and wrong classes are seen."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw

from optim.arrays import Array
from optim.evalset.coloured import Colour
from optim.metrics.support.boxes import NO_CLASS
from optim.metrics.support.pixels import VOID
from optim.names import legible

_UNCOUNTED: Colour = (128, 128, 128)
_SHARE = 0.55  # of the colour over the picture
_GOLDEN = 0.618034  # of the circle of hues from one class to the next: neighbours differ


def colour_of(number: int) -> Colour:
    """The colour of a class."""
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN % 1, 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def with_mask(picture: Image.Image, mask: Array) -> Image.Image:
    """The picture with each class in its colour: the first one as it is, grey what does not count.

    Args:
        mask: whole numbers [height, width] of any size.
    """
    plain = picture.convert("RGB")
    image = Image.fromarray(np.ascontiguousarray(mask, np.int32))
    sized = np.asarray(image.resize(plain.size, Image.Resampling.NEAREST))
    colours = np.array(plain, np.float64)
    for number in np.unique(sized).tolist():
        if number:
            colour = _UNCOUNTED if number < 0 or number == VOID else colour_of(number)
            where = sized == number
            colours[where] = (1 - _SHARE) * colours[where] + _SHARE * np.array(colour)
    return Image.fromarray(np.rint(colours).astype(np.uint8))


def with_boxes(
    picture: Image.Image, boxes: Array, size: tuple[int, int], names: tuple[str, ...]
) -> Image.Image:
    """The picture with boxes and the names of their classes.

    Args:
        boxes: [N, 5 or more]: class and two corners in pixels of an input of `size` (width,
            height).
    """
    drawn = picture.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    scale = np.tile(np.array(drawn.size) / size, 2)
    for row in boxes[boxes[:, 0] != NO_CLASS]:
        number, colour = int(row[0]), colour_of(int(row[0]))
        left, top, right, bottom = (row[1:5] * scale).tolist()
        pen.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=2)
        name = names[number] if 0 <= number < len(names) else str(number)
        pen.text((left + 3, top + 1), legible(name, 20), fill=colour)
    return drawn
