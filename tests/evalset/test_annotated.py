"""Zips of pictures with masks or boxes beside them, as people have them."""

import io
import json

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image, ImageColor
from support import evalset_models as models
from support.pictures import png, scene, segmenter, whole, zipped

from optim.errors import InputError
from optim.evalset import Preprocessing, load_evalset, load_image_folder
from optim.evalset.preview import previews, surveyed

pytestmark = pytest.mark.usefixtures("home")
FLOAT = TensorProto.FLOAT


def detector(folder):
    """image[1, 3, 16, 16] -> one box of 4 to 12 with the class 1, and one that nothing scores."""
    weights = {
        "b": np.array([[4, 4, 12, 12], [0, 0, 1, 1]], np.float32),
        "s": np.array([0.9, 0.0], np.float32),
        "c": np.array([1, 0], np.int64),
    }
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["m"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["m", "m"], ["z"]),
        helper.make_node("Add", ["b", "z"], ["boxes"]),
        helper.make_node("Add", ["s", "z"], ["scores"]),
        helper.make_node("Identity", ["c"], ["labels"]),
    ]
    outputs = [("boxes", FLOAT, [2, 4]), ("scores", FLOAT, [2]), ("labels", TensorProto.INT64, [2])]
    return models.keep(folder, nodes, [("image", FLOAT, [1, 3, 16, 16])], outputs, weights)


@pytest.mark.parametrize(
    ("picture", "mask", "mode"),
    [
        ("set/images/{}.png", "set/masks/{}.png", None),
        ("JPEGImages/{}.png", "SegmentationClass/{}.png", "P"),
        ("images/val/{}.png", "annotations/val/{}.png", None),
        ("all/{}.png", "all/{}_mask.png", None),
    ],
)
def test_masks_are_found_by_their_names_and_judged(picture, mask, mode, tmp_path):
    members = {"readme.txt": b"hi"}
    for i in range(4):
        pixels, classes = scene(i)
        members[picture.format(i)] = png(pixels)
        members[mask.format(i)] = png(classes, mode)
    model = segmenter(tmp_path)
    path = zipped(tmp_path, members)
    evalset = load_evalset(path, model)
    assert evalset.metric == "miou" and whole(evalset).shape == (4, 16, 16)
    for split in ("calibration", "validation"):
        for sample, label in zip(evalset.feeds(split), evalset.labels(split), strict=True):
            assert np.array_equal(sample["image"][0].argmax(axis=0), label)
    assert "1 files that are no images with a mask" in " ".join(evalset.notes)
    found = surveyed(path, model)
    assert (found.images, found.where, found.left_out) == (4, "with a mask", 1)
    shown = previews(path, model, Preprocessing.suggested(model))
    assert shown.said.startswith("Mean IoU of the original: 100.00 %") and len(shown.seen) == 4
    assert [name for name, _ in shown.legend] == ["1", "2"]


@pytest.mark.parametrize(("fit", "counted"), [("pad", 128), ("crop", 256), ("stretch", 256)])
def test_a_mask_is_fitted_as_its_picture_and_padding_does_not_count(fit, counted, tmp_path):
    members = {}
    for i in range(2):
        pixels, classes = scene(i, (32, 16))
        members |= {f"images/{i}.png": png(pixels), f"masks/{i}.png": png(classes)}
    model = segmenter(tmp_path)
    recipe = Preprocessing.suggested(model)
    assert recipe.fit == "pad"
    recipe = recipe.model_copy(update={"fit": fit, "filter": "nearest"})
    evalset = load_image_folder(zipped(tmp_path, members), model, recipe)
    assert (whole(evalset) >= 0).sum(axis=(1, 2)).tolist() == [counted] * 2
    for sample, label in zip(
        evalset.feeds("validation"), evalset.labels("validation"), strict=True
    ):
        right = sample["image"][0].argmax(axis=0) == label
        assert right[label >= 0].all()


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (png(np.eye(3)[np.arange(256).reshape(16, 16) % 3] * 255), "in colours"),
        (png(np.zeros((16, 16)), form="JPEG"), "is a JPEG"),
        (png(np.zeros((8, 16))), "has 16 x 8 pixels, its picture 'images/0.png' 16 x 16"),
        (png(np.full((16, 16), 7)), "masks hold 7; the output 'scores' has one class"),
        (b"none", "'masks/0.png' cannot be read"),
    ],
)
def test_masks_that_are_none(mask, said, tmp_path):
    members = {f"images/{i}.png": png(scene(i)[0]) for i in range(2)}
    members |= {f"masks/{i}.png": mask for i in range(2)}
    with pytest.raises(InputError, match=said):
        load_evalset(zipped(tmp_path, members), segmenter(tmp_path))


