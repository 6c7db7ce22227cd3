"""Read an `.npz` that a user brought: check everything, believe nothing. Runs in a child."""

import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from optim.arrays import Array, npy_header
from optim.errors import InputError, first_line
from optim.evalset import stored
from optim.evalset.relabelling import Relabelling
from optim.evalset.tryout import check_odd_samples
from optim.metrics.base import Metric, all_metrics, find_metric
from optim.metrics.choosing import as_class_numbers, check_labels, choose_output, infer_metric
from optim.model import TensorSpec

RESERVED = ("labels", "metric", "classes", "calibration")
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)


def fail(what: str, next_step: str) -> InputError:
    """An InputError about the EvalSet."""
    return InputError(what, next_step, "EvalSet")


def convert(
    path: str,
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    max_mb: int,
    out: str,
    model: str = "",
    relabelling: str = "",
) -> None:
    """Child: check the `.npz` at `path` for a model with these inputs and outputs; store at `out`.

    Args:
        model: its ONNX file, to try samples on whose numbers are not finite.
        relabelling: a change of the labels by its spelling.

    Raises InputError: one sentence for what is wrong with it, and what to do.
    """
    specs, results = as_specs(inputs), as_specs(outputs)
    arrays = load(Path(path), max_mb)
    given = _by_input(arrays, specs)
    notes: list[str] = []
    checked = {spec.name: _samples(given[spec.name], spec, notes) for spec in specs}
    count = _count(checked)
    notes += check_odd_samples(Path(model) if model else None, checked)
    extras = _extras(arrays, checked)
    if "labels" in extras and relabelling:
        change = Relabelling.parse(relabelling)
        extras["labels"] = change.applied(extras["labels"])
        notes.append(change.note(_classes(extras.get("classes"))))
    contents = _with_labels(checked, count, extras, results, tuple(notes))
    stored.write(contents, Path(out))


def check_stored(
    path: str, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], max_mb: int
) -> None:
    """Child: check a file in the stored form (`stored`) that comes from elsewhere.

    Raises InputError where it is not one, or not for a model with these inputs and outputs.
    """
    specs, arrays = as_specs(inputs), load(Path(path), max_mb)
    about = stored.about(Path(path))
    if about.get("inputs") != [spec.name for spec in specs]:
        raise fail("Its inputs are not the model's.", "Export the bundle again.")
    for split in ("calibration", "validation"):
        count = int(about.get(f"{split}_count", 0))
        for position, spec in enumerate(specs):
            array = arrays.get(f"{split}_{position}", np.empty(0))
            if array.shape != (count, *spec.shape) or array.dtype != numpy_dtype(spec):
                raise fail(f"Its {split} samples do not fit the model.", "Export the bundle again.")
        if about.get("labelled"):
            labels = _checked_labels(arrays.get(f"{split}_labels", np.empty(0)), count)
            metric = find_metric(str(about.get("metric")))
            check_labels(metric, labels, as_specs(outputs), 0)


def as_specs(items: list[dict[str, Any]]) -> list[TensorSpec]:
    """Tensor descriptions as they travel to a child."""
    return [TensorSpec.model_validate(item) for item in items]


def load(path: Path, max_mb: int) -> dict[str, Array]:
    """All arrays of an `.npz` whose headers promise no more than `max_mb`. Raises InputError."""
    if not zipfile.is_zipfile(path):
        raise fail(
            f"{path.name} is not an .npz file, or it is cut off.",
            'Make one with numpy.savez("evalset.npz", input_name=array, labels=labels).',
        )
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            check_size(sum(member.file_size for member in members), max_mb)
            return {_key(member): _array(archive, member) for member in members}
    except _DAMAGED as error:
        raise fail(
            f"{path.name} is damaged ({first_line(error)}).", "Save it again with numpy.savez."
        ) from None


def check_size(size: int, max_mb: int) -> None:
    """Raise InputError where an archive unpacks to more than the limit."""
    if size > max_mb * 1_000_000:
        raise fail(
            f"It unpacks to {size / 1e6:,.0f} MB; the limit is {max_mb:,} MB.",
            "Use fewer samples or raise OPTIM_MAX_EVALSET_MB.",
        )


