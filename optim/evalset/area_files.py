"""Masks of pictures as polygons in a zip: COCO's, labelme's and YOLO's. Runs in a child."""

import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.evalset.areas import Area, runs_in
from optim.evalset.classes import in_order
from optim.evalset.coco_file import MALFORMED, coco_file, json_of, odd_coco
from optim.evalset.coloured import OF_NO_CLASS
from optim.evalset.pairs import beside, texts_of
from optim.evalset.stored import fail
from optim.evalset.zipped import path_of, text_of
from optim.metrics.support.pixels import VOID
from optim.names import legible

POLYGONS_TO_BRING = "polygons as COCO's JSON, labelme's NAME.json or YOLO's labels/NAME.txt"
LISTS = ("classes.txt", "obj.names", "classes.names", "labels.txt")
"""What a list of the classes' names, a line each, is called."""
_BACKGROUND = re.compile(r"_*background_*$", re.IGNORECASE)
_CIRCLE = np.linspace(0, 2 * np.pi, 64, endpoint=False)


@dataclass(frozen=True)
class AreaFiles:
    """Pictures, and of each its areas; `names` are the classes in their order, by what the areas
    call them. Where areas of two classes overlap, the later one is on top, or with `unsure` the
    place does not count."""

    form: str
    pictures: Sequence[zipfile.ZipInfo]
    areas: Sequence[Sequence[Area]]
    names: Mapping[str | int, str] = field(default_factory=dict)
    unsure: bool = False
    notes: tuple[str, ...] = ()

    def mask(self, areas: Iterable[Area], size: tuple[int, int], numbering: "Numbering") -> Array:
        """The class of each pixel of a picture of this width and height, int32[height, width]."""
        drawn = np.full(size[::-1], numbering.rest, np.int32)
        taken = np.zeros(drawn.shape, bool)
        for area in areas:
            number, where = numbering.of[area.name], area.inside(size)
            clash = where & taken & (drawn != number) & self.unsure
            drawn[where] = number
            drawn[clash] = VOID
            taken |= where
        return drawn


@dataclass(frozen=True)
class Numbering:
    """The class of each name, that of what no area covers, and the names in order if all have
    one."""

    of: Mapping[str | int, int]
    rest: int
    classes: tuple[str, ...]
    said: str


def numbering(names: Mapping[str | int, str], classes: int) -> Numbering:
    """Which class of a model each name is. Raises InputError where that cannot be told.

    What is called background is class 0. Otherwise a model with one class more than names has the
    background first; one with as many has none, and what no area covers does not count.

    Args:
        classes: how many the model scores; 0: not known, as where it answers their numbers.
    """
    void = {key: VOID for key, name in names.items() if OF_NO_CLASS.match(name)}
    rest = {key: name for key, name in names.items() if key not in void}
    ground = [key for key, name in rest.items() if _BACKGROUND.match(name)]
    ordered = [*ground[:1], *(key for key in rest if key not in ground[:1])]
    if ground or len(ordered) == classes:
        of = {key: place for place, key in enumerate(ordered)}
        listed = tuple(rest[key] for key in ordered)
    elif classes in (0, len(ordered) + 1):
        of = {key: place for place, key in enumerate(ordered, 1)}
        listed = ("background", *(rest[key] for key in ordered))
    elif all(isinstance(key, int) and 0 < key < classes for key in ordered):
        return _said({key: int(key) for key in ordered} | void, 0, (), names)
    else:
        raise _cannot_tell(list(rest.values()), classes)
    if classes and len(listed) > classes:
        raise _cannot_tell(list(rest.values()), classes)
    bare = not ground and len(listed) == len(ordered)
    return _said(of | void, VOID if bare else 0, listed if len(listed) == classes else (), names)


def _said(
    of: Mapping[str | int, int], rest: int, classes: tuple[str, ...], names: Mapping[str | int, str]
) -> Numbering:
    listed = ", ".join(f"{legible(names[key], 40)} = {of[key]}" for key in [*of][:20])
    beyond = "does not count" if rest == VOID else f"is {rest}"
    return Numbering(of, rest, classes, f"Classes: {listed}; what no polygon covers {beyond}.")


def _cannot_tell(names: Sequence[str], classes: int) -> InputError:
    return fail(
        f"The polygons are of {len(names)} classes ({', '.join(legible(n, 40) for n in names[:5])}"
        f"{', ...' * (len(names) > 5)}), and the model scores {classes} for each pixel: which is "
        "which is not known.",
        "Name all classes of the model in its order: in COCO's `categories`, or in a file "
        "classes.txt with a name a line.",
    )


