"""Which file of a zip is of which picture: by its name, whatever the folders are called.

`images/a.jpg` goes with `masks/a.png`, `labels/a.txt` and `Annotations/a.xml`; `a.jpg` with
`a_mask.png` and `a.txt` beside it.
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from optim.evalset.naming import split_of
from optim.evalset.zipped import is_hidden, is_image, path_of

_PICTURES = ("image", "images", "img", "imgs", "jpegimages", "input", "inputs", "pictures")
_SAID = (
    *("mask", "masks", "label", "labels", "annotation", "annotations", "annots", "annot"),
    *("segmentation", "segmentations", "segmentationclass", "seg", "gt", "groundtruth"),
    *("trimaps", "target", "targets", "boxes", "bboxes"),
)
_BEHIND = re.compile(r"[_.-](?:mask|masks|label|labels|labelids|gt|seg|segmentation|l)$")
_LETTERS = re.compile("[^a-z]")
_WORDS = re.compile("[a-z]+")

Pair = tuple[zipfile.ZipInfo, zipfile.ZipInfo]


def masks_of(files: Sequence[zipfile.ZipInfo]) -> list[Pair]:
    """Each picture that has a mask, and that."""
    images = [member for member in files if is_image(path_of(member))]
    masks = {_key(path_of(one)): one for one in images if _is_said(path_of(one))}
    shown = [one for one in images if not _is_said(path_of(one))]
    return [(one, masks[key]) for one in shown if (key := _key(path_of(one))) in masks]


def texts_of(files: Sequence[zipfile.ZipInfo], suffix: str) -> list[Pair]:
    """Each picture that has a file of this suffix, and that."""
    images = [member for member in files if is_image(path_of(member))]
    there = (one for one in files if path_of(one).suffix.lower() == suffix)
    texts = {_key(path_of(one)): one for one in there if not is_hidden(path_of(one))}
    return [(one, texts[key]) for one in images if (key := _key(path_of(one))) in texts]


def beside(files: Sequence[zipfile.ZipInfo], paired: Sequence[Pair]) -> list[zipfile.ZipInfo]:
    """Pictures without such a file that lie in a folder of those that have one."""
    folders = {path_of(one).parent for one, _ in paired}
    known = {one.filename for one, _ in paired}
    there = [one for one in files if is_image(path_of(one)) and path_of(one).parent in folders]
    return [one for one in there if one.filename not in known]


def split_in(path: PurePosixPath) -> str:
    """The split that a word of its path says, such as `val` of `instances_val2017.json`."""
    return split_of([word for part in path.parts for word in _WORDS.findall(part.lower())])


def _is_said(path: PurePosixPath) -> bool:
    return any(_plain(part) in _SAID for part in path.parts[:-1]) or bool(
        _BEHIND.search(path.stem.lower())
    )


def _key(path: PurePosixPath) -> tuple[str, ...]:
    """What it has in common with its picture: the folders that say no kind, and the name."""
    folders = [part for part in path.parts[:-1] if _plain(part) not in (*_PICTURES, *_SAID)]
    return (*folders, _BEHIND.sub("", path.stem.lower()))


def _plain(folder: str) -> str:
    return _LETTERS.sub("", folder.lower())
