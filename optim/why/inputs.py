"""Inputs of a sample as a person can look at them. Runs in a child."""

import base64
import io

import numpy as np
from PIL import Image

from optim.arrays import Array, Feeds
from optim.why.samples import Shown

_LEAST_SIDE, _MOST_SIDE = 96, 320  # pixels; small pictures are enlarged, each pixel a square
_MOST_STEPS = 2000  # of a series that is drawn
_MOST_VALUES = 200
_COLOURS = (1, 3, 4)
_LEAST_EDGE = 8
_MUCH_PADDING = 8


def shown(sample: Feeds) -> tuple[Shown, ...]:
    """Each input of a sample."""
    return tuple(_shown(name, value) for name, value in sample.items())


def _shown(name: str, value: Array) -> Shown:
    pixels = _pixels(value)
    if pixels is not None:
        return Shown(name=name, kind="picture", png=_png(pixels), about="scaled to its own range")
    if value.dtype.kind == "f" and value.size > 1 and (grid := _grid(value)) is not None:
        steps, rows = grid.shape
        about = f"{steps} steps from left to right, {rows} rows scaled to their own ranges"
        return Shown(
            name=name, kind="series", png=_png(_scaled(grid, 0).T[:, :, None]), about=about
        )
    kind = "tokens" if value.dtype.kind in "iu" and value.size > 1 else "row"
    flat = np.nan_to_num(value.ravel().astype(np.float64))
    end = int(np.max(np.nonzero(flat)[0], initial=-1)) + 1
    end = end if kind == "tokens" and flat.size - end > _MUCH_PADDING else flat.size
    odd = int(np.sum(~np.isfinite(value))) if value.dtype.kind == "f" else 0
    about = f"{odd} not finite, shown as 0" if odd else ""
    about = about if end == flat.size else f"{flat.size - end} zeros at the end left out"
    values = tuple(flat[: min(end, _MOST_VALUES)].tolist())
    return Shown(name=name, kind=kind, values=values, size=int(flat.size), about=about)


def _pixels(value: Array) -> Array | None:
    """float[height, width, channels] from 0 to 1 of what can be an image; else None."""
    if value.ndim not in (3, 4) or value.shape[0] != 1:
        return None
    image = value[0] if value.ndim == 4 else value[..., None][0]
    if image.shape[0] in _COLOURS and min(image.shape[1:]) >= _LEAST_EDGE:
        image = image.transpose(1, 2, 0)
    tall, wide, channels = image.shape
    if channels not in _COLOURS or min(tall, wide) < _LEAST_EDGE or value.ndim == 3:
        return None
    return _scaled(image[:, :, :3], None)


def _grid(value: Array) -> Array | None:
    """A series [steps, values]: more than one step of more than one value."""
    rows = np.squeeze(value)
    return rows[:_MOST_STEPS] if rows.ndim == 2 and min(rows.shape) > 1 else None


def _scaled(values: Array, axis: int | None) -> Array:
    numbers = np.nan_to_num(values.astype(np.float64))
    low = numbers.min(axis=axis, keepdims=True)
    span = numbers.max(axis=axis, keepdims=True) - low
    return np.asarray((numbers - low) / np.where(span > 0, span, 1.0))


def _png(pixels: Array) -> str:
    grey = pixels.shape[2] < len("rgb")
    data = np.rint(255 * (pixels[:, :, 0] if grey else pixels)).astype(np.uint8)
    picture = Image.fromarray(data)
    larger = max(1, -(-_LEAST_SIDE // min(picture.size)))
    if larger > 1:
        size = (picture.width * larger, picture.height * larger)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    picture.thumbnail((_MOST_SIDE, _MOST_SIDE))
    sink = io.BytesIO()
    picture.save(sink, "PNG")
    return base64.b64encode(sink.getvalue()).decode()
