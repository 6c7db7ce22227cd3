"""A decoded image file made plain: upright, 8 bits a channel, grey, RGB or RGBA.

Pillow does none of this by itself: it ignores EXIF's orientation, drops transparency and shows
what lies hidden beneath it, and clips greys of 16 bits to white.
"""

from collections import Counter
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps

_WHITE = (255, 255, 255, 255)
_ON_ITS_SIDE = (5, 6, 7, 8)  # orientations of EXIF that change width and height over
_PER_STEP = 257  # of 16 bits: 65,535 / 255
_SAID = {
    "turned": "turned upright by their EXIF orientation",
    "opaque": "with transparency laid on white",
    "deep": "in greys of 16 bits scaled to 8",
    "palette": "with a palette read as colours",
    "cmyk": "in CMYK read as RGB",
    "frames": "of several frames or pages, of which the first is taken",
    "reals": "in real numbers, of which those from 0 to 1 are scaled to 255",
}
Mode = Literal["L", "RGB", "RGBA"]
Done = Literal["turned", "opaque", "deep", "palette", "cmyk", "frames", "reals"]


def plain(image: Image.Image, mode: Mode) -> Image.Image:
    """The image as it is meant to be seen; opaque, unless the mode has transparency."""
    upright = ImageOps.exif_transpose(image)
    if _is_deep(upright):
        upright = _eight_bits(upright)
    if upright.mode == "F":
        upright = _of_reals(upright)
    if upright.has_transparency_data and mode != "RGBA":
        rgba = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba)
    return upright.convert(mode)


def done_to(image: Image.Image, mode: Mode) -> set[Done]:
    """What `plain` does to this image beside decoding it."""
    found: dict[Done, bool] = {
        "turned": image.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1),
        "opaque": image.has_transparency_data and mode != "RGBA",
        "deep": _is_deep(image),
        "palette": image.mode in ("P", "PA"),
        "cmyk": image.mode == "CMYK",
        "frames": getattr(image, "n_frames", 1) > 1,
        "reals": image.mode == "F",
    }
    return {what for what, holds in found.items() if holds}


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as it is meant to be seen."""
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in _ON_ITS_SIDE
    return (image.height, image.width) if turned else image.size


def notes_on(done: Counter[Done]) -> list[str]:
    """One sentence on all that was done, by how many images it was done to; none for none."""
    said = [f"{done[what]:,} {_SAID[what]}" for what in sorted(done)]
    return [f"Images: {'; '.join(said)}."] if said else []


def _is_deep(image: Image.Image) -> bool:
    return image.mode == "I" or image.mode.startswith("I;16")


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.clip(np.asarray(image).astype(np.float64), 0, None) / _PER_STEP
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _of_reals(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image))
    scaled = values * 255 if values.min() >= 0 and values.max() <= 1 else values
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))
