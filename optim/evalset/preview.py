"""What a model would see of images and answer to them, before any setting is believed.

A few images go through the preprocessing and the original, so that a wrong scale, order of
channels or crop is seen at once. What is wrong with the set itself is said before.
"""

import base64
import io
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.arrays import Array
from optim.evalset import images, npz
from optim.evalset.casting import numpy_dtype
from optim.evalset.classes import mapping, some_of_each
from optim.evalset.preprocessing import Preprocessing, of_one_image
from optim.metrics.base import Metric, find_metric
from optim.metrics.choosing import choose_output
from optim.metrics.support.outputs import answer_of
from optim.model import Model, TensorSpec
from optim.runtimes.base import BASELINE_RUNTIME, all_runtimes
from optim.settings import settings

_LEAST_SIDE = 96  # pixels; small inputs are shown enlarged, each pixel a square
_FOLDERS_TRIED = 64  # before anything is asked: the first image of each
_SCORED, _SCORED_SECONDS = 64, 5.0


class Surveyed(BaseModel):
    """What is in a zip of images, where it fits the model."""

    model_config = ConfigDict(frozen=True)

    images: int
    classes: tuple[str, ...]
    left_out: int
    mapping: str


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
    """Pictures, and how the original scores on some images; `said` is empty where it cannot."""

    model_config = ConfigDict(frozen=True)

    seen: tuple[Seen, ...]
    said: str = ""
    doubt: str = ""


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
    images.check_others(specs, spec, model)
    with images.opened(path) as archive:
        members, left_out = images.members_within(archive, spec, max_mb)
        members = images.of_one_split(members, [])
        for _, first in images.one_per_folder(archive)[:_FOLDERS_TRIED]:
            images.check(archive, first)
    names, labels, _ = images.labelled(members, results)
    found = Surveyed(
        images=len(members),
        classes=tuple(names[number] for number in np.unique(labels)),
        left_out=left_out,
        mapping=mapping(names, labels),
    )
    return found.model_dump()


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
    with images.opened(path) as archive:
        members = images.of_one_split(images.members_of(archive)[0], [])
        names, labels, metric = images.labelled(members, results)
        first = images.one_per_folder(archive)[:count]
        shown = [images.decoded(archive, member, recipe, spec)[0] for _, member in first]
        some = some_of_each(labels, _SCORED)
        arrays = (images.decoded(archive, members[i], recipe, spec)[0] for i in some)
        output = choose_output(find_metric(metric), results, 1)
        answers = Answers(Path(model), specs, spec, output, together)
        seen = [
            Seen(folder=folder, png=_png(array, recipe, spec), answer=answers.named(array, names))
            for (folder, _), array in zip(first, shown, strict=True)
        ]
        said, doubt = answers.scored(find_metric(metric), arrays, labels[some], len(names))
    return Preview(seen=tuple(seen), said=said, doubt=doubt).model_dump()


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

    def of(self, array: Array) -> Array:
        """The output that is judged."""
        run = array.repeat(self._together, axis=0)
        answer = self._session.run({**self._rest, self._input: run})[self._output]
        return answer if self._together == 1 else answer[:1]

    def named(self, array: Array, names: Sequence[str]) -> str:
        """The class that the original answers; empty where its answer is none."""
        answer = self.of(array)
        number = answer_of(answer)
        classes = answer.size > 1 or answer.dtype.kind in "iu"
        return names[number] if classes and 0 <= number < len(names) else ""

    def scored(
        self, metric: Metric, arrays: Iterator[Array], labels: Array, classes: int
    ) -> tuple[str, str]:
        """The score on as many images as a few seconds allow, and what is doubtful about it."""
        begun, rows = time.monotonic(), []
        for array, label in zip(arrays, labels, strict=True):
            rows.append(metric.row(self.of(array), label))
            if time.monotonic() - begun > _SCORED_SECONDS:
                break
        kept = np.asarray(rows, dtype=np.float64)
        kept = metric.decided(kept, kept)
        value = float(metric.aggregate(kept, np.ones((1, len(kept))))[0])
        text = f"{metric.title} of the original: {metric.show(value)} on {len(kept)} images"
        return text, metric.doubt(value, classes)


def _png(array: Array, recipe: Preprocessing, spec: TensorSpec) -> str:
    """The input array as a picture, its scaling undone."""
    pixels = recipe.undone(array, spec)
    picture = Image.fromarray(np.squeeze(pixels))
    larger = max(1, -(-_LEAST_SIDE // min(picture.size)))
    shown = picture.resize(
        (picture.width * larger, picture.height * larger), Image.Resampling.NEAREST
    )
    data = io.BytesIO()
    shown.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()
