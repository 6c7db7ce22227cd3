"""Sound zips of pictures with masks and boxes in every form, and the models that they are for."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SEGMENTER, DETECTOR = "segmenter.onnx", "detector.onnx"
_SIDE, _PICTURES = 16, 4
_CORNERS = [4, 4, 4, 12, 12, 12, 12, 4]
_VOC = (
    "<annotation><filename>{}.png</filename><object><name>cat</name><bndbox><xmin>4</xmin>"
    "<ymin>4</ymin><xmax>12</xmax><ymax>12</ymax></bndbox></object></annotation>"
)


def write(folder: Path) -> None:
    """Both models, and one zip for each of `ZIPS`."""
    onnx.save(_segmenter(), folder / SEGMENTER)
    onnx.save(_detector(), folder / DETECTOR)
    pictures = {f"images/{i}.png": _png(_noise(i)) for i in range(_PICTURES)}
    for name, (_, members) in ZIPS.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for path, data in (pictures | members).items():
                archive.writestr(path, data)


def _noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (_SIDE, _SIDE, 3), dtype=np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "png")
    return made.getvalue()


def _coco() -> str:
    whole = {"size": [_SIDE, _SIDE], "counts": [68, 8, 8, 8, 164]}
    annotations = [
        {
            "id": at,
            "image_id": at,
            "category_id": 1 + at % 2,
            "bbox": [4, 4, 8, 8],
            "segmentation": whole if at == 0 else [_CORNERS],
            "iscrowd": 0,
        }
        for at in range(_PICTURES)
    ]
    images = [
        {"id": i, "file_name": f"{i}.png", "width": _SIDE, "height": _SIDE}
        for i in range(_PICTURES)
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


def _labelme() -> str:
    points = np.reshape(_CORNERS, (-1, 2)).tolist()
    return json.dumps({"shapes": [{"label": "cat", "points": points, "shape_type": "polygon"}]})


def _coloured() -> dict[str, str | bytes]:
    drawn = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    drawn[4:12, 4:12] = (9, 9, 200)
    masks: dict[str, str | bytes] = {f"masks/{i}.png": _png(drawn) for i in range(_PICTURES)}
    return masks | {"class_dict.csv": "name,r,g,b\nsky,0,0,0\nroad,9,9,200\nvoid,1,2,3\n"}


def _each(path: str, said: str) -> dict[str, str | bytes]:
    return {path.format(i): said.replace("{}", str(i)) for i in range(_PICTURES)}


ZIPS: dict[str, tuple[str, dict[str, str | bytes]]] = {
    "coco_polygons.zip": (SEGMENTER, {"annotations.json": _coco()}),
    "labelme_polygons.zip": (
        SEGMENTER,
        _each("images/{}.json", _labelme()) | {"labels.txt": "_background_\ncat\ndog\n"},
    ),
    "colour_masks.zip": (SEGMENTER, _coloured()),
    "coco_boxes.zip": (DETECTOR, {"annotations.json": _coco()}),
    "voc_boxes.zip": (DETECTOR, _each("Annotations/{}.xml", _VOC)),
    "yolo_boxes.zip": (
        DETECTOR,
        _each("labels/{}.txt", "0 .5 .5 .5 .5\n") | {"classes.txt": "cat\ndog\n"},
    ),
}
"""The name of a zip -> the model that it is for, and its members beside the pictures."""


def _model(
    nodes: list[onnx.NodeProto], made: list[onnx.ValueInfoProto], **stored: np.ndarray
) -> onnx.ModelProto:
    form = [1, 3, _SIDE, _SIDE]
    given = [helper.make_tensor_value_info("image", TensorProto.FLOAT, form)]
    tensors = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph(nodes, "sound", given, made, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _segmenter() -> onnx.ModelProto:
    """The class of a pixel is its brightest colour."""
    form = [1, 3, _SIDE, _SIDE]
    made = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, form)]
    return _model([helper.make_node("Identity", ["image"], ["scores"])], made)


def _detector() -> onnx.ModelProto:
    """One box with the class 1, and one that nothing scores."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["m"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["m", "m"], ["z"]),
        helper.make_node("Add", ["b", "z"], ["boxes"]),
        helper.make_node("Add", ["s", "z"], ["scores"]),
        helper.make_node("Identity", ["c"], ["labels"]),
    ]
    shapes = {"boxes": [2, 4], "scores": [2], "labels": [2]}
    kinds = (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64)
    made = [
        helper.make_tensor_value_info(name, kind, shape)
        for (name, shape), kind in zip(shapes.items(), kinds, strict=True)
    ]
    boxes = np.array([[4, 4, 12, 12], [0, 0, 1, 1]], np.float32)
    scores, classes = np.array([0.9, 0], np.float32), np.array([1, 0])
    return _model(nodes, made, b=boxes, s=scores, c=classes)
