"""Numbers as people write them: with units, signs between thousands, decimal commas. In a child."""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array
from optim.names import some

if TYPE_CHECKING:
    import pandas

_CODES = "USD|EUR|GBP|CHF|JPY|CNY|INR|BRL|CAD|AUD|SEK|NOK|DKK|PLN|CZK|KRW|RUB|TRY|MXN|ZAR"
_MONEY = rf"(?:US|R|A|C)?[$¢£¤¥฿\u20a0-\u20cf]|{_CODES}"
_SPACES = " \u00a0\u2009\u202f"
_GROUPS = f"{_SPACES}'’"  # beside the sign that is no decimal one
_WHOLE = re.compile(
    rf"(?P<open>\()?[{_SPACES}]*(?P<sign>[-+−])?[{_SPACES}]*(?P<before>{_MONEY})?[{_SPACES}]*"
    rf"(?P<within>[-+−])?(?P<body>[\d.,][\d.,{_GROUPS}]*?(?:[eE][-+]?\d+)?)[{_SPACES}]*"
    rf"(?P<after>%|‰|{_MONEY}|°?[A-Za-zµΩ]{{1,12}}[²³]?(?:/[A-Za-z]{{1,6}}[²³]?)?)?"
    r"[ ]*(?P<close>\))?"
)
_PLAIN = {
    mark: re.compile(
        rf"(?:[1-9]\d{{0,2}}(?P<group>[{re.escape(other)}{_GROUPS}])\d{{3}}(?:(?P=group)\d{{3}})*"
        rf"|\d+)(?:{re.escape(mark)}\d*)?(?:[eE][-+]?\d+)?|{re.escape(mark)}\d+(?:[eE][-+]?\d+)?"
    )
    for mark, other in ((".", ","), (",", "."))
}
_NOT_IN = {mark: re.compile(rf"[{_GROUPS}{other}]") for mark, other in ((".", ","), (",", "."))}
_MOST_DATES = 50
_MULTIPLES = {"k": "thousands", "M": "millions", "bn": "billions"}
_UNITS = (
    *("mm", "cm", "m", "km", "in", "ft", "yd", "mi", "mg", "g", "kg", "t", "lb", "lbs", "oz"),
    *("ml", "cl", "dl", "l", "gal", "s", "sec", "secs", "ms", "min", "mins", "h", "hr"),
    *("hrs", "hour", "hours", "day", "days", "d", "week", "weeks", "month", "months", "mo"),
    *("y", "yr", "yrs", "year", "years", "v", "mv", "a", "ma", "w", "kw", "kwh", "mw", "hp"),
    *("hz", "khz", "mhz", "ghz", "db", "pa", "kpa", "hpa", "bar", "mbar", "psi", "n", "nm"),
    *("j", "kj", "cal", "kcal", "k", "c", "f", "b", "kb", "mb", "gb", "tb", "px", "pt"),
    *("rpm", "mph", "kph", "kmh", "kn", "mol", "ppm", "ppb", "mmhg", "bpm", "pcs", "x"),
)
"""In small letters; others may be part of a code."""
_TRUTHS = (("false", "true"), ("no", "yes"), ("off", "on"), ("n", "y"), ("f", "t"))


@dataclass(frozen=True)
class Written:
    """A column of numbers as text, taken apart; `mark` is the decimal one, empty for either."""

    bodies: Sequence[str]
    signs: Array
    unit: str
    mark: str

    def values(self, mark: str) -> Array:
        """The numbers [lines], float64, with this decimal mark."""
        plain = [_NOT_IN[mark].sub("", body).replace(mark, ".") for body in self.bodies]
        return self.signs * np.array(plain, object).astype(np.float64)


