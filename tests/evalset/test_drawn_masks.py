"""Masks as polygons (COCO, labelme, YOLO) and in colours, in a zip of pictures."""

import json

import numpy as np
import pytest
from support.pictures import png, scene, segmenter, whole, zipped

from optim.errors import InputError
from optim.evalset import load_evalset
from optim.evalset.areas import Area, inside, runs_in

pytestmark = pytest.mark.usefixtures("home")
SQUARE = [4, 4, 4, 12, 12, 12, 12, 4]
DRAWN = np.zeros((16, 16), int)
DRAWN[4:12, 4:12] = 1


@pytest.mark.parametrize("corners", [3, 9, 40])
def test_polygons_and_runs_are_as_pycocotools_draws_them(corners):
    from pycocotools import mask

    random = np.random.default_rng(corners)
    turns = np.sort(random.uniform(0, 2 * np.pi, corners))
    reach = random.uniform(10, 28, corners)
    polygon = np.column_stack([30 + reach * np.cos(turns), 35 + reach * np.sin(turns)])
    packed = mask.merge(mask.frPyObjects([polygon.ravel().tolist()], 70, 60))
    theirs = mask.decode(packed).astype(bool)
    ours = inside(polygon, (60, 70))
    assert (ours != theirs).sum() <= 0.05 * theirs.sum()  # theirs moves the edge by half a pixel
    runs = runs_in(packed["counts"].decode())
    assert np.array_equal(Area(1, runs=runs, size=(60, 70)).inside((60, 70)), theirs)


def coco(segmentation, categories, number=1):
    annotation = {"category_id": number, "segmentation": segmentation, "bbox": [4, 4, 8, 8]}
    return {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(3)],
        "annotations": [annotation | {"image_id": i} for i in range(3)],
        "categories": [{"id": n, "name": name} for n, name in categories.items()],
    }


def shape(label, points, kind="polygon"):
    return {"label": label, "points": points, "shape_type": kind}


RUNS = [4 * 16 + 4, *([8, 8] * 7), 8, 4 * 16 + 4]
LABELME = {
    f"{i}.json": json.dumps(
        {"shapes": [shape("cat", [[4, 4], [12, 12]], "rectangle"), shape("x", [[1, 1]], "point")]}
    )
    for i in range(2)
}
YOLO = "0 .25 .25 .25 .75 .75 .75 .75 .25"


@pytest.mark.parametrize(
    ("members", "square", "rest", "said"),
    [
        ({"a.json": json.dumps(coco([SQUARE], {1: "cat", 2: "dog"}))}, 1, 0, "cat = 1, dog = 2;"),
        ({"a.json": json.dumps(coco([SQUARE], {7: "cat", 9: "dog"}, 9))}, 2, 0, "dog = 2;"),
        ({"a.json": json.dumps(coco([SQUARE], {1: "c", 2: "d", 3: "e"}, 3))}, 2, 255, "not count"),
        ({"a.json": json.dumps(coco([SQUARE], {2: "cat"}, 2))}, 2, 0, "cat = 2;"),
        (
            {"a.json": json.dumps(coco({"size": [16, 16], "counts": RUNS}, {1: "a", 2: "b"}))},
            *(1, 0, "a = 1"),
        ),
        (
            LABELME | {"labels.txt": "__ignore__\n_background_\ndog\ncat\n"},
            *(2, 0, "1 shapes|2 shapes without an area"),
        ),
        ({f"{i}.txt": YOLO for i in range(2)} | {"classes.txt": "cat\ndog"}, 1, 0, "cat = 1"),
    ],
)
def test_polygons_become_masks(members, square, rest, said, tmp_path):
    pictures = {f"{i}.png": png(scene(i)[0]) for i in range(3 if "a.json" in members else 2)}
    evalset = load_evalset(zipped(tmp_path, pictures | members), segmenter(tmp_path))
    labels = whole(evalset)
    assert evalset.metric == "miou" and len(labels) == len(pictures)
    wanted = np.where(DRAWN == 1, square, rest)
    assert all(np.array_equal(label, wanted) for label in labels)
    assert any(part in " ".join(evalset.notes) for part in said.split("|"))


def test_where_areas_of_two_classes_overlap_cocos_do_not_count(tmp_path):
    said = coco([SQUARE], {1: "cat", 2: "dog"})
    said["annotations"].append({**said["annotations"][0], "category_id": 2})
    members = {f"{i}.png": png(scene(i)[0]) for i in range(3)} | {"a.json": json.dumps(said)}
    labels = whole(load_evalset(zipped(tmp_path, members), segmenter(tmp_path)))
    clashing = [np.array_equal(label == 255, DRAWN == 1) for label in labels]
    assert sum(clashing) == 1 and labels[labels < 255].max() == 1


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (coco([SQUARE], {5: "a", 6: "b", 7: "c", 8: "d"}, 5), "polygons are of 4 classes"),
        (coco({"size": [9, 9], "counts": [81]}, {1: "a"}), "of another size than its 16 x 16"),
        (coco([[1, 2, 3]], {1: "a"}), "not as COCO writes it"),
        (coco([[1, 2, 3, 4, 5, float("nan")]], {1: "a"}), "not as COCO writes it"),
        (coco({"size": [16, 16], "counts": "~~"}, {1: "a"}), "not as COCO writes it"),
    ],
)
def test_polygons_that_are_none(said, message, tmp_path):
    members = {f"{i}.png": png(scene(i)[0]) for i in range(3)} | {"a.json": json.dumps(said)}
    with pytest.raises(InputError, match=message):
        load_evalset(zipped(tmp_path, members), segmenter(tmp_path))


COLOURS = {
    "class_dict.csv": "name,r,g,b\nsky,0,0,0\nroad,9,9,200\ntree,9,200,9\nvoid,1,2,3\n",
    "label_colors.txt": "0 0 0\tsky\n9 9 200\troad\n9 200 9\ttree\n1 2 3\tVoid\n",
    "labelmap.txt": "# label:color_rgb:parts\nsky:0,0,0::\nroad:9,9,200::\ntree:9,200,9::\n",
}


@pytest.mark.parametrize("listed", COLOURS)
def test_colours_are_classes_as_the_zip_lists_them(listed, tmp_path):
    drawn = np.array([(0, 0, 0), (9, 9, 200), (9, 200, 9)])[DRAWN * 2]
    if "label" not in listed:
        drawn[0, 0] = (1, 2, 3)
    members = {f"images/{i}.png": png(scene(i)[0]) for i in range(2)}
    members |= {f"masks/{i}.png": png(drawn) for i in range(2)} | {listed: COLOURS[listed]}
    evalset = load_evalset(zipped(tmp_path, members), segmenter(tmp_path))
    assert evalset.classes == ("sky", "road", "tree")
    assert "(9, 200, 9) = 2 (tree)" in " ".join(evalset.notes)
    assert (whole(evalset)[0][DRAWN == 1] == 2).all()
    assert (whole(evalset)[0, 0, 0] == 255) == ("label" not in listed)


def test_vocs_palette_is_known(tmp_path):
    drawn = np.array([(0, 0, 0), (128, 0, 0)])[DRAWN]
    drawn[0, 0] = (224, 224, 192)
    members = {f"images/{i}.png": png(scene(i)[0]) for i in range(2)}
    members |= {f"masks/{i}.png": png(drawn) for i in range(2)}
    evalset = load_evalset(zipped(tmp_path, members), segmenter(tmp_path))
    assert "PASCAL VOC's palette" in " ".join(evalset.notes)
    wanted = DRAWN.copy()
    wanted[0, 0] = 255
    assert np.array_equal(whole(evalset)[0], wanted)
