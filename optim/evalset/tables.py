"""A table in a text file, whatever its signs and letters, as columns by name. Runs in a child."""

import codecs
import csv
import gzip
import io
import re
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array
from optim.errors import InputError, first_line
from optim.evalset.stored import fail
from optim.evalset.unzipping import HEAD_BYTES, UTF_16, check_size, is_json, is_text
from optim.evalset.written import mark_of, units_told, usual_mark, written
from optim.names import some

if TYPE_CHECKING:
    import pandas

_GZIP = b"\x1f\x8b"
_SEPARATORS = "\t;|, "  # a comma may be a decimal one, a space lies within texts
_MOST_COLUMNS = 100_000
_PAST_WHOLE = 2.0**63
_SAMPLE_BYTES, _LINES = 1 << 20, 20
_HEAD = 1000  # texts that are looked at before all are
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")
_COMMENTS = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#(?P<last>[^\r\n]*))?(?:\r\n|\r|\n))+")
_SAID = re.compile(rb"(?:\xef\xbb\xbf)?sep=[^\r\n]\r?\n")  # a line of Excel's
MISSING = {"", "na", "n/a", "nan", "null", "none", "nil", "?", "-", ".", "#n/a", "<na>"}
"""What stands for no value, in small letters."""
_TRUTH = {"true": 1.0, "false": 0.0}
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+")
_ENOUGH_GROUPED = 3  # numbers of the first lines
_RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
UNNAMED = "Unnamed: "
"""How a column begins that has no name; its position follows."""


def is_table(path: Path) -> bool:
    """Whether this is text that is no JSON, packed by gzip or not."""
    with path.open("rb") as source:
        head = source.read(HEAD_BYTES)
    return head.startswith(_GZIP) or (is_text(head) and not is_json(head))


def read_table(path: Path, max_mb: int, notes: list[str]) -> tuple["pandas.DataFrame", bool]:
    """The columns by name, and whether the file names them; numbers are numbers, the rest is text.

    What is missing is NaN in columns of numbers, and the empty text is missing everywhere. Notes
    say which numbers have units.
    Raises: InputError for what is no table, or one of more than `max_mb`.
    """
    data = _content(path, max_mb)
    if not is_text(data[:HEAD_BYTES]):
        raise fail(f"{path.name} is packed by gzip and is no text within.", "Give the table alone.")
    encoding = _encoding(data)
    data, comment = _without_comments(data)
    rows, sep = _first_rows(data, encoding)
    if comment and (above := _names_above(rows, comment.decode(encoding, "replace"), sep)):
        data, rows = comment + b"\n" + data, [above, *rows]
    if not rows or not any(rows[0]):
        raise fail(f"{path.name} holds no table.", "Give a line of names and a line per sample.")
    if max(map(len, rows)) > _MOST_COLUMNS:
        raise fail(f"{path.name} has more than {_MOST_COLUMNS:,} columns.", "Give fewer.")
    named = _has_names(rows)
    mark = "." if sep == "," else _decimal(rows[named:])
    head = {"encoding": encoding, "sep": sep, "header": 0 if named else None, **_ends(rows)}
    frame = _read(data, **head)
    if dotted := [name for name in frame if mark == "," and frame[name].dtype.kind == "f"]:
        frame = _read(data, dtype=dict.fromkeys(dotted, str), **head)
    names = [str(name) if named else f"column_{at}" for at, name in enumerate(frame.columns, 1)]
    frame = frame.set_axis(names, axis=1)
    hollow = [name for name in names if name.startswith(UNNAMED) and frame[name].isna().all()]
    frame = frame.drop(columns=hollow)
    if sep != "," and mark == "." and (doubtful := _may_be_thousands(rows[named:], names)):
        notes.append(
            f"{some(doubtful)}: the point was read as a decimal one, 1.234 as 1 and a bit. If it "
            "stands between thousands, write the numbers without it."
        )
    return _with_numbers(frame, mark, sep, notes), named


