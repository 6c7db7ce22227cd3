"""A zip of pictures with a mask, or with boxes, of each. Runs in a child."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from optim.evalset import masks
from optim.evalset.answers import Given, Judged, judged
from optim.evalset.area_files import area_files
from optim.evalset.box_files import BOXES_TO_BRING, BoxFiles, box_files
from optim.evalset.coloured import listed_colours
from optim.evalset.naming import split_to_judge_by
from optim.evalset.pairs import masks_of, split_in
from optim.evalset.placing import Placing
from optim.evalset.zipped import files_in, is_image, path_of
from optim.metrics.support import layouts
from optim.metrics.support.pixels import judges_pixels
from optim.model import TensorSpec
from optim.names import legible

HOW = f"{masks.TO_BRING}; {BOXES_TO_BRING}"
"""What a zip may hold beside pictures."""


def one_split(
    members: Sequence[zipfile.ZipInfo], split_of: Callable[[PurePosixPath], str]
) -> tuple[list[zipfile.ZipInfo], list[str]]:
    """Of images in folders of splits (`train/cat/1.png`), those to judge by, and a note on it."""
    splits = [split_of(path_of(member)) for member in members]
    chosen = split_to_judge_by(splits)
    pairs = zip(members, splits, strict=True)
    kept = [member for member, split in pairs if not chosen or split in ("", chosen)]
    if len(kept) == len(members):
        return kept, []
    return kept, [f"Of the splits, {chosen} was taken: {len(kept)} of {len(members)} images."]


class WithMasks:
    """Pictures with masks.

    Args:
        found: the pictures that have one.
        masks_for: their masks, for so many classes as a model scores of each pixel.
    """

    classes: tuple[str, ...] = ()
    where = "with a mask"

    def __init__(
        self,
        files: Sequence[zipfile.ZipInfo],
        found: Sequence[zipfile.ZipInfo],
        masks_for: Callable[[int], masks.Masks],
        form: str = "",
    ) -> None:
        self.pictures, self.notes = one_split(found, split_in)
        self._masks_for = masks_for
        self.said = f"Polygons as {form} writes them." * bool(form)
        images = sum(is_image(path_of(one)) for one in files)
        self.left_out = images - len(found) if form else len(files) - 2 * len(found)

    def answers(
        self,
        archive: zipfile.ZipFile,
        placings: Sequence[Placing],
        outputs: Sequence[TensorSpec],
        places: Sequence[int],
    ) -> Judged:
        """The masks of the pictures at these places. Raises InputError."""
        shown = [self.pictures[place] for place in places]
        plane = masks.plane_judged(outputs, placings[0].size)
        read = self._masks_for(masks.scored(outputs, plane))
        labels, names, notes = read.told(masks.placed(read, shown, placings, plane))
        classes = np.array(names, str) if names else None
        answer = judged(Given(labels=labels, classes=classes), len(labels), outputs)
        return replace(answer, notes=(*notes, *answer.notes))


class WithBoxes:
    """Pictures with boxes."""

    where = "with boxes"

    def __init__(self, files: Sequence[zipfile.ZipInfo], found: BoxFiles) -> None:
        self.pictures, self.notes = one_split(found.pictures, split_in)
        self._rows = dict(zip((one.filename for one in found.pictures), found.rows, strict=True))
        self._found = found
        images = [one for one in files if is_image(path_of(one))]
        self.left_out = len(images) - len(found.pictures)
        self.classes = tuple(found.names)
        named = ", ".join(f"{legible(name, 40)} = {at}" for at, name in enumerate(self.classes))
        self.said = f"Boxes as {found.form} writes them." + f" Classes: {named}." * bool(named)

    def answers(
        self,
        archive: zipfile.ZipFile,
        placings: Sequence[Placing],
        outputs: Sequence[TensorSpec],
        places: Sequence[int],
    ) -> Judged:
        """The boxes of the pictures at these places. Raises InputError."""
        rows = [self._rows[self.pictures[place].filename] for place in places]
        labels, lost = self._found.labels(rows, placings)
        classes = np.array(self.classes, str) if self.classes else None
        answer = judged(Given(labels=labels, classes=classes), len(labels), outputs)
        cut = f"{lost:,} boxes lie where the model's input does not reach; they are left out."
        return replace(answer, notes=(*answer.notes, *[cut] * (lost > 0)))


def annotated(
    archive: zipfile.ZipFile, outputs: Sequence[TensorSpec]
) -> WithMasks | WithBoxes | None:
    """The pictures of a zip that says of each what such outputs answer; None without such."""
    files = files_in(archive)
    layout = layouts.suited(outputs)
    if layouts.heads(layout, outputs):
        found = box_files(archive, files, layouts.class_count(layout, outputs))
        if found:
            return WithBoxes(files, found)
    return _with_masks(archive, files) if judges_pixels(outputs) else None


def _with_masks(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> WithMasks | None:
    if pairs := masks_of(files):
        listed = listed_colours(archive, files)
        pictures = [one for one, _ in pairs]
        return WithMasks(files, pictures, lambda n: masks.FromFiles(archive, pairs, listed, n))
    if areas := area_files(archive, files):
        return WithMasks(files, areas.pictures, lambda n: masks.FromAreas(areas, n), areas.form)
    return None
