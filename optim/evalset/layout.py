"""Which columns of a table are which input, and which is the label.

Columns are found by name where each input is one column, or where the model's metadata name all of
them; else by their order, where their count says it and one order alone of the inputs fits. What
may be the label in two ways is asked for.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import TensorSpec
from optim.errors import InputError
from optim.evalset.naming import like_labels, weighs_samples
from optim.evalset.stored import fail
from optim.evalset.tables import UNNAMED, is_texts, is_whole
from optim.evalset.written import truths
from optim.names import MOST_NAMED, legible, some

if TYPE_CHECKING:
    import pandas

_CALLED = (
    *("class", "classes", "category", "outcome", "response", "result", "fraud", "isfraud"),
    *("default", "churn", "churned", "exited", "survived", "diagnosis", "species", "risk"),
    *("loanstatus", "defaultpaymentnextmonth", "seriousdlqin2yrs", "targetvalue", "groundtruth"),
)
"""What columns of labels are called beside `like_labels`, in small letters without signs."""
_SIGNS = re.compile(r"[\W_]+")
_MOST_CLASSES = 20  # in a column that is taken for classes without being called so
_MOST_ORDERED = 5  # inputs: their orders are tried
_ASK = "--label-column NAME on the command line, Label column on the page"


@dataclass(frozen=True)
class Layout:
    """The columns of each input, the label's if there is one, and those that are left out."""

    inputs: Mapping[str, Sequence[str]]
    label: str | None
    left: Sequence[str]


def laid_out(
    frame: "pandas.DataFrame",
    inputs: Sequence[TensorSpec],
    known: Sequence[Sequence[str]],
    label: str,
) -> Layout:
    """What each column is. Raises InputError where nobody can tell.

    Args:
        known: lists of names in the model's metadata.
    """
    columns = [str(name) for name in frame]
    chosen = _column(label, columns) if label else None
    total = sum(map(_width, inputs))
    found = _by_name(columns, inputs) or _by_metadata(columns, inputs, known)
    if found:
        used = {column for part in found.values() for column in part}
        rest = [column for column in columns if column not in used]
        chosen = chosen or _label_of(frame, rest)
    else:
        chosen, features = _split(frame, total, chosen, inputs)
        found = _by_order(frame, features, inputs)
        used = set(features)
    return Layout(found, chosen, [c for c in columns if c not in used and c != chosen])


def widths(frame: "pandas.DataFrame") -> list[int]:
    """How many columns may be a model's, the likeliest first."""
    columns = [str(name) for name in frame]
    called = [c for c in columns if like_labels(c.strip()) or _plain(c) in _CALLED]
    rest = [column for column in columns if column not in called[:1]]
    count = len(rest) - (_index(frame, rest) is not None)
    ends = sum(_few(frame[column]) for column in (rest[:1] + rest[-1:]))
    found = (count, count - 1) if called or ends != 1 else (count - 1, count)
    return [size for size in found if size > 0]


def of_sample(spec: TensorSpec) -> tuple[int, ...]:
    """The shape of one sample without an axis that counts samples."""
    return spec.shape[1:] if spec.shape[:1] == (1,) else spec.shape


def _width(spec: TensorSpec) -> int:
    return math.prod(of_sample(spec))


def _plain(name: str) -> str:
    return _SIGNS.sub("", name.lower())


def _column(wanted: str, columns: Sequence[str]) -> str:
    """The column that a user named."""
    alike = [name for name in columns if _plain(name) == _plain(wanted)]
    if wanted in columns or len(alike) == 1:
        return wanted if wanted in columns else alike[0]
    raise fail(f"The table has no column {legible(wanted)!r}.", f"Its columns: {_all(columns)}.")


def _by_name(columns: Sequence[str], inputs: Sequence[TensorSpec]) -> dict[str, list[str]]:
    """A column for each input, where each input is one; else nothing."""
    if any(_width(spec) != 1 for spec in inputs):
        return {}
    plain = [_plain(name) for name in columns]
    places = {name: columns[at] for at, name in enumerate(plain) if plain.count(name) == 1}
    places = {**places, **{name: name for name in columns}}
    found = {spec.name: places.get(spec.name) or places.get(_plain(spec.name)) for spec in inputs}
    missing = [name for name, column in found.items() if column is None]
    if missing and len(inputs) > 1 and len(missing) < len(inputs):
        raise fail(
            f"The table has no column for the input {some(missing)}; its columns: {some(columns)}.",
            "Call the columns as the inputs of the model.",
        )
    return {} if missing else {name: [column] for name, column in found.items() if column}


def _by_metadata(
    columns: Sequence[str], inputs: Sequence[TensorSpec], known: Sequence[Sequence[str]]
) -> dict[str, list[str]]:
    """The columns of the only input by a list of names in the model's metadata; else nothing."""
    for names in known if len(inputs) == 1 else ():
        if len(names) == _width(inputs[0]) and {*names} <= {*columns}:
            return {inputs[0].name: list(names)}
    return {}


def _split(
    frame: "pandas.DataFrame", total: int, label: str | None, inputs: Sequence[TensorSpec]
) -> tuple[str | None, list[str]]:
    """The label, if there is one, and as many other columns as the inputs take, in their order."""
    columns = [str(name) for name in frame]
    chosen = label or _called(columns, total)
    rest = [column for column in columns if column != chosen]
    if len(rest) > total:
        rest = [column for column in rest if not weighs_samples(column)]
    index = _index(frame, rest)
    if len(rest) > total and index is not None:
        rest = [column for column in rest if column != index]
    if chosen is None and len(rest) == total + 1:
        chosen = _at_an_end(frame, rest)
        rest = [column for column in rest if column != chosen]
    if len(rest) != total:
        raise _other_count(frame, rest, total, chosen, inputs)
    return chosen, rest