def _may_be_thousands(rows: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    """Names of columns whose points all have three digits behind; none where one has others."""
    columns = [[field for field in column if "." in field] for column in zip(*rows, strict=False)]
    if any(not _GROUPED.fullmatch(field) for column in columns for field in column):
        return []
    pairs = zip(names, columns, strict=False)
    return [name for name, column in pairs if len(column) >= _ENOUGH_GROUPED]


def _texts(frame: "pandas.DataFrame") -> list[str]:
    return [name for name in frame.columns if is_texts(frame[name])]


def is_texts(column: "pandas.Series[Any]") -> bool:
    """Whether a column holds no numbers."""
    return column.dtype.kind not in "biuf"


def is_whole(column: "pandas.Series[Any]") -> bool:
    """Whether numbers are whole ones that 64 bits hold, none of them missing."""
    if column.dtype.kind in "biu":
        return True
    return bool(((column == np.rint(column)) & (column.abs() < _PAST_WHOLE)).all())


def _content(path: Path, max_mb: int) -> bytes:
    most = max_mb * 1_000_000
    with path.open("rb") as source:
        packed = source.read(len(_GZIP)) == _GZIP
    try:
        with gzip.open(path) if packed else path.open("rb") as source:
            data = source.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise fail(f"{path.name} is damaged ({first_line(error)}).", "Pack it again.") from None
    check_size(len(data), max_mb)
    found = _SAID.match(data)
    return data[found.end() :] if found else data


def _encoding(data: bytes) -> str:
    if data.startswith(UTF_16):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _SAMPLE_BYTES):
            decoder.decode(data[start : start + _SAMPLE_BYTES])
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _without_comments(data: bytes) -> tuple[bytes, bytes]:
    """What comes behind lines that begin with `#`, and the last of these without that sign."""
    found = None if data.startswith(UTF_16) else _COMMENTS.match(data)
    if not found or found["last"] is None:
        return data, b""
    return data[found.end() :], found["last"].strip()


def _names_above(rows: Sequence[Sequence[str]], comment: str, sep: str) -> list[str]:
    """The names of the columns where a comment is these, as NumPy writes them; else none."""
    names = (_fields([comment], sep) or [[]])[0]
    there = bool(rows) and len(names) == len(rows[0]) > 1
    return names if there and not _names_stand_out(rows) else []


def _first_rows(data: bytes, encoding: str) -> tuple[list[list[str]], str]:
    """The fields of the first lines, and the sign between them."""
    text = data[:_SAMPLE_BYTES].decode(encoding, "ignore")
    lines = [line for line in text.splitlines(keepends=True) if line.strip()]
    lines = (lines if len(data) <= _SAMPLE_BYTES else lines[:-1])[:_LINES]
    rows = {sep: _fields(lines, sep) for sep in _SEPARATORS}
    found = [sep for short in (0, 1) for sep in rows if _is_even(rows[sep], short)]
    sep = found[0] if found else max(",;\t|", key=lambda sep: max(map(len, rows[sep]), default=0))
    return rows[sep], sep


def _fields(lines: Sequence[str], sep: str) -> list[list[str]]:
    try:
        found = csv.reader(lines, delimiter=sep, skipinitialspace=True)
        return [[field.strip() for field in row] for row in found]
    except csv.Error:
        return []


def _is_even(rows: Sequence[Sequence[str]], short: int) -> bool:
    """Whether all lines have as many fields, the first one so many fewer: rows without a name."""
    widths = {len(row) for row in rows[1:] or rows}
    return len(widths) == 1 and (width := widths.pop()) > 1 and len(rows[0]) == width - short


def _has_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names the columns: text above numbers, counted numbers, or text."""
    first = [field for field in rows[0] if field.lower() not in MISSING]
    numbers = [field for field in first if _NUMBER.fullmatch(field)]
    counted = [str(at) for at in range(len(numbers) + 1)]
    if len(numbers) > 1 and numbers in (counted[:-1], counted[1:]):
        return len(rows) > 1 and numbers != [f for f in rows[1] if _NUMBER.fullmatch(f)]
    return _names_stand_out(rows) or not numbers


def _names_stand_out(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line has a text above numbers."""
    return any(
        not _NUMBER.fullmatch(name) and all(map(_NUMBER.fullmatch, fields))
        for name, *rest in zip(*rows, strict=False)
        if (fields := [field for field in rest if field.lower() not in MISSING])
        and name.lower() not in MISSING
    )


