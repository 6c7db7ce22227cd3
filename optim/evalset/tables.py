"""How a table in a text file is read, as its first lines show: told, since an EvalSet is arrays."""

import json
import re
from collections.abc import Sequence

from optim.evalset.naming import like_labels
from optim.names import legible

_SEPARATORS = (",", ";", "\t", "|")
_BY = {"utf-16": (b"\xff\xfe", b"\xfe\xff")}
"""Encoding -> the bytes that a file in it begins with."""
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?\d+,\d+")
_UNKNOWN = {"?", "-", "."}  # as some write what is missing; pandas knows NA, null, nan and nothing
_LINES = 20
HEAD_BYTES = 4096


def is_utf16(head: bytes) -> bool:
    """Whether a file begins as text of two bytes a letter does."""
    return head.startswith(_BY["utf-16"])


def how_to_read(name: str, head: bytes) -> str:
    """The expressions that make an `.npz` of a text file, as a sentence.

    Args:
        name: of the file.
        head: its first bytes.
    """
    text, settings = _decoded(head)
    stripped, columns = text.lstrip(), dict[str, list[str]]()
    if stripped.startswith(("{", "[")):
        lines = stripped.startswith("{") and "}\n{" in stripped.replace("\r", "")
        call = f'pandas.read_json("{name}"{", lines=True" if lines else ""})'
    else:
        columns, more = _laid_out(text, whole=len(head) < HEAD_BYTES)
        listed = "".join(f", {key}={value}" for key, value in (settings | more).items())
        call = f'pandas.read_csv("{name}"{listed})'
    label = next((column for column in columns if like_labels(column)), "label")
    numbers = all(map(_NUMBER.fullmatch, columns.get(label, ["0"])))
    column = json.dumps(legible(label, 60), ensure_ascii=False)
    return (
        f'Read it with table = {call} and write numpy.savez("evalset.npz", '
        f'input_name=table.drop(columns={column}).to_numpy("float32"), '
        f"labels=table[{column}].to_numpy({'' if numbers else 'str'})), without columns that the "
        "model does not take."
    )


def _decoded(head: bytes) -> tuple[str, dict[str, str]]:
    if is_utf16(head):
        return head[: len(head) // 2 * 2].decode("utf-16", "ignore"), {"encoding": '"utf-16"'}
    try:
        return head[:-4].decode("utf-8-sig") + head[-4:].decode("utf-8", "ignore"), {}
    except UnicodeDecodeError:
        return head.decode("latin-1"), {"encoding": '"latin-1"'}


def _laid_out(text: str, whole: bool) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The first fields of each column by its name, and the settings of pandas.read_csv that differ
    from its own.

    Args:
        whole: whether the last line is not cut off.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    lines = (lines if whole else lines[:-1])[:_LINES]
    sep = _separator(lines)
    header, *rows = [[field.strip().strip('"') for field in line.split(sep)] for line in lines]
    fields = [field for row in rows for field in row]
    settings = {} if sep == "," else {"sep": json.dumps(sep)}
    if sep != "," and any(map(_COMMA.fullmatch, fields)):
        settings["decimal"] = '","'
    if unknown := sorted(_UNKNOWN.intersection(fields)):
        settings["na_values"] = json.dumps(unknown)
    if all(map(_NUMBER.fullmatch, header)):
        return {}, settings | {"header": "None"}
    return dict(zip(header, map(list, zip(*rows, strict=False)), strict=False)), settings


def _separator(lines: Sequence[str]) -> str:
    """The sign that occurs as often in every line, and most often."""
    counts = {sep: [line.count(sep) for line in lines] for sep in _SEPARATORS}
    return max(_SEPARATORS, key=lambda sep: (min(counts[sep]) == max(counts[sep]), counts[sep][0]))
