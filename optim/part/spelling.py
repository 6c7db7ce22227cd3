"""How a part is written and read.

A part's spelling is `name` or `name:setting=value,setting=value`, settings in the order of their
fields, defaults left out. Lists are joined by `|`; characters that would be ambiguous are
percent-encoded. The same spelling serves the command line, captions, test ids and the store.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, unquote

from pydantic import BaseModel, ValidationError

from optim.errors import InputError

if TYPE_CHECKING:
    from optim.part.base import Part

P = TypeVar("P", bound="Part")

_SAFE = "/:.-_()[]"  # readable in a spelling and never ambiguous there
_LONGEST = 60  # of a wrong value, in what is said of it
_EMPTY = "%"  # an empty item of a list; no quoted text is a bare percent sign


def spelled(name: str, given: Mapping[str, Any]) -> str:
    """The text form of a part with these settings, those at their defaults left out already."""
    text = ",".join(f"{key}={_format(value)}" for key, value in given.items())
    return f"{name}:{text}" if text else name


def parse_part(text: str, known: dict[str, type[P]]) -> P:
    """Read a spelling. Raises InputError that names the part, the setting and what is allowed."""
    name, _, rest = text.strip().partition(":")
    if name not in known:
        raise InputError(f"There is no part named {name!r}.", f"Known ones: {', '.join(known)}.")
    found: P = _read(known[name], rest)
    return found


@lru_cache(maxsize=4096)
def _read(cls: type[P], settings: str) -> P:
    """The part with these settings: a frozen value, so that thousands who ask may share it."""
    name, values = cls.name, dict[str, Any]()
    for item in filter(None, settings.split(",")):
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or key not in cls.model_fields:
            allowed = ", ".join(cls.model_fields) or "none"
            raise InputError(f"{name} has no setting {key!r}.", f"Its settings: {allowed}.", name)
        is_list = isinstance(cls.model_fields[key].default, tuple)
        values[key] = _split(value.strip(), is_list)
    return build_part(cls, values)


def build_part(cls: type[P], values: dict[str, Any]) -> P:
    """Construct a part, turning validation errors into one InputError."""
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        details = "; ".join(
            f"{'.'.join(map(str, e['loc']))}={_clipped(e['input'])}: {e['msg']}"
            for e in error.errors()
        )
        raise InputError(
            f"Bad settings ({details}).", "See the part's settings.", cls.name
        ) from None


def _clipped(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _format(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "|".join(quote(str(item), safe=_SAFE) or _EMPTY for item in value)
    return quote(str(value), safe=_SAFE)


def _split(text: str, field_is_list: bool) -> Any:
    if field_is_list:
        return [unquote(item) if item != _EMPTY else "" for item in text.split("|") if text]
    return unquote(text)


class ByName(BaseModel):
    """How a part is stored: its name, version and every setting, defaults included."""

    name: str
    version: int
    settings: dict[str, Any]

    @classmethod
    def of(cls, part: "Part") -> Self:
        """The stored form of a part."""
        return cls(name=part.name, version=part.version, settings=part.model_dump(mode="json"))


def field_schemas(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The JSON schema of each field, references followed."""
    schema = model.model_json_schema()
    known = schema.get("$defs", {})
    return {
        name: {**known.get(spec.get("$ref", "").rpartition("/")[2], {}), **spec}
        for name, spec in schema.get("properties", {}).items()
    }