def _called(columns: Sequence[str], total: int) -> str | None:
    """The column that is called as labels are; the plainer names first. Raises for several."""
    firm = [column for column in columns if like_labels(column.strip())]
    loose = [column for column in columns if _plain(column) in _CALLED]
    found = firm or (loose if len(columns) > total else [])
    if len(found) > 1:
        raise fail(f"The columns {some(found)} may each be the label.", f"Say which is: {_ASK}.")
    return found[0] if found else None


def _label_of(frame: "pandas.DataFrame", rest: Sequence[str]) -> str | None:
    """The label among columns that are no inputs."""
    index = _index(frame, rest)
    left = [column for column in rest if column != index and not weighs_samples(column)]
    found = _called(left, 0)
    if found is None and len(left) > 1:
        raise fail(
            f"The columns {some(left)} are no inputs of the model, and which of them is the label "
            "is not known.",
            f"Say which is: {_ASK}; or remove them.",
        )
    return found or (left[0] if left else None)


def _index(frame: "pandas.DataFrame", columns: Sequence[str]) -> str | None:
    """The column that only numbers or names the lines; None without one.

    Without a name that says so, it is the first: a feature may count, too.
    """
    called = [column for column in columns if _is_id(column) and frame[column].is_unique]
    return next(iter(called), None) or next((c for c in columns[:1] if _counts(frame[c])), None)


def _counts(column: "pandas.Series[Any]") -> bool:
    places = np.arange(len(column))
    starts = (0, 1) if column.dtype.kind in "iu" and len(column) > 2 else ()
    return any(np.array_equal(column, places + start) for start in starts)


def _is_id(name: str) -> bool:
    if name.startswith(UNNAMED) or name.lower() in ("id", "index"):
        return True
    return name.endswith(("ID", "Id", "_id"))


def _at_an_end(frame: "pandas.DataFrame", columns: Sequence[str]) -> str:
    """The first or the last column, whichever alone holds classes."""
    ends = [column for column in (columns[0], columns[-1]) if _few(frame[column])]
    texts = [column for column in ends if is_texts(frame[column])]
    if len(found := texts if len(texts) == 1 else ends) == 1:
        return found[0]
    raise fail(
        f"The table has {len(columns):,} columns and the model takes {len(columns) - 1:,}: one is "
        f"the label, and which is not known. Its columns: {_all(columns)}.",
        f"Call it `label`, or say which it is: {_ASK}.",
    )


def _few(column: "pandas.Series[Any]") -> bool:
    """Whether a column may be classes: texts or whole numbers, few of them."""
    values = column.dropna()
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        return False
    return 2 <= values.nunique() <= min(_MOST_CLASSES, max(2, len(values) // 2))


def _other_count(
    frame: "pandas.DataFrame",
    rest: Sequence[str],
    total: int,
    label: str | None,
    inputs: Sequence[TensorSpec],
) -> InputError:
    beside = f" besides the label {legible(label)!r}" if label else ""
    wanted = ", ".join(f"{legible(spec.name)} {list(of_sample(spec))}" for spec in inputs)
    texts = [column for column in rest if is_texts(frame[column])]
    said = f" Text: {some(texts)}." if texts else ""
    more = len(rest) > total
    return fail(
        f"The table has {len(rest):,} columns{beside} ({some(rest)}); the model takes {total:,} "
        f"({wanted}).{said}",
        (
            "Remove those that the model does not take, such as text and numbers of lines."
            if more
            else "Give every column that the model was trained with, text encoded as it was then."
        )
        + (" Another label is named with " + _ASK + "." if label else ""),
    )


def _by_order(
    frame: "pandas.DataFrame", features: Sequence[str], inputs: Sequence[TensorSpec]
) -> dict[str, list[str]]:
    """The columns cut as wide as the inputs, where one order alone of these fits."""
    orders = permutations(inputs) if len(inputs) <= _MOST_ORDERED else iter(())
    cuts = [_cut(features, order) for order in orders]
    kinds = {spec.name: spec.dtype for spec in inputs}
    if len(cuts) > 1:
        cuts = [cut for cut in cuts if all(_takes(frame[c], kinds[n]) for n in cut for c in cut[n])]
    if len(cuts) == 1:
        return cuts[0]
    raise fail(
        f"Which columns belong to which of the inputs {some([s.name for s in inputs])} is not "
        "known by their order.",
        "Give an .npz with one array per input, such as numpy.savez("
        f'"evalset.npz", {legible(inputs[0].name, 40)}=table[[columns]].to_numpy(), ...).',
    )


def _cut(features: Sequence[str], order: Sequence[TensorSpec]) -> dict[str, list[str]]:
    ends = np.cumsum([_width(spec) for spec in order]).tolist()
    starts = [0, *ends]
    pairs = zip(order, starts, ends, strict=False)
    return {spec.name: list(features[start:end]) for spec, start, end in pairs}


def _takes(column: "pandas.Series[Any]", dtype: str) -> bool:
    """Whether the column's numbers may be of this type."""
    if is_texts(column):
        return truths(column) is not None
    return dtype.startswith("float") or is_whole(column)


def _all(columns: Sequence[str]) -> str:
    """As `some`, with the last, which often is the label."""
    last = f"; the last is {legible(columns[-1])!r}" if len(columns) > MOST_NAMED else ""
    return some(columns) + last
