"""Several recipes in one file: a spelling a line, to be read and changed by people; or JSON, or the
records of trials, from which their recipes are taken.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from optim import reading
from optim.errors import InputError
from optim.names import legible
from optim.recipe import Recipe

_MOST_BYTES = 1_000_000
_COLUMN = "recipe"
"""Where the records of trials have theirs (`showing.records`), in CSV as in JSON."""
_MOST = 500
_SHOWN = 3
_NEXT = "Write one spelling a line, such as static_int8 + openvino; # begins a remark."


def written(recipes: Iterable[Recipe], about: str) -> str:
    """The recipes as text, each once."""
    lines = dict.fromkeys(recipe.spelling for recipe in recipes)
    return "\n".join((f"# {' '.join(about.split())}", *lines)) + "\n"


def recipes_in(data: bytes) -> list[Recipe]:
    """The recipes of a file, each once: of text as `written` writes it, of JSON, or of CSV.

    JSON is a list, or an object with a list named `recipes`, of spellings, of stored recipes
    (`Recipe.stored`) or of trials as records; or one stored recipe. CSV has a column `recipe`.

    Raises InputError that names the places where no recipe can be read; then none is read.
    """
    if len(data) > _MOST_BYTES:
        raise _refused(f"It has more than {_MOST_BYTES / 1000:,.0f} kB.")
    text = data.decode("utf-8-sig", errors="replace")
    items = list(_of_json(data) if text.lstrip()[:1] in ("[", "{") else _of_text(text))
    if not items:
        raise _refused("There is no recipe in it.")
    if len(items) > _MOST:
        raise _refused(f"It holds {len(items):,} recipes; the limit is {_MOST}.")
    return _read(items)


def _of_text(text: str) -> Iterator[tuple[str, Any]]:
    lines = text.splitlines(keepends=True)
    head = next(csv.reader(lines), [])
    if _COLUMN in head and len(head) > 1:
        for row in (table := csv.DictReader(lines)):
            yield f"line {table.line_num}", row[_COLUMN] or ""
        return
    for number, line in enumerate(lines, 1):
        if spelling := line.partition("#")[0].strip():
            yield f"line {number}", spelling


def _of_json(data: bytes) -> Iterator[tuple[str, Any]]:
    try:
        value = reading.from_json(data)
    except InputError as error:
        raise _refused(f"It {error.what}") from None
    if isinstance(value, dict):
        value = value.get("recipes", [value])
    if not isinstance(value, list):
        raise _refused("Its recipes are no list.")
    for number, item in enumerate(value, 1):
        spelled = item.get(_COLUMN) if isinstance(item, dict) else None
        yield f"recipe {number}", spelled or item


def _read(items: Sequence[tuple[str, Any]]) -> list[Recipe]:
    found: dict[str, Recipe] = {}
    wrong = []
    for place, item in items:
        try:
            recipe = Recipe.parse(item) if isinstance(item, str) else Recipe.from_stored(item)
            found[recipe.digest] = recipe
        except InputError as error:
            wrong.append(f"{place}: {legible(error.what, 200)}")
    if wrong:
        more = f" And {len(wrong) - _SHOWN} more." if len(wrong) > _SHOWN else ""
        raise _refused(f"It cannot be read in {' '.join(wrong[:_SHOWN])}{more}")
    return [*found.values()]


def _refused(why: str) -> InputError:
    return InputError(f"These recipes are not taken. {why}", _NEXT, "recipes")
