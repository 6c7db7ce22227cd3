"""A zip of images in folders, each named by its class. Runs in a child."""

import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from optim.arrays import Array
from optim.errors import InputError
from optim.evalset import stored
from optim.evalset.annotated import HOW, one_split
from optim.evalset.answers import Judged
from optim.evalset.classes import by_name, mapping
from optim.evalset.naming import split_of
from optim.evalset.placing import Placing
from optim.evalset.zipped import SUFFIXES, files_in, is_image, path_of
from optim.metrics.choosing import check_labels, infer_metric
from optim.metrics.support.outputs import is_class_like, size_of
from optim.model import TensorSpec
from optim.names import legible


class ClassFolders:
    """Images whose folders are classes."""

    def __init__(self, archive: zipfile.ZipFile, outputs: Sequence[TensorSpec]) -> None:
        """Raises InputError for a zip without such, or one of other classes than the model's."""
        members, self.left_out = members_of(archive)
        self.pictures, self.notes = one_split(members, lambda path: split_of(path.parts[:-2]))
        self.classes, self.labels, self._metric = labelled(self.pictures, outputs)
        self.said = mapping(self.classes, self.labels)
        self.where = "in a class folder"

    def answers(
        self,
        archive: zipfile.ZipFile,
        placings: Sequence[Placing],
        outputs: Sequence[TensorSpec],
        places: Sequence[int],
    ) -> Judged:
        """The labels of the images at these places."""
        return Judged("", self.labels[[*places]], self._metric, self.classes, ())


def members_of(archive: zipfile.ZipFile) -> tuple[list[zipfile.ZipInfo], int]:
    """The members that are images in a class folder, and how many others there are."""
    files = files_in(archive)
    chosen = [one for one in files if is_image(path_of(one)) and len(path_of(one).parts) > 1]
    if not chosen:
        raise _no_folders([*map(path_of, files)])
    return chosen, len(files) - len(chosen)


def _no_folders(files: Sequence[PurePosixPath]) -> InputError:
    """What to say of a zip without images in folders, by what is in it instead."""
    if files and all(path.suffix == ".npy" for path in files):
        return stored.fail(
            "The zip holds arrays (.npy) and no images.", "Call it .npz instead of .zip."
        )
    loose = sum(path.suffix.lower() in SUFFIXES for path in files)
    beside = f", and {loose} outside of any" if loose else ""
    table = next((path.name for path in files if path.suffix.lower() in (".csv", ".txt")), "")
    listed = f" Which is which, {legible(table, 60)!r} may say: move them by it." if table else ""
    return stored.fail(
        f"The zip holds no images ({', '.join(SUFFIXES)}) in folders{beside}.",
        f"Put each class's images in a folder named by the class.{listed}",
    )


def labelled(
    members: Sequence[zipfile.ZipInfo], outputs: Sequence[TensorSpec]
) -> tuple[tuple[str, ...], Array, str]:
    """Class names in order, each image's class, and the metric's name. Raises InputError."""
    if not any(is_class_like(spec) or size_of(spec) == 1 for spec in outputs):
        shapes = ", ".join(f"{spec.name}{list(spec.shape)}" for spec in outputs)
        raise stored.fail(
            f"The folders of a zip of images are classes, and the model names none ({shapes}).",
            f"Beside the pictures give what it answers: {HOW}. Or an .npz with the pictures as an "
            "array and masks [samples, height, width] or boxes [samples, most, 5] as `labels`.",
        )
    names, labels = by_name([*map(folder_of, members)], outputs, "class folders")
    metric = infer_metric(labels, outputs)
    return names, check_labels(metric, labels, outputs, 0), metric.name


def folder_of(member: zipfile.ZipInfo) -> str:
    """What its folder is called."""
    return path_of(member).parent.name
