"""From a picture to a model's input: size, channels, order of axes, scale."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from optim.arrays import Array
from optim.errors import InputError
from optim.evalset import grouping, pictures, stored
from optim.evalset.casting import numpy_dtype
from optim.evalset.placing import Placing
from optim.metrics.support import layouts
from optim.metrics.support.pixels import judges_pixels
from optim.model import Model, TensorSpec

_SMALL = 96  # pixels a side: pictures of such sizes come as they are, with nothing to crop
_LAST = 3  # axis of the channels in [1, height, width, channels]
_USUAL = {1: "gray", 3: "rgb", 4: "rgba"}
_MODES: dict[str, pictures.Mode] = {"gray": "L", "rgba": "RGBA"}
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

Triple = tuple[float, float, float]
_Positive = Annotated[float, Field(gt=0)]


class Preprocessing(BaseModel):
    """From an image file to the model's input. Height and width come from the model.

    Applied in order: resize, crop, scale, subtract the mean, divide by the deviation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Literal["nchw", "nhwc"] = Field(
        default="nchw", description="Order of the input's axes: channels before or after the image."
    )
    channels: Literal["rgb", "bgr", "gray", "rgba"] = Field(
        default="rgb",
        description="Order of the colour channels; rgba has transparency as the fourth, which is "
        "scaled and nothing else.",
    )
    fit: Literal["crop", "stretch", "pad"] = Field(
        default="crop",
        description="How another shape is brought to the model's: resize the shorter side and "
        "crop the centre, stretch, or resize the longer side and pad with black.",
    )
    crop_share: float = Field(
        default=0.875,
        gt=0,
        le=1,
        description="With fit=crop: the share of the resized image that the crop keeps "
        "(0.875 is 224 of 256).",
    )
    filter: Literal["bilinear", "bicubic", "nearest"] = Field(
        default="bilinear", description="Interpolation when resizing."
    )
    scale: float = Field(
        default=1 / 255, gt=0, description="What pixel values (0 to 255) are multiplied by first."
    )
    mean: Triple = Field(
        default=_IMAGENET_MEAN, description="Subtracted per channel, in the channels' order."
    )
    std: tuple[_Positive, _Positive, _Positive] = Field(
        default=_IMAGENET_STD, description="Divided by per channel, in the channels' order."
    )

    @classmethod
    def suggested(cls, model: Model) -> "Preprocessing":
        """The usual preprocessing for the model's input. Raises InputError if it takes no image."""
        spec, outputs, _ = of_one_image(model.inputs, model.outputs)
        axis = channel_axis(spec.shape)
        last, count = axis == _LAST, 1 if axis is None else spec.shape[axis]
        given: dict[str, Any] = {"layout": "nhwc" if last else "nchw", "channels": _USUAL[count]}
        if min(_sides(spec, last)) <= _SMALL:
            given["crop_share"] = 1.0
        whole_numbers = numpy_dtype(spec).kind != "f"
        if count != len(_IMAGENET_MEAN) or whole_numbers:
            given |= {"mean": (0, 0, 0), "std": (1, 1, 1)}
        if whole_numbers:
            given["scale"] = 1.0
        layout = layouts.suited(outputs)
        boxes = bool(layouts.heads(layout, outputs))
        if boxes or judges_pixels(outputs):
            given["fit"] = "pad"  # what is at the edges counts, too
        if boxes and "detr" not in layout:  # detectors divide by 255 alone, or do the rest within
            given |= {"mean": (0, 0, 0), "std": (1, 1, 1)}
        return cls.model_validate(given)

    @property
    def mode(self) -> pictures.Mode:
        """The channels as Pillow calls them, before any are put in another order."""
        return _MODES.get(self.channels, "RGB")

    def apply(self, image: Image.Image, spec: TensorSpec) -> Array:
        """The input array for one image, shaped as the input is."""
        height, width = self.size(spec)
        picture = pictures.plain(image, self.mode)
        method = Image.Resampling[self.filter.upper()]
        picture = self.placing(picture.size, spec).of(picture, method)
        pixels = np.asarray(picture, dtype=np.float64).reshape(height, width, -1)
        if self.channels == "bgr":
            pixels = pixels[:, :, ::-1]
        count = pixels.shape[2]
        mean, std = self._moments(count)
        pixels = (pixels * self.scale - mean) / std
        ordered = pixels.transpose(2, 0, 1) if self.layout == "nchw" else pixels
        dtype = numpy_dtype(spec)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            ordered = np.clip(np.rint(ordered), limits.min, limits.max)
        return ordered.astype(dtype).reshape(spec.shape)

    def undone(self, array: Array, spec: TensorSpec) -> Array:
        """The pixels uint8[height, width, channels], as `mode` has them, of an input."""
        height, width = self.size(spec)
        if self.layout == "nchw":
            ordered = array.reshape(-1, height, width).transpose(1, 2, 0)
        else:
            ordered = array.reshape(height, width, -1)
        count = ordered.shape[2]
        mean, std = self._moments(count)
        values = (ordered.astype(np.float64) * std + mean) / self.scale
        if self.channels == "bgr":
            values = values[:, :, ::-1]
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    def size(self, spec: TensorSpec) -> tuple[int, int]:
        """Height and width of the input. Raises InputError where layout or channels do not fit."""
        shape = spec.shape if len(spec.shape) == 4 else (1, 1, *spec.shape[1:])
        count = len(self.mode)
        channels, *size = shape[1:] if self.layout == "nchw" else (shape[3], shape[1], shape[2])
        if channels != count or shape[0] != 1:
            raise stored.fail(
                f"The input {spec.name!r} has shape {list(spec.shape)}, which does not fit "
                f"layout {self.layout} with channels {self.channels}.",
                "Change the layout or the channels.",
            )
        return size[0], size[1]

    def _moments(self, count: int) -> tuple[Array, Array]:
        """Mean and deviation of each of `count` channels: transparency has none."""
        return np.array([*self.mean, 0.0][:count]), np.array([*self.std, 1.0][:count])

    def placing(self, size: tuple[int, int], spec: TensorSpec) -> Placing:
        """Where a picture of this width and height lies in the input."""
        (width, height), (high, wide) = size, self.size(spec)
        if self.fit == "stretch":
            return Placing(size, (wide, high), (0, 0), (wide, high))
        ratios = wide / width, high / height
        ratio = max(ratios) / self.crop_share if self.fit == "crop" else min(ratios)
        resized = max(1, round(width * ratio)), max(1, round(height * ratio))
        corner = (resized[0] - wide) // 2, (resized[1] - high) // 2
        return Placing(size, resized, corner, (wide, high))