def area_files(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> AreaFiles | None:
    """The pictures that the zip says areas of; None where it says none. Raises InputError."""
    return _coco(archive, files) or labelme(archive, files) or _yolo(archive, files)


def _coco(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> AreaFiles | None:
    found = coco_file(archive, files)
    if not found:
        return None
    try:
        areas = [[_of_coco(one) for one in said] for said in found.said]
    except MALFORMED as error:
        what = f"a segmentation is not as COCO writes it ({type(error).__name__})"
        raise odd_coco(found.name, what) from None
    used = {int(area.name) for of_one in areas for area in of_one}
    known = {number: str(number) for number in used} | {**found.categories}
    names: dict[str | int, str] = {number: known[number] for number in sorted(known)}
    return AreaFiles("COCO", found.pictures, areas, names, unsure=True)


def _of_coco(one: Mapping[str, Any]) -> Area:
    said, number = one["segmentation"], int(one["category_id"])
    if isinstance(said, Mapping):
        height, width = said["size"]
        counts = said["counts"]
        runs = runs_in(counts) if isinstance(counts, str) else tuple(int(run) for run in counts)
        return Area(number, runs=runs, size=(int(width), int(height)))
    return Area(number, tuple(_corners(polygon) for polygon in said))


def _corners(numbers: Any) -> Array:
    corners = np.array(numbers, np.float64).reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueError("no polygon")
    return corners


def labelme(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> AreaFiles | None:
    """Pictures with a file of labelme's; None without such. Raises InputError."""
    pairs = [(one, text.filename, json_of(archive, text)) for one, text in texts_of(files, ".json")]
    pairs = [(one, name, said) for one, name, said in pairs if "shapes" in said]
    if not pairs:
        return None
    found: list[list[Area]] = []
    for _, name, said in pairs:
        try:
            found.append([area for shape in said["shapes"] for area in _of_shape(shape)])
        except MALFORMED as error:
            raise fail(
                f"{legible(name)!r} is not as labelme writes it ({type(error).__name__}).",
                "Each of its `shapes` has a label, points and a shape_type such as polygon.",
            ) from None
    kept = sum(map(len, found))
    lost = sum(len(said["shapes"]) for *_, said in pairs) - kept
    names = listed_names(archive, files)
    used = in_order(str(area.name) for of_one in found for area in of_one)
    known: dict[str | int, str] = {name: name for name in (names if {*used} <= {*names} else used)}
    notes = (f"{lost:,} shapes without an area (lines, points) are left out.",) * (lost > 0)
    return AreaFiles("labelme", [one for one, *_ in pairs], found, known, notes=notes)


def _of_shape(shape: Mapping[str, Any]) -> list[Area]:
    points = np.array(shape["points"], np.float64).reshape(-1, 2)
    kind, name = shape.get("shape_type", "polygon"), str(shape["label"])
    if kind == "rectangle":
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    elif kind == "circle":
        centre, edge = points
        around = np.column_stack([np.cos(_CIRCLE), np.sin(_CIRCLE)])
        points = centre + np.hypot(*(edge - centre)) * around
    elif kind != "polygon":
        return []
    return [Area(name, (_corners(points),))]


def listed_names(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The names of the classes, in order, that a file of the zip lists; none without one."""
    named = [one for one in files if path_of(one).name.lower() in LISTS]
    lines = text_of(archive, named[0]).split("\n") if named else []
    return [line.strip() for line in lines if line.strip()]


def _yolo(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> AreaFiles | None:
    pairs = [(one, text) for one, text in texts_of(files, ".txt")]
    if not pairs:
        return None
    areas = [_of_lines(text_of(archive, text), text.filename) for _, text in pairs]
    none = beside(files, pairs)
    listed = listed_names(archive, files)
    most = max((int(area.name) for of_one in areas for area in of_one), default=-1)
    if most >= 1000:
        raise fail(f"A polygon is of the class {most}.", "Number the classes from 0.")
    named = listed if len(listed) > most else [str(number) for number in range(most + 1)]
    pictures = [one for one, _ in pairs] + none
    return AreaFiles("YOLO", pictures, [*areas, *([] for _ in none)], {**dict(enumerate(named))})


def _of_lines(text: str, name: str) -> list[Area]:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    try:
        return [Area(int(f[0]), (_corners(f[1:]),), shares=True) for f in lines]
    except (ValueError, OverflowError):
        raise fail(
            f"{legible(name)!r} cannot be read as polygons.",
            "A line has the number of the class, and x and y of each corner in shares of the "
            "picture.",
        ) from None
