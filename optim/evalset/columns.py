"""The arrays of a table's columns, as an `.npz` would hold them. Runs in a child."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array, TensorSpec
from optim.evalset.casting import numpy_dtype
from optim.evalset.coded import texts_of
from optim.evalset.layout import Layout, laid_out, of_sample
from optim.evalset.naming import weighs_samples
from optim.evalset.stored import fail
from optim.evalset.tables import MISSING, is_texts, is_whole, read_table
from optim.evalset.written import are_dates, truths, written
from optim.names import legible, some

if TYPE_CHECKING:
    import pandas

_LOOKED_AT = 10_000  # lines, to say what a column is


def arrays_of(
    path: Path,
    inputs: Sequence[TensorSpec],
    max_mb: int,
    words: Mapping[str, str],
    model: Path | None,
    label: str,
    notes: list[str],
) -> dict[str, Array]:
    """The arrays that an `.npz` of this table would hold, called as inputs and reserved words.

    Args:
        inputs: those that the model reads, for one sample.
        words: reserved word -> its array's name.
        model: its ONNX file, whose metadata may name the columns.
        label: the column of labels; empty: found by name or place.

    Raises: InputError for a table that does not fit, with what to do.
    """
    frame, named = read_table(path, max_mb, notes)
    layout = laid_out(frame, inputs, _named_in(model), label)
    if layout.label is not None:
        there = frame[layout.label].notna()
        if not there.all():
            notes.append(f"{(~there).sum():,} lines have no label and are left out.")
        frame = frame[there]
    notes += _told(layout)
    used = [column for spec in inputs for column in layout.inputs[spec.name]]
    if texts := texts_of(model):
        frame = frame.assign(**{c: frame[c].fillna("") for c in used if is_texts(frame[c])})
    else:
        frame = _with_truths(frame, used, notes)
    arrays = {
        spec.name: _as_text(frame, layout.inputs[spec.name], spec)
        if texts and spec.dtype == "int64"
        else _values(frame, layout.inputs[spec.name], spec)
        for spec in inputs
    }
    if layout.label is not None:
        arrays[words["labels"]] = _labels(frame[layout.label])
    if named:
        arrays[words["features"]] = np.array(used, str)
    return arrays


def _named_in(model: Path | None) -> list[list[str]]:
    """Lists of distinct names in a model's metadata, as JSON or with commas."""
    if model is None:
        return []
    import onnx

    graph = onnx.load(str(model), load_external_data=False)
    texts = [entry.value for entry in graph.metadata_props]
    found = [_list_in(text) for text in texts]
    return [names for names in found if len(names) == len({*names})]


def _list_in(text: str) -> list[str]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = [name.strip() for name in text.split(",")]
    return [str(name) for name in names] if isinstance(names, list) else []


def _as_text(frame: "pandas.DataFrame", columns: Sequence[str], spec: TensorSpec) -> Array:
    """The columns as texts, which a model takes as numbers; as numbers where all are that."""
    if not any(is_texts(frame[column]) for column in columns):
        return _values(frame, columns, spec)
    table = frame[list(columns)].astype(str).to_numpy(str)
    return table.reshape(len(frame), *of_sample(spec))


def _with_truths(
    frame: "pandas.DataFrame", columns: Sequence[str], notes: list[str]
) -> "pandas.DataFrame":
    """The columns of two words for true and false as numbers; notes say which is which."""
    found = {c: two for c in columns if is_texts(frame[c]) and (two := truths(frame[c]))}
    for words in dict.fromkeys(two[1:] for two in found.values()):
        those = [column for column, two in found.items() if two[1:] == words]
        notes.append(f"In {some(those)} {words[1]!r} was read as 1 and {words[0]!r} as 0.")
    return frame.assign(**{column: values for column, (values, *_) in found.items()})


def _values(frame: "pandas.DataFrame", columns: Sequence[str], spec: TensorSpec) -> Array:
    """The columns as [samples, *shape of one sample] in the input's type where it holds them."""
    dtype = numpy_dtype(spec)
    for column in columns:
        _check(frame[column], column, spec)
    table = frame[list(columns)].to_numpy(None if dtype.kind in "iu" else np.float64)
    with np.errstate(all="ignore"):
        cast = table.astype(dtype)
    kept = np.array_equal(np.isfinite(cast), np.isfinite(table)) and (
        dtype.kind == "f" or np.array_equal(cast, table)
    )
    if not kept and dtype.kind != "f" and table.dtype.kind == "f":
        table = table.astype(np.int64)
    return (cast if kept else table).reshape(len(frame), *of_sample(spec))


def _check(column: "pandas.Series[Any]", name: str, spec: TensorSpec) -> None:
    """Raise InputError where a column cannot be numbers of the input's type."""
    said = f"The column {legible(name)!r}"
    if is_texts(column):
        what, how = _no_numbers(column)
        raise fail(
            f"{said} is {what}; the input {legible(spec.name)!r} takes {spec.dtype}.",
            f"{how}, or remove it if the model does not take it.",
        )
    if spec.dtype.startswith("float") or is_whole(column):
        return
    missing = int(column.isna().sum())
    why = f"misses {missing:,} values" if missing else "holds others than whole numbers"
    raise fail(
        f"{said} {why}; the input {legible(spec.name)!r} takes {spec.dtype}.",
        "Fill in what the model was trained with.",
    )


def _no_numbers(column: "pandas.Series[Any]") -> tuple[str, str]:
    """What a column of texts is, and what makes numbers of it."""
    given = column.dropna().astype(str).str.strip().iloc[:_LOOKED_AT]
    given = given[~given.str.lower().isin(MISSING)]
    other = given[[written([text]) is None for text in given]]
    shown = other if len(other) else given
    listed = ", ".join(repr(legible(text, 20)) for text in shown.unique()[:3])
    how = "Encode it in numbers as in training"
    if are_dates(column):
        return f"dates ({listed})", f"{how}, such as days: pandas.to_datetime(column) - a first day"
    if 0 < len(other) < len(given) / 2:
        return f"numbers but for {len(other):,} texts ({listed})", "Leave out what is no number"
    return f"text ({listed})", how


def _labels(column: "pandas.Series[Any]") -> Array:
    """Names of classes as text, whole numbers as such, other numbers as they are."""
    if is_texts(column):
        return column.astype(str).str.strip().to_numpy(str)
    return column.to_numpy(np.int64 if is_whole(column) else None)


def _told(layout: Layout) -> list[str]:
    """Notes on what was taken for what."""
    wide = {name: columns for name, columns in layout.inputs.items() if len(columns) > 1}
    notes = [
        f"The {len(columns):,} columns from {legible(columns[0])!r} to {legible(columns[-1])!r} "
        f"were taken for the input {legible(name)!r}."
        for name, columns in wide.items()
    ]
    if layout.label is None:
        notes.append("No column was taken for the label; quality is fidelity to the original.")
    else:
        notes.append(f"The column {legible(layout.label)!r} was taken for the label.")
    weights = any(map(weighs_samples, layout.left))
    said = " Weights are not used, each sample counts alike." * weights
    return notes + ([f"Left out: {some(layout.left)}.{said}"] if layout.left else [])
