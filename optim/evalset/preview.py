"""What a model would see of images: a few of them through the preprocessing and back again."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.arrays import Array
from optim.evalset import images, npz
from optim.evalset.images import Preprocessing
from optim.model import Model, TensorSpec

_LEAST_SIDE = 96  # pixels; small inputs are shown enlarged, each pixel a square


class Seen(BaseModel):
    """One image as the model gets it, and its folder. `png` is the picture's bytes in base64."""

    model_config = ConfigDict(frozen=True)

    folder: str
    png: str

    @property
    def data(self) -> bytes:
        """The PNG file."""
        return base64.b64decode(self.png)


def previews(
    path: Path, model: Model, preprocessing: Preprocessing, count: int = 6
) -> tuple[Seen, ...]:
    """The first image of each of the first `count` folders. Raises InputError as loading does."""
    argument = {
        "path": str(path.resolve()),
        "inputs": [spec.model_dump() for spec in model.inputs],
        "preprocessing": preprocessing.model_dump(mode="json"),
        "count": count,
    }
    given = sandbox.Files(readable=(path.resolve(),))
    found = sandbox.call(preview, argument, where="EvalSet", files=given)
    return tuple(Seen.model_validate(item) for item in found)


def preview(
    path: str, inputs: list[dict[str, Any]], preprocessing: dict[str, Any], count: int
) -> list[dict[str, Any]]:
    """Child: see `previews`."""
    spec = images.image_input(npz.as_specs(inputs))
    recipe = Preprocessing.model_validate(preprocessing)
    recipe.size(spec)
    shown = []
    with images.opened(path) as archive:
        for folder, member in images.one_per_folder(archive)[:count]:
            array, _ = images.decoded(archive, member, recipe, spec)
            shown.append(Seen(folder=folder, png=_png(array, recipe, spec)).model_dump())
    return shown


def _png(array: Array, recipe: Preprocessing, spec: TensorSpec) -> str:
    """The input array as a picture, its scaling undone."""
    pixels = recipe.undone(array, spec)
    picture = Image.fromarray(np.squeeze(pixels))
    larger = max(1, -(-_LEAST_SIDE // min(picture.size)))
    shown = picture.resize(
        (picture.width * larger, picture.height * larger), Image.Resampling.NEAREST
    )
    data = io.BytesIO()
    shown.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()
