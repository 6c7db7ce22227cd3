"""What a model would see of images and answer to them, before any setting is believed.

A few images go through the preprocessing and the original, so that a wrong scale, order of
channels or crop is seen at once. What is wrong with the set itself is said before.
"""

import base64
import io
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.arrays import Array
from optim.evalset import grouping, npz
from optim.evalset.casting import numpy_dtype
from optim.evalset.classes import in_order, some_of_each
from optim.evalset.folders import ClassFolders, folder_of
from optim.evalset.images import Brought, answers_of, brought_in, check_others
from optim.evalset.marking import colour_of, with_boxes, with_mask
from optim.evalset.preprocessing import Preprocessing, of_one_image
from optim.evalset.zipped import check, decoded, opened, path_of
from optim.metrics.base import Metric, find_metric
from optim.metrics.choosing import choose_output, size_of_label
from optim.metrics.support.outputs import answer_of
from optim.metrics.support.pixels import VOID, are_masks
from optim.model import Model, TensorSpec
from optim.names import legible
from optim.runtimes.base import BASELINE_RUNTIME, all_runtimes
from optim.settings import settings

_LEAST_SIDE = 96  # pixels; small inputs are shown enlarged, each pixel a square
_FOLDERS_TRIED = 64  # before anything is asked: the first image of each
_LISTED = 30  # classes in a legend
_SCORED, _SCORED_SECONDS = 64, 5.0


class Surveyed(BaseModel):
    """What is in a zip of images, where it fits the model.

    `where` follows a count of them: "in 3 folders".
    """

    model_config = ConfigDict(frozen=True)

    images: int
    where: str
    left_out: int
    said: str


class Seen(BaseModel):
    """One image as the model gets it, its folder, and the class that the original answers.

    `png` is the picture's bytes in base64; `answer` is empty where answers are no classes.
    """

    model_config = ConfigDict(frozen=True)

    folder: str
    png: str
    answer: str = ""

    @property
    def data(self) -> bytes:
        """The PNG file."""
        return base64.b64decode(self.png)


class Preview(BaseModel):
    """Pictures, and how the original scores on some images; `said` is empty where it cannot.

    Masks and boxes are drawn in; `legend` has the name and the colour (#rrggbb) of each class.
    """

    model_config = ConfigDict(frozen=True)

    seen: tuple[Seen, ...]
    said: str = ""
    doubt: str = ""
    legend: tuple[tuple[str, str], ...] = ()


def surveyed(path: Path, model: Model) -> Surveyed:
    """Whether a zip of images fits a model, whatever the settings. Raises InputError if not."""
    argument = {
        "path": str(path.resolve()),
        **_specs(model),
        "max_mb": settings().max_evalset_mb,
        "model": str(model.path),
    }
    given = sandbox.Files(readable=(path.resolve(), model.folder))
    return Surveyed.model_validate(sandbox.call(survey, argument, where="EvalSet", files=given))


def previews(path: Path, model: Model, preprocessing: Preprocessing, count: int = 6) -> Preview:
    """The first image of each of the first `count` folders, and a score on up to 64 images.

    Raises InputError as loading does.
    """
    argument = {
        "path": str(path.resolve()),
        **_specs(model),
        "preprocessing": preprocessing.model_dump(mode="json"),
        "count": count,
        "model": str(model.path),
    }
    given = sandbox.Files(readable=(path.resolve(), model.folder))
    return Preview.model_validate(sandbox.call(preview, argument, where="EvalSet", files=given))


def _specs(model: Model) -> dict[str, Any]:
    return {
        "inputs": [spec.model_dump() for spec in model.inputs],
        "outputs": [spec.model_dump() for spec in model.outputs],
    }


def survey(
    path: str,
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    max_mb: int,
    model: str = "",
) -> dict[str, Any]:
    """Child: see `surveyed`."""
    specs = npz.as_specs(inputs)
    spec, results, _ = of_one_image(specs, npz.as_specs(outputs))
    check_others(specs, spec, model)
    with opened(path) as archive:
        brought = brought_in(archive, spec, results, max_mb)
        for _, first in _first(brought, _FOLDERS_TRIED):
            check(archive, first)
    where = brought.where
    if isinstance(brought, ClassFolders):
        where = f"in {len(np.unique(brought.labels))} folders"
    found = Surveyed(
        images=len(brought.pictures), where=where, left_out=brought.left_out, said=brought.said
    )
    return found.model_dump()


def _first(brought: Brought, count: int) -> list[tuple[str, zipfile.ZipInfo]]:
    """The first image of each of so many folders of classes, or the first ones; each by its name
    there."""
    if not isinstance(brought, ClassFolders):
        return [(legible(path_of(one).name, 40), one) for one in brought.pictures[:count]]
    found: dict[str, zipfile.ZipInfo] = {}
    for one in brought.pictures:
        found.setdefault(folder_of(one), one)
    return [(name, found[name]) for name in in_order(found)][:count]