def written(texts: Iterable[str]) -> Written | None:
    """Texts that are numbers with the same unit, or with none; None where one is not."""
    found = []
    for text in texts:
        if (match := _WHOLE.fullmatch(text)) is None or _signs(match) > 1:
            return None
        found.append(match)
    bodies = [match["body"] for match in found]
    marks = [mark for mark, plain in _PLAIN.items() if all(map(plain.fullmatch, bodies))]
    unit = _unit_of(found)
    if unit is None or not marks or not found:
        return None
    signs = np.array([-1.0 if _signs(match) else 1.0 for match in found])
    return Written(bodies, signs, unit, marks[0] if len(marks) == 1 else "")


def _signs(match: re.Match[str]) -> int:
    """How often it is said to be below zero; accountants put such in brackets."""
    brackets = [bool(match["open"]), bool(match["close"])]
    below = [match[where] in ("-", "−") for where in ("sign", "within")]
    return sum(below) + (2 if brackets[0] != brackets[1] else brackets[0])


def _unit_of(found: Sequence[re.Match[str]]) -> str | None:
    """The one unit of all numbers but zeros, empty for none; None for several."""
    units = {
        _singular(match["before"] or match["after"] or ""): match["before"] or match["after"] or ""
        for match in found
        if match["before"] or match["after"] or match["body"].strip("0.,")
    }
    both = any(match["before"] and match["after"] for match in found)
    return None if both or len(units) > 1 else next(iter(units.values()), "")


def _singular(unit: str) -> str:
    return unit.removesuffix("s") if len(unit) > 2 else unit  # 1 year, 2 years


def mark_of(columns: Iterable[Written]) -> str:
    """The decimal mark that columns of a table show; empty where none does, or they differ."""
    shown = {one.mark for one in columns if one.mark}
    return shown.pop() if len(shown) == 1 else ""


def usual_mark(column: Written, sep: str) -> str:
    """The decimal mark of numbers that show none: `1,234` is read by the sign between columns."""
    commas = any("," in body for body in column.bodies)
    return "," if commas and sep != "," else "."


def units_told(units: Mapping[str, str]) -> list[str]:
    """A note for each unit of some columns."""
    columns = {u: [name for name, unit in units.items() if unit == u] for u in units.values()}
    return [
        f"The numbers of {some(names)} are written with {unit!r} and taken without it"
        + _unit_told(unit)
        for unit, names in columns.items()
    ]


def _unit_told(unit: str) -> str:
    if unit == "%":
        return ": 12 % is 12; where the model takes shares, write 0.12."
    if unit in _MULTIPLES:
        return f": where it stands for {_MULTIPLES[unit]} and the model takes them whole, write so."
    known = unit.lower() in _UNITS or re.fullmatch(_MONEY, unit) or not unit.isalpha()
    return (
        "." if known else f". If {unit!r} is no unit but part of a code, encode it as in training."
    )


def truths(column: "pandas.Series[Any]") -> tuple[Array, str, str] | None:
    """A column of two words for true and false: ones and zeros [lines], NaN where it is missing,
    and both words, the false one first. None where it is something else."""
    there = column.notna().to_numpy()
    words = column[there].astype(str).str.strip().str.lower()
    found = {*words.unique()}
    for no, yes in _TRUTHS:
        if found and found <= {no, yes} and (len(found) == 2 or len(no) > 1):
            values = np.full(len(column), np.nan)
            values[there] = words == yes
            return values, no, yes
    return None


def are_dates(column: "pandas.Series[Any]") -> bool:
    """Whether the first texts of a column are all dates."""
    import pandas

    texts = column.dropna().astype(str).str.strip().iloc[:_MOST_DATES]
    if not len(texts) or not texts.str.contains(r"\d\D+\d|\d.*[A-Za-z]{3}|[A-Za-z]{3}.*\d").all():
        return False
    with warnings.catch_warnings(action="ignore"):
        seen = [
            pandas.to_datetime(texts, errors="coerce", format="mixed", dayfirst=day)
            for day in (False, True)
        ]
    return any(bool(found.notna().all()) for found in seen)
