"""EvalSets: inputs, labels if any, a metric; split into calibration and validation, never mixed.

Whatever a user brings is parsed in a child process and stored as a canonical, content-addressed
file (see `stored`). Four sources: an `.npz`, a table as text, a zip of images in folders named by
class, or inputs synthesized from the model's input types.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from optim import sandbox
from optim.errors import InputError
from optim.evalset import grouping, images, npz, stored
from optim.evalset.preprocessing import Preprocessing
from optim.evalset.rejudging import rejudge
from optim.evalset.relabelling import relabel
from optim.evalset.stored import Split
from optim.home import files
from optim.home.scratch import scratch
from optim.metrics.base import find_metric
from optim.metrics.choosing import choose_output, size_of_label
from optim.model import Model, TensorSpec
from optim.settings import settings

__all__ = [
    "EvalSet",
    "Preprocessing",
    "Split",
    "adopt_evalset",
    "evalset_from_digest",
    "judged_by",
    "load_evalset",
    "load_image_folder",
    "relabelled",
    "synthesize",
]

SYNTHESIZE = sandbox.Named("optim.evalset.synthetic:convert")  # it imports onnx
_SUFFIX = ".npz"


class Judged(BaseModel):
    """One more output that has labels, and the metric that it is judged by."""

    model_config = ConfigDict(frozen=True)

    output: str
    metric: str


class EvalSet(BaseModel):
    """What is known of a stored EvalSet. Its arrays are read when asked for.

    Where the model takes several samples in one run, `together` says how many: then counts and
    `feeds` are of runs, `labels` and `texts` of samples.

    `output` is the one that the labels are of (empty: the first that suits the metric); `others`
    are further ones with labels of their own.

    `features` are what the numbers of one sample are called, input by input; empty: not said.

    `split_note` says how many samples each split has and how they were chosen; `notes` are
    sentences on what was done to the data (roundings, preprocessing, synthesis).
    """

    model_config = ConfigDict(frozen=True)

    digest: str
    inputs: tuple[str, ...]
    metric: str
    labelled: bool
    synthetic: bool
    classes: tuple[str, ...]
    calibration_count: int
    validation_count: int
    split_note: str
    described: bool = False
    output: str = ""
    others: tuple[Judged, ...] = ()
    together: int = 1
    features: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def at(cls, digest: str) -> Self:
        """The stored EvalSet of this digest. Raises InputError where there is none."""
        about = stored.about(files.file_path(digest, _SUFFIX))
        try:
            return cls.model_validate({**about, "digest": digest})
        except ValidationError:
            raise InputError(
                f"The EvalSet {digest[:12]} was stored by another version.", "Bring it again."
            ) from None

    @property
    def path(self) -> Path:
        """The stored file."""
        return files.file_path(self.digest, _SUFFIX)

    def feeds(self, split: Split, limit: int | None = None) -> list[dict[str, NDArray[Any]]]:
        """The first `limit` samples of a split's seeded shuffle, each a full set of inputs."""
        columns = [
            stored.read(self.path, f"{split}_{position}", limit)
            for position in range(len(self.inputs))
        ]
        return [
            {name: np.asarray(value) for name, value in zip(self.inputs, row, strict=True)}
            for row in zip(*columns, strict=True)
        ]

    def labels(self, split: Split, limit: int | None = None) -> NDArray[Any] | None:
        """Labels in the order of `feeds`: int64 classes [n] or float64 numbers [n, ...]."""
        return self._of_samples(f"{split}_labels", limit) if self.labelled else None

    def labels_of(self, other: int, split: Split, limit: int | None = None) -> NDArray[Any]:
        """Labels of one of the `others`, by its place there."""
        return self._of_samples(f"{split}_labels_{other}", limit)

    def judged(self, outputs: Sequence[TensorSpec]) -> TensorSpec:
        """Which of a model's outputs for one sample the metric reads. Raises InputError."""
        size = size_of_label(self.labels("validation", 1))
        return choose_output(find_metric(self.metric), outputs, size, self.output)

    def texts(self, split: Split, limit: int | None = None) -> list[str]:
        """What each sample is, for people, in the order of `feeds`; empty where it is not said."""
        found = self._of_samples(f"{split}_texts", limit) if self.described else ()
        return [str(text) for text in found]

    def _of_samples(self, member: str, limit: int | None) -> NDArray[Any]:
        """What belongs to single samples, of the first `limit` runs."""
        return npz.flat(stored.read(self.path, member, limit), self.together)

    def of_one(self, outputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
        """A model's outputs as they are for one sample."""
        return tuple(grouping.of_one(outputs, self.together))

    def each(self, outputs: Mapping[str, NDArray[Any]]) -> list[Mapping[str, NDArray[Any]]]:
        """The outputs of one run, sample by sample."""
        return grouping.each(outputs, self.together)


def evalset_from_digest(digest: str) -> EvalSet:
    """The stored EvalSet of this digest. Raises InputError where there is none."""
    return EvalSet.at(digest)


def adopt_evalset(path: Path, model: Model) -> EvalSet:
    """Store a file that is in the stored form already, after checking it. Raises InputError."""
    argument = {"path": str(path.resolve()), **_specs(model), "max_mb": settings().max_evalset_mb}
    sandbox.call(
        npz.check_stored, argument, where="EvalSet", files=sandbox.Files(readable=(path.resolve(),))
    )
    return EvalSet.at(files.put_file(path, _SUFFIX))


def load_evalset(path: str | Path, model: Model, relabelling: str = "", label: str = "") -> EvalSet:
    """Check and store a user's `.npz` or table (`.csv`, `.tsv`, packed by gzip or not); a zip of
    images gets the preprocessing suggested for it.

    Args:
        relabelling: a change of the labels by its spelling, such as `shift=-1`.
        label: a table's column of labels; empty: found by its name or place.

    Raises: InputError with one sentence on what is wrong.
    """
    source = _existing(path)
    if source.suffix.lower() == ".zip":
        loaded = load_image_folder(source, model, Preprocessing.suggested(model))
        return relabelled(loaded, relabelling) if relabelling else loaded
    argument = {"path": str(source), **_specs(model), "model": str(model.path)}
    argument |= {"relabelling": relabelling, "label": label}
    return _made(npz.convert, argument, model.folder)


def relabelled(evalset: EvalSet, change: str) -> EvalSet:
    """The same samples with their labels changed (`shift=-1`, `order=2|0|1`). Raises InputError."""
    return _written(relabel, {"path": str(evalset.path), "change": change})


def judged_by(evalset: EvalSet, metric: str, model: Model) -> EvalSet:
    """The same samples judged by the metric of this name; as they are where none is named.

    Raises InputError where it fits not.
    """
    if not metric:
        return evalset
    outputs = _specs(model)["outputs"]
    return _written(rejudge, {"path": str(evalset.path), "metric": metric, "outputs": outputs})


def load_image_folder(path: str | Path, model: Model, preprocessing: Preprocessing) -> EvalSet:
    """Check, preprocess and store a zip of folders of images named by class. Raises InputError."""
    argument = {
        "path": str(_existing(path)),
        **_specs(model),
        "preprocessing": preprocessing.model_dump(mode="json"),
        "model": str(model.path),
    }
    return _made(images.convert, argument, model.folder)


def synthesize(model: Model, samples: int = 64) -> EvalSet:
    """Make inputs from the model's input types, seeded. The metric is fidelity to the original."""
    argument = {
        "path": str(model.path),
        "inputs": [spec.model_dump() for spec in model.inputs],
        "samples": samples,
    }
    return _made(SYNTHESIZE, argument)


def _specs(model: Model) -> dict[str, Any]:
    """The model's inputs and outputs as they travel to a child."""
    return {
        "inputs": [spec.model_dump() for spec in model.inputs],
        "outputs": [spec.model_dump() for spec in model.outputs],
    }


def _existing(path: str | Path) -> Path:
    source = Path(path).resolve()
    if not source.is_file():
        raise InputError(f"There is no file {path}.", "Check the path.", "EvalSet")
    return source


def _made(function: sandbox.Function, argument: dict[str, Any], *readable: Path) -> EvalSet:
    """As `_written`, of what strangers brought: no larger than the settings allow."""
    return _written(function, argument | {"max_mb": settings().max_evalset_mb}, *readable)


def _written(function: sandbox.Function, argument: dict[str, Any], *readable: Path) -> EvalSet:
    """What a function makes, in a child, of the file at `path`."""
    with scratch("evalset") as folder:
        out = folder / "evalset.npz"
        given = sandbox.Files(readable=(Path(argument["path"]), *readable), writable=(folder,))
        sandbox.call(function, argument | {"out": str(out)}, where="EvalSet", files=given)
        return _kept(out)


def _kept(made: Path) -> EvalSet:
    """What a child made, stored. Raises StepError where it made none."""
    with sandbox.believed("EvalSet"):
        return EvalSet.at(files.put_file(made, _SUFFIX))
