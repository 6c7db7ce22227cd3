"""Where a picture lies in a model's input, for what is said of its places: masks and boxes."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from optim.arrays import Array

BESIDE = -1
"""What a mask is where the input shows no part of its picture: it does not count."""


@dataclass(frozen=True)
class Placing:
    """A picture of `original` size is resized to `resized`, and what lies from `corner` on in
    `size` is kept; a corner below 0 pads. All are width and height, or x and y, in pixels."""

    original: tuple[int, int]
    resized: tuple[int, int]
    corner: tuple[int, int]
    size: tuple[int, int]

    def of(self, image: Image.Image, method: Image.Resampling) -> Image.Image:
        """The picture in the input's size, with zeros where it does not reach."""
        (left, top), (width, height) = self.corner, self.size
        return image.resize(self.resized, method).crop((left, top, left + width, top + height))

    def of_mask(self, mask: Array) -> Array:
        """Whole numbers [height, width] of a picture as those of the input, int32, none mixed."""
        image = Image.fromarray(mask.astype(np.int32) - BESIDE)
        return np.asarray(self.of(image, Image.Resampling.NEAREST)) + BESIDE

    def of_corners(self, boxes: Array) -> Array:
        """Two corners [..., 4] in pixels of the picture, in those of the input, cut to it."""
        scale = np.array(self.resized) / np.array(self.original)
        moved = boxes * np.tile(scale, 2) - np.tile(self.corner, 2)
        placed: Array = np.clip(moved, 0, np.tile(self.size, 2))
        return placed
