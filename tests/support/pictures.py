"""Zips of small pictures and a model that answers the class of each pixel."""

import io
import zipfile

import numpy as np
from onnx import TensorProto, helper
from PIL import Image

from support import evalset_models as models

FLOAT = TensorProto.FLOAT


def png(pixels, mode=None, form="PNG"):
    data, image = io.BytesIO(), Image.fromarray(np.asarray(pixels, np.uint8))
    if mode == "P":
        image.putpalette([value for i in range(256) for value in (i * 50 % 256, i, 255 - i)])
    image.save(data, form)
    return data.getvalue()


def zipped(folder, members):
    path = folder / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def segmenter(folder, size=16):
    """image[1, 3, 16, 16] -> scores[1, 3, 16, 16]: the class of a pixel is its brightest colour."""
    nodes = [helper.make_node("Identity", ["image"], ["scores"])]
    form = [1, 3, size, size]
    return models.keep(folder, nodes, [("image", FLOAT, form)], [("scores", FLOAT, form)], {})


def scene(seed, size=(16, 16)):
    """A picture in three colours and the class of each pixel."""
    classes = np.random.default_rng(seed).integers(0, 3, (size[1] // 8, size[0] // 8))
    classes = classes.repeat(8, 0).repeat(8, 1)
    return np.eye(3)[classes] * 255, classes


def whole(evalset):
    labels = [evalset.labels(split) for split in ("calibration", "validation")]
    return np.concatenate(labels)