def preview(
    path: str,
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    preprocessing: dict[str, Any],
    count: int,
    model: str,
) -> dict[str, Any]:
    """Child: see `previews`."""
    specs = npz.as_specs(inputs)
    spec, results, together = of_one_image(specs, npz.as_specs(outputs))
    recipe = Preprocessing.model_validate(preprocessing)
    recipe.size(spec)
    with opened(path) as archive:
        brought = brought_in(archive, spec, results, settings().max_evalset_mb)
        first = _first(brought, count)
        shown = [decoded(archive, member, recipe, spec)[0] for _, member in first]
        some = _some(brought)
        answer = answers_of(archive, brought, recipe, spec, results, some)
        arrays = (decoded(archive, brought.pictures[i], recipe, spec)[0] for i in some)
        metric, labels = find_metric(answer.metric), np.asarray(answer.labels)
        output = choose_output(metric, results, size_of_label(labels))
        answers = Answers(Path(model), specs, spec, output, together)
        names = brought.classes if isinstance(brought, ClassFolders) else ()
        pictures = [_picture(array, recipe, spec) for array in shown]
        if not isinstance(brought, ClassFolders):
            pictures = _marked(pictures, labels, answer.classes, recipe.size(spec))
        seen = [
            Seen(folder=folder, png=_png(picture), answer=answers.named(array, names))
            for (folder, _), picture, array in zip(first, pictures, shown, strict=True)
        ]
        said, doubt = answers.scored(metric, arrays, labels, len(names))
    legend = [] if isinstance(brought, ClassFolders) else _legend(labels, answer.classes)
    return Preview(seen=tuple(seen), said=said, doubt=doubt, legend=legend).model_dump()


def _some(brought: Brought) -> list[int]:
    """Places of the images that are scored: of each class some."""
    if isinstance(brought, ClassFolders):
        return some_of_each(brought.labels, _SCORED)
    return [*range(min(_SCORED, len(brought.pictures)))]


class Answers:
    """What the original answers to images."""

    def __init__(
        self,
        path: Path,
        inputs: Sequence[TensorSpec],
        spec: TensorSpec,
        output: TensorSpec,
        together: int,
    ) -> None:
        others = (one for one in inputs if one.name != spec.name)  # that nothing reads
        self._rest = {one.name: np.zeros(one.shape, numpy_dtype(one)) for one in others}
        self._session = all_runtimes()[BASELINE_RUNTIME]().open(path)
        self._input, self._output, self._together = spec.name, output.name, together

    def of(self, array: Array) -> dict[str, Array]:
        """The outputs for one image."""
        run = array.repeat(self._together, axis=0)
        answers = self._session.run({**self._rest, self._input: run})
        return dict(grouping.each(answers, self._together)[0])

    def named(self, array: Array, names: Sequence[str]) -> str:
        """Of such classes the one that the original answers; empty where its answer is none."""
        if not names:
            return ""
        answer = self.of(array)[self._output]
        number = answer_of(answer)
        classes = answer.size > 1 or answer.dtype.kind in "iu"
        return names[number] if classes and 0 <= number < len(names) else ""

    def scored(
        self, metric: Metric, arrays: Iterator[Array], labels: Array, classes: int
    ) -> tuple[str, str]:
        """The score on as many images as a few seconds allow, and what is doubtful about it."""
        begun, rows = time.monotonic(), []
        for array, label in zip(arrays, labels, strict=True):
            rows.append(metric.row(metric.read(self._output, self.of(array)), label))
            if time.monotonic() - begun > _SCORED_SECONDS:
                break
        kept = np.asarray(rows, dtype=np.float64)
        kept = metric.decided(kept, kept)
        value = float(metric.aggregate(kept, np.ones((1, len(kept))))[0])
        text = f"{metric.title} of the original: {metric.show(value)} on {len(kept)} images"
        return text, metric.doubt(value, classes)


def _marked(
    pictures: Sequence[Image.Image], labels: Array, names: tuple[str, ...], size: tuple[int, int]
) -> list[Image.Image]:
    """Pictures with what their labels say: the class of each pixel, or boxes in an input of this
    height and width."""
    pairs = zip(pictures, labels, strict=False)
    if are_masks(labels):
        return [with_mask(picture, mask) for picture, mask in pairs]
    return [with_boxes(picture, rows, size[::-1], names) for picture, rows in pairs]


def _legend(labels: Array, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """The classes that occur, the first of masks left out, which is not coloured."""
    numbers = np.unique(labels if are_masks(labels) else labels[..., 0]).astype(int).tolist()
    first = 1 if are_masks(labels) else 0
    kept = [number for number in numbers if number >= first and number != VOID][:_LISTED]
    told = [names[number] if number < len(names) else str(number) for number in kept]
    return [
        (name, "#{:02x}{:02x}{:02x}".format(*colour_of(number)))
        for name, number in zip(told, kept, strict=True)
    ]


def _picture(array: Array, recipe: Preprocessing, spec: TensorSpec) -> Image.Image:
    """The input array as a picture, its scaling undone."""
    pixels = recipe.undone(array, spec)
    picture = Image.fromarray(np.squeeze(pixels))
    larger = max(1, -(-_LEAST_SIDE // min(picture.size)))
    size = picture.width * larger, picture.height * larger
    return picture.resize(size, Image.Resampling.NEAREST)


def _png(picture: Image.Image) -> str:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()