def channel_axis(shape: Sequence[int]) -> int | None:
    """Where a picture's channels are in [1, _, _, _]; None where no axis can be that."""
    likely = ((count, axis) for counts in ((1, 3), (4,)) for axis in (1, _LAST) for count in counts)
    return next((axis for count, axis in likely if len(shape) == 4 and shape[axis] == count), None)


def _sides(spec: TensorSpec, channels_last: bool) -> tuple[int, ...]:
    return spec.shape[1:3] if channels_last else spec.shape[-2:]


def image_input(inputs: Sequence[TensorSpec]) -> TensorSpec:
    """The model's one input that takes an image. Raises InputError without such a one.

    Whether the others, if any, may be left out is for the model's file to say (`images.plan`).
    """
    able = [spec for spec in inputs if spec.shape[:1] == (1,) and _takes_image(spec.shape)]
    if len(able) == 1:
        return able[0]
    shape = inputs[0].shape
    if len(inputs) == 1 and len(shape) == 4 and shape[0] == 1:
        raise stored.fail(
            f"The input {inputs[0].name!r} has shape {list(shape)}, with channels on its "
            f"second or last axis: {shape[1]} or {shape[3]}. A picture in a file has 1 "
            "(grey), 3 (colours) or 4 (colours and transparency).",
            "Give an .npz with the channels as the model was trained with them.",
        )
    raise no_single_image(inputs)


def _takes_image(shape: Sequence[int]) -> bool:
    grey = len(shape) == 3 and min(shape[1:]) >= 8
    return grey or channel_axis(shape) is not None


def no_single_image(inputs: Sequence[TensorSpec]) -> InputError:
    """What to say of a model that takes more than one image, or none."""
    listed = ", ".join(f"{spec.name}{list(spec.shape)}" for spec in inputs)
    return stored.fail(
        f"A zip of images needs a model with one image as its input; this one takes {listed}.",
        "Give an .npz with one array per input; a zip of .npy files is one, if it is called so.",
    )


def of_one_image(
    inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> tuple[TensorSpec, list[TensorSpec], int]:
    """The input and the outputs of one image, and how many images a run takes. InputError."""
    together = grouping.taken_at_once(inputs, outputs)
    spec = image_input(grouping.of_one(inputs, together))
    return spec, grouping.of_one(outputs, together), together