def _key(member: zipfile.ZipInfo) -> str:
    if not member.filename.endswith(".npy"):
        raise fail(
            f"It holds {member.filename!r}, which is no array.",
            "Save arrays only, with numpy.savez.",
        )
    return member.filename.removesuffix(".npy")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """Read one array after its header has been checked against the member's size."""
    with archive.open(member) as stream:
        shape, _, dtype = npy_header(stream)
        start = stream.tell()
    if dtype.hasobject:
        raise fail(
            f"The array {_key(member)!r} holds pickled Python objects, which can run code when "
            "they are read; it is refused.",
            'Save plain numbers: check array.dtype, and use array.astype("float32") or stack it.',
        )
    size = dtype.itemsize
    for length in shape:  # Python integers: no overflow
        size *= length
    if start + size != member.file_size:
        raise fail(
            f"The array {_key(member)!r} is damaged: its header says {list(shape)} {dtype}, "
            f"{size:,} bytes, but it holds {member.file_size - start:,}.",
            "Save it again with numpy.savez.",
        )
    with archive.open(member) as stream:
        return np.asarray(npy.read_array(stream, allow_pickle=False))


def _extras(arrays: Mapping[str, Array], inputs: Collection[str]) -> dict[str, Array]:
    """The arrays that are no inputs, by their reserved word."""
    return {word: arrays[key] for word, key in reserved(inputs).items() if key in arrays}


def reserved(inputs: Collection[str]) -> dict[str, str]:
    """Reserved word -> the array's name: `evalset_labels` where an input is called `labels`."""
    return {word: f"evalset_{word}" if word in inputs else word for word in RESERVED}


def _by_input(arrays: Mapping[str, Array], specs: Sequence[TensorSpec]) -> Mapping[str, Array]:
    names = [spec.name for spec in specs]
    missing = [name for name in names if name not in arrays]
    words = reserved(names).values()
    unknown = [key for key in arrays if key not in names and key not in words]
    wanted = f"The model's inputs are: {', '.join(names)}."
    next_step = f"Name the arrays after the inputs (and optionally {', '.join(words)})."
    if missing:
        has = ", ".join(map(repr, unknown)) or "no other array"
        raise fail(
            f"It has no array for the input {missing[0]!r}; it has {has}. {wanted}", next_step
        )
    if unknown:
        raise fail(f"It has an array {unknown[0]!r} that is no input. {wanted}", next_step)
    return arrays


def _samples(array: Array, spec: TensorSpec, notes: list[str]) -> Array:
    """The array as [samples, *input shape] in the input's dtype."""
    shape = tuple(spec.shape)
    forms = [shape, shape[1:]] if shape[:1] == (1,) else [shape]
    if array.ndim == 0 or array.shape[1:] not in forms:
        wanted = " or ".join(str(["samples", *form]).replace("'", "") for form in forms)
        raise fail(
            f"The array {spec.name!r} has shape {list(array.shape)}; the model wants {wanted}.",
            "Reshape it so that its first axis counts the samples.",
        )
    if len(array) == 0:
        raise fail(f"The array {spec.name!r} has zero samples.", "Give at least two samples.")
    return _cast(array, spec, notes).reshape(len(array), *shape)


def _cast(array: Array, spec: TensorSpec, notes: list[str]) -> Array:
    """The values in the input's dtype: whole numbers must fit; floats may be rounded, and noted."""
    dtype = numpy_dtype(spec)
    kinds = array.dtype.kind, dtype.kind
    if kinds not in {("f", "f"), ("i", "i"), ("i", "u"), ("u", "i"), ("u", "u"), ("b", "b")} | {
        ("b", "i"),
        ("b", "u"),
    }:
        raise fail(
            f"The array {spec.name!r} is {array.dtype}; the model wants {dtype}.",
            f'Convert it with {spec.name}.astype("{dtype}") if that keeps its meaning.',
        )
    if kinds[0] == "f":
        return _rounded(array, spec, dtype, notes)
    values = array.astype(dtype)
    if not np.array_equal(values, array):
        raise fail(
            f"The array {spec.name!r} is {array.dtype} with values from {array.min()} to "
            f"{array.max()}, which {dtype} cannot hold.",
            f"The model wants {dtype}; give values in its range.",
        )
    return values