def _ends(rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Setting for lines that end with a separator though the names do not: no column in front."""
    longer = len(rows) > 1 and len(rows[1]) == len(rows[0]) + 1
    return {"index_col": False} if longer and all(row[-1] == "" for row in rows[1:] if row) else {}


def _read(data: bytes, **settings: Any) -> "pandas.DataFrame":
    import pandas

    try:
        with warnings.catch_warnings(action="ignore"):
            frame: pandas.DataFrame = pandas.read_csv(
                io.BytesIO(data),
                float_precision="round_trip",
                low_memory=False,
                skipinitialspace=True,
                keep_default_na=False,
                na_values=[""],  # NA may be a name in a text column
                **settings,
            )
    except (ValueError, OverflowError, csv.Error) as error:  # pandas' own are ValueErrors
        raise _unread(str(error)) from None
    if frame.index.equals(pandas.RangeIndex(len(frame))):
        return frame
    if frame.index.nlevels > 1 or f"{UNNAMED}0" in frame:
        raise fail("The lines have more fields than the first one has names.", "Name each column.")
    return frame.rename_axis(f"{UNNAMED}0").reset_index()


def _unread(error: str) -> InputError:
    if found := _RAGGED.search(error):
        what = f"Line {int(found[2]):,} has {found[3]} fields, those before have {found[1]}."
        return fail(what, "Put texts that hold the separator in quotes, or mend the line.")
    what = "The table cannot be read: its quotes or its lines are not closed, or it is cut off."
    return fail(what, "Write it again, such as with table.to_csv of pandas.")


def _with_numbers(
    frame: "pandas.DataFrame", mark: str, sep: str, notes: list[str]
) -> "pandas.DataFrame":
    """Columns of text as float64 where each text is a number, a truth or a word for missing."""
    import pandas

    present = {name: _present(frame[name]) for name in _texts(frame)}
    plain = {name: _plain(texts, mark) for name, texts in present.items()}
    values = {name: numbers for name, numbers in plain.items() if numbers is not None}
    apart = {
        name: found
        for name, texts in present.items()
        if name not in values and written(texts.iloc[:_HEAD]) and (found := written(texts))
    }
    shown = mark if mark == "," else mark_of(apart.values())
    for name, one in apart.items():
        values[name] = one.values(one.mark or shown or usual_mark(one, sep))
    notes += units_told({name: one.unit for name, one in apart.items() if one.unit})
    filled = {
        name: pandas.Series(found, present[name].index, np.float64).reindex(frame.index)
        for name, found in values.items()
    }
    return frame.assign(**filled)


def _present(column: "pandas.Series[Any]") -> "pandas.Series[Any]":
    """Its texts without those that stand for missing values."""
    texts = column.astype(str).str.strip()
    return texts[~column.isna() & ~texts.str.lower().isin(MISSING)]


def _plain(texts: "pandas.Series[Any]", mark: str) -> Array | None:
    """Numbers as programs write them, or true and false."""
    if texts.str.lower().isin(_TRUTH).all():
        return texts.str.lower().map(_TRUTH).to_numpy(np.float64)
    if mark == ",":
        if texts.str.contains(".", regex=False).any():
            return None
        texts = texts.str.replace(",", ".")
    try:
        return texts.to_numpy(object).astype(np.float64)
    except (ValueError, OverflowError):
        return None


def _decimal(rows: Sequence[Sequence[str]]) -> str:
    """The decimal mark that the first lines show."""
    columns = [
        written([field for field in column if field.lower() not in MISSING])
        for column in zip(*rows, strict=False)
    ]
    return mark_of(one for one in columns if one) or "."