def test_without_masks_it_is_said_what_to_bring(tmp_path):
    members = {f"street/{i}.png": png(scene(i)[0]) for i in range(2)}
    with pytest.raises(InputError, match=r"masks/NAME\.png.*COCO"):
        load_evalset(zipped(tmp_path, members), segmenter(tmp_path))


def coco(boxes):
    names = [f"{i}.png" for i in range(4)]
    return {
        "images": [{"id": 7 + i, "file_name": name} for i, name in enumerate(names)],
        "annotations": [
            {"image_id": 7 + i, "category_id": 1, "bbox": box, "iscrowd": 0}
            for i, box in enumerate(boxes)
        ],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }


def voc(box):
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in corners)
    first = (
        "<object><name>cat</name><difficult>1</difficult>" + f"<bndbox>{inner}</bndbox></object>"
    )
    return (
        f"<annotation>{first}<object><name>dog</name><bndbox>{inner}</bndbox></object></annotation>"
    )


COCO = {"annotations/instances_val2017.json": json.dumps(coco([(8, 4, 16, 8)] * 4))}
COCO_TRAIN = {"annotations/instances_train2017.json": json.dumps(coco([(0, 0, 1, 1)] * 4))}
VOC = {f"Annotations/{i}.xml": voc((8, 4, 24, 12)) for i in range(4)}
YOLO = {f"labels/{i}.txt": "1 0.5 0.5 0.5 0.5\n" for i in range(3)} | {"classes.txt": "cat\ndog\n"}


@pytest.mark.parametrize(
    ("said", "form", "boxes"),
    [(COCO | COCO_TRAIN, "COCO", 4), (VOC, "PASCAL VOC", 8), (YOLO, "YOLO", 3)],
)
def test_boxes_are_read_and_placed_as_the_picture_is(said, form, boxes, tmp_path):
    """Pictures of 32 by 16 are laid in the middle of 16 by 16, the box with them."""
    members = {f"images/{i}.png": png(np.zeros((16, 32, 3))) for i in range(4)} | said
    path, model = zipped(tmp_path, members), detector(tmp_path)
    evalset = load_evalset(path, model)
    assert evalset.metric.startswith("map") and evalset.classes == ("cat", "dog")
    labels = whole(evalset).reshape(-1, 6)
    labels = labels[labels[:, 0] >= 0]
    assert len(labels) == boxes and (labels[:, 1:5] == (4, 6, 12, 10)).all()
    assert labels[:, 0].sum() == len(labels[labels[:, 0] == 1]) == (boxes if boxes < 8 else 4)
    assert (labels[:, 5] == (labels[:, 0] == 0)).all()  # VOC's difficult ones do not count
    assert f"Boxes as {form} writes them" in " ".join(evalset.notes)
    assert surveyed(path, model).where == "with boxes"
    shown = previews(path, model, Preprocessing.suggested(model))
    assert "Mean AP of the original" in shown.said
    (name, colour) = shown.legend[-1]
    drawn = Image.open(io.BytesIO(shown.seen[0].data))
    assert name == "dog" and drawn.getpixel((24, 40)) == ImageColor.getrgb(colour)


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><annotation>&b;</annotation>'


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"labels/0.txt": "dog 1 2 3 4"}, "line 1 is 'dog 1 2 3 4'"),
        ({"labels/0.txt": "1 nan 2 3 4"}, "no finite number"),
        ({"Annotations/0.xml": BOMB}, "declares a document type"),
        ({"Annotations/0.xml": "<a>" * 50}, "it is no XML"),
        ({"a.json": '{"images": [{"id": []}], "annotations": 3}'}, "not as COCO writes it"),
        ({"a.json": json.dumps(coco([(0, "x", 1, 1)]))}, "what is no number|not as COCO"),
        ({"a.json": '{"images": [], "annotations": []}'}, "None of the 0 pictures"),
    ],
)
def test_boxes_that_are_none_are_one_sentence(said, message, tmp_path):
    members = {f"images/{i}.png": png(np.zeros((16, 32, 3))) for i in range(4)} | said
    with pytest.raises(InputError, match=message):
        load_evalset(zipped(tmp_path, members), detector(tmp_path))