def _rounded(array: Array, spec: TensorSpec, dtype: np.dtype[Any], notes: list[str]) -> Array:
    finite = np.isfinite(array)
    with np.errstate(over="ignore"):
        values = array.astype(dtype)
    if not np.isfinite(values[finite]).all():
        reach = np.abs(array[finite]).max()
        raise fail(
            f"The array {spec.name!r} reaches {reach:.3g}; {dtype} cannot hold that.",
            "Scale it as the model was trained.",
        )
    if array.dtype.itemsize > dtype.itemsize:
        notes.append(f"{spec.name} was rounded from {array.dtype} to {dtype}.")
    return values


def numpy_dtype(spec: TensorSpec) -> np.dtype[Any]:
    """The numpy dtype of an input. Raises InputError for types that numpy cannot store."""
    try:
        dtype = np.dtype(spec.dtype)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "fiub":
        raise fail(
            f"The input {spec.name!r} is of type {spec.dtype}, which an EvalSet cannot hold.",
            "Use a model with float, integer or boolean inputs.",
        )
    return dtype


def _count(arrays: Mapping[str, Array]) -> int:
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise fail(
            f"The inputs have different numbers of samples: {listed}.",
            "Give every input the same number.",
        )
    return next(iter(counts.values()))


def _with_labels(
    inputs: dict[str, Array],
    count: int,
    extras: Mapping[str, Array],
    outputs: Sequence[TensorSpec],
    notes: tuple[str, ...],
) -> stored.Contents:
    labels, classes = extras.get("labels"), _classes(extras.get("classes"))
    if labels is not None:
        labels = _checked_labels(labels, count)
        if _may_be_classes(extras.get("metric")):
            labels, said = as_class_numbers(labels, outputs)
            notes = (*notes, *said)
    metric = _metric(extras.get("metric"), labels, outputs)
    if metric.ignores_labels and labels is not None:
        notes = (*notes, f"The labels are not used: the metric is {metric.name}.")
        labels = None
    if labels is None:
        choose_output(metric, outputs)
    else:
        labels = check_labels(metric, labels, outputs, len(classes))
    mask = _mask(extras.get("calibration"), count)
    return stored.Contents(inputs, metric.name, labels, classes, mask, notes=notes)


def _checked_labels(labels: Array, count: int) -> Array:
    if labels.ndim == 0 or len(labels) != count:
        raise fail(
            f"There are {labels.size if labels.ndim == 0 else len(labels)} labels for "
            f"{count} samples.",
            "Give one label per sample.",
        )
    if labels.dtype.kind not in "iubf":
        raise fail(
            f"The labels are {labels.dtype}, not numbers.",
            "Number the classes from 0; `classes` may give their names.",
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise fail("The labels hold NaN or infinite values.", "Remove those samples.")
    return labels.reshape(count) if labels.shape == (count, 1) else labels


def _metric(name: Array | None, labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
    if name is None:
        return infer_metric(labels, outputs)
    if name.size != 1 or name.dtype.kind not in "US":
        raise fail(
            "The `metric` array is not one name.", f"Give one of: {', '.join(all_metrics())}."
        )
    metric = find_metric(_texts(name)[0])
    if metric.needs_labels and labels is None:
        raise fail(
            f"The metric {metric.name} needs labels, and there is no `labels` array.",
            f"Add one, or use the metric {infer_metric(None, outputs).name}.",
        )
    return metric


def _may_be_classes(metric: Array | None) -> bool:
    """Whether the metric that is named, if one is, wants the number of a class."""
    named = metric is not None and metric.size == 1 and metric.dtype.kind in "US"
    return metric is None or (named and find_metric(_texts(metric)[0]).kind == "class")


def _classes(array: Array | None) -> tuple[str, ...]:
    if array is None:
        return ()
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise fail(
            f"The `classes` array is {array.dtype}{list(array.shape)}.",
            "Give one name per class, as text.",
        )
    return _texts(array)


def _texts(array: Array) -> tuple[str, ...]:
    if array.dtype.kind == "S":
        return tuple(item.decode(errors="replace") for item in array.ravel().tolist())
    return tuple(array.ravel().tolist())


def _mask(array: Array | None, count: int) -> Array | None:
    if array is None:
        return None
    if array.shape != (count,) or not np.isin(array, (0, 1)).all():
        raise fail(
            f"The `calibration` array is {array.dtype}{list(array.shape)}.",
            f"Give one true or false per sample, shape [{count}].",
        )
    return array.astype(bool)
