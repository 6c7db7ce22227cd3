"""True boxes of pictures in a zip, as COCO, PASCAL VOC and YOLO write them. Runs in a child."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.evalset.area_files import labelme, listed_names
from optim.evalset.classes import in_order
from optim.evalset.coco_file import MALFORMED, coco_file, odd_coco
from optim.evalset.pairs import beside, texts_of
from optim.evalset.placing import Placing
from optim.evalset.stored import fail
from optim.evalset.zipped import text_of
from optim.metrics.support.boxes import NO_CLASS
from optim.names import legible

BOXES_TO_BRING = (
    "for boxes COCO's JSON, PASCAL VOC's Annotations/NAME.xml, labelme's NAME.json or YOLO's "
    "labels/NAME.txt beside the pictures"
)
_MOST_DIGITS = 9


@dataclass(frozen=True)
class BoxFiles:
    """Pictures, and of each its boxes [N, 6]: the class, four numbers, and 1 for a crowd's.

    `shares`: centre and size in shares of the picture; else two corners in its pixels. `names`
    are those of the classes, by their number.
    """

    form: str
    pictures: Sequence[zipfile.ZipInfo]
    rows: Sequence[Array]
    names: Sequence[str] = ()
    shares: bool = False

    def labels(self, rows: Sequence[Array], placings: Sequence[Placing]) -> tuple[Array, int]:
        """Such rows of pictures as labels [samples, most, 6] in pixels of the input, and how many
        boxes it does not show."""
        placed = [self._placed(one, placing) for one, placing in zip(rows, placings, strict=True)]
        labels = np.full((len(placed), max(1, *map(len, placed)), 6), 0.0)
        labels[..., 0] = NO_CLASS
        for label, boxes in zip(labels, placed, strict=True):
            label[: len(boxes)] = boxes
        return labels, sum(map(len, rows)) - sum(map(len, placed))

    def _placed(self, rows: Array, placing: Placing) -> Array:
        boxes = rows[:, 1:5]
        if self.shares:
            centre, half = boxes[:, :2], boxes[:, 2:] / 2
            boxes = np.hstack([centre - half, centre + half]) * np.tile(placing.original, 2)
        corners = placing.of_corners(boxes)
        there = (corners[:, 2:] > corners[:, :2]).all(axis=1)
        return np.column_stack([rows[:, 0], corners, rows[:, 5]])[there]


def box_files(
    archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo], classes: int
) -> BoxFiles | None:
    """The pictures that the zip says boxes of; None where it says none. Raises InputError.

    Args:
        classes: how many the model scores; 0: not known.
    """
    return (
        _coco(archive, files, classes)
        or _voc(archive, files)
        or _labelme(archive, files)
        or _yolo(archive, files)
    )


def _labelme(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> BoxFiles | None:
    found = labelme(archive, files)
    if not found:
        return None
    place = {name: number for number, name in enumerate(found.names)}
    said = [[(place[one.name], *one.around(), 0) for one in areas] for areas in found.areas]
    rows = [_six(np.array(boxes, np.float64)) for boxes in said]
    return BoxFiles("labelme", found.pictures, rows, [*found.names.values()])


def _yolo(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> BoxFiles | None:
    pairs = texts_of(files, ".txt")
    if not pairs:
        return None
    none = beside(files, pairs)  # a picture without a file has no boxes
    rows = [_yolo_rows(text_of(archive, text), text.filename) for _, text in pairs]
    rows += [np.empty((0, 6))] * len(none)
    names = listed_names(archive, files)
    return BoxFiles("YOLO", [one for one, _ in pairs] + none, rows, names, shares=True)


def _yolo_rows(text: str, name: str) -> Array:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for number, fields in enumerate(lines, 1):
        if len(fields) != 5 or not fields[0].isdecimal() or len(fields[0]) > _MOST_DIGITS:
            raise _odd(name, f"line {number} is {legible(' '.join(fields), 60)!r}", "YOLO")
    rows = _numbers(lines, name, "YOLO")
    return np.column_stack([rows, np.zeros(len(rows))]) if len(rows) else np.empty((0, 6))


def _voc(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> BoxFiles | None:
    pairs = texts_of(files, ".xml")
    if not pairs:
        return None
    said = [_objects(text_of(archive, text), text.filename) for _, text in pairs]
    names = in_order(name for objects in said for name, *_ in objects)
    rows = [
        _numbers([(names.index(name), *box) for name, *box in objects], text.filename, "VOC")
        for objects, (_, text) in zip(said, pairs, strict=True)
    ]
    return BoxFiles("PASCAL VOC", [one for one, _ in pairs], [_six(r) for r in rows], names)


def _objects(text: str, name: str) -> list[tuple[str, ...]]:
    """Name, corners and 1 for a difficult one, which does not count, of each object.

    Entities, which can grow without end, are not read.
    """
    if "<!" in text.replace("<!--", ""):
        raise _odd(name, "it declares a document type", "VOC")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError):
        raise _odd(name, "it is no XML", "VOC") from None
    corners = ("xmin", "ymin", "xmax", "ymax")
    return [
        (
            (found.findtext("name") or "").strip(),
            *(found.findtext(f"bndbox/{corner}") or "" for corner in corners),
            found.findtext("difficult") or "0",
        )
        for found in root.iter("object")
    ]


def _coco(
    archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo], classes: int
) -> BoxFiles | None:
    found = coco_file(archive, files)
    if not found:
        return None
    numbers, names = _numbering(found.categories, classes)
    try:
        said = [[_of_coco(one, numbers) for one in boxes] for boxes in found.said]
    except MALFORMED as error:
        raise odd_coco(
            found.name, f"a box is not as COCO writes it ({type(error).__name__})"
        ) from None
    rows = [_six(_numbers(boxes, found.name, "COCO")) for boxes in said]
    return BoxFiles("COCO", found.pictures, rows, names)


def _of_coco(one: Mapping[str, Any], numbers: Mapping[int, int]) -> tuple[Any, ...]:
    x, y, width, height = one["bbox"]
    number = numbers.get(one["category_id"], one["category_id"])
    return number, x, y, x + width, y + height, int(bool(one.get("iscrowd")))


def _numbering(known: Mapping[int, str], classes: int) -> tuple[dict[int, int], list[str]]:
    """The class of each category: its place, where the model has as many; else its own number."""
    ids = sorted(known)
    if classes == len(ids) or ids == [*range(len(ids))]:
        return {number: place for place, number in enumerate(ids)}, [known[n] for n in ids]
    return {number: number for number in ids}, []


def _six(rows: Array) -> Array:
    return rows.reshape(-1, 6)


def _numbers(rows: Sequence[Sequence[Any]], name: str, form: str) -> Array:
    """The rows as float64. Raises InputError for what is no finite number."""
    try:
        numbers = np.array([[float(field) for field in row] for row in rows], np.float64)
    except (ValueError, OverflowError, TypeError):
        raise _odd(name, "a box has what is no number", form) from None
    if not np.isfinite(numbers).all():
        raise _odd(name, "a box has what is no finite number", form)
    return numbers


def _odd(name: str, what: str, form: str) -> InputError:
    forms = {
        "YOLO": "A line has five numbers: the class, and centre and size in shares of the picture.",
        "VOC": "An <object> has a <name> and a <bndbox> with xmin, ymin, xmax and ymax.",
        "COCO": "A bbox is x, y, width and height in pixels.",
    }
    return fail(f"{legible(name)!r} cannot be read as boxes: {what}.", forms[form])
