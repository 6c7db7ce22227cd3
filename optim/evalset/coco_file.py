"""COCO's JSON in a zip: pictures, categories, and what is said of each picture. Runs in a child."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from optim.errors import InputError
from optim.evalset.naming import split_to_judge_by
from optim.evalset.pairs import split_in
from optim.evalset.stored import fail
from optim.evalset.zipped import is_hidden, is_image, path_of, text_of
from optim.names import legible


@dataclass(frozen=True)
class CocoFile:
    """One such file: `said` holds the annotations of each of the `pictures`, as they stand there;
    `categories` names them by their own number."""

    name: str
    pictures: Sequence[zipfile.ZipInfo]
    said: Sequence[Sequence[Mapping[str, Any]]]
    categories: Mapping[int, str]


def coco_file(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> CocoFile | None:
    """That of the split to judge by; None without one. Raises InputError."""
    found = {}
    for one in files:
        if path_of(one).suffix.lower() == ".json" and not is_hidden(path_of(one)):
            said = json_of(archive, one)
            if {"images", "annotations"} <= said.keys():
                found[one.filename] = said
    chosen = split_to_judge_by({split_in(PurePosixPath(name)) for name in found})
    used = {n: s for n, s in found.items() if not chosen or split_in(PurePosixPath(n)) == chosen}
    if not used:
        return None
    name, said = next(iter(used.items()))
    try:
        return _read(name, said, files)
    except MALFORMED as error:
        raise odd_coco(name, f"it is not as COCO writes it ({type(error).__name__})") from None


MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading a file raises that is built otherwise."""


def json_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> dict[str, Any]:
    """The names and values of a JSON file; empty for another."""
    try:
        said = json.loads(text_of(archive, member))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def odd_coco(name: str, what: str) -> InputError:
    """What to say of a file that is not as COCO writes it."""
    return fail(
        f"{legible(name)!r} cannot be read: {what}.",
        "It has `images` (id, file_name), `annotations` (image_id, category_id, bbox as x, y, "
        "width, height, and segmentation for masks) and `categories` (id, name).",
    )


def _read(name: str, said: Mapping[str, Any], files: Sequence[zipfile.ZipInfo]) -> CocoFile:
    members = {path_of(one).name: one for one in files if is_image(path_of(one))}
    shown = {one["id"]: PurePosixPath(str(one["file_name"])).name for one in said["images"]}
    there = {number: members[file] for number, file in shown.items() if file in members}
    if not there:
        raise fail(
            f"None of the {len(shown):,} pictures that {legible(name)!r} names is in the zip.",
            "Zip the pictures with it.",
        )
    of_each: dict[Any, list[Mapping[str, Any]]] = {number: [] for number in there}
    for one in said["annotations"]:
        of_each.get(one["image_id"], []).append(one)
    categories = {int(one["id"]): str(one["name"]) for one in said.get("categories", ())}
    return CocoFile(name, [*there.values()], [*of_each.values()], categories)
