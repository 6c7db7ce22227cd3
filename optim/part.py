"""Parts: passes and runtimes. Each is one file holding one frozen, validated value.

A part's spelling is `name` or `name:setting=value,setting=value`, settings in the order of their
fields, defaults left out. Lists are joined by `|`; characters that would be ambiguous are
percent-encoded. The same spelling serves the command line, captions, test ids and the store.
"""

import importlib
import importlib.util
import pkgutil
from enum import StrEnum
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, ValidationError

from optim.errors import InputError

P = TypeVar("P", bound="Part")

_SAFE = "/:.-_()[]"  # readable in a spelling and never ambiguous there
_EMPTY = "%"  # an empty item of a list; no quoted text is a bare percent sign


class Group(StrEnum):
    """How the field groups optimizations; the page groups its toggles the same way."""

    MODEL = "model"
    GRAPH = "graph and operators"
    ENGINE = "engine"


class Part(BaseModel):
    """One optimization or engine with its settings; class variables say what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raised whenever the same settings start to give another result."""
    group: ClassVar[Group]
    title: ClassVar[str]
    """Plain words, with the field's term beside them."""
    summary: ClassVar[str]
    helps: ClassVar[str]
    hurts: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    """Importable packages it needs beyond the core ones."""

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """The packages that are needed and not installed."""
        return tuple(p for p in cls.packages if importlib.util.find_spec(p) is None)

    @property
    def spelling(self) -> str:
        """The canonical text form; `parse_part` reads it back to an equal value."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        text = ",".join(f"{key}={_format(value)}" for key, value in given.items())
        return f"{self.name}:{text}" if text else self.name

    def __str__(self) -> str:
        return self.spelling


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


@cache
def discover(package: str, kind: type[P]) -> dict[str, type[P]]:
    """All parts of a kind found in the modules of a package, by name, sorted.

    Listing is cheap: parts import what is heavy only when they run.
    """
    found: dict[str, type[P]] = {}
    root = importlib.import_module(package)
    for info in pkgutil.iter_modules(root.__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        found |= {part.name: part for part in _defined_in(module, kind)}
    return dict(sorted(found.items()))


def _defined_in(module: ModuleType, kind: type[P]) -> list[type[P]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, kind)
        and value.__module__ == module.__name__
        and "name" in vars(value)
    ]


def parse_part(text: str, known: dict[str, type[P]]) -> P:
    """Read a spelling. Raises InputError that names the part, the setting and what is allowed."""
    name, _, rest = text.strip().partition(":")
    if name not in known:
        raise InputError(f"There is no part named {name!r}.", f"Known ones: {', '.join(known)}.")
    cls = known[name]
    values: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
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
            f"{'.'.join(map(str, e['loc']))}={e['input']!r}: {e['msg']}" for e in error.errors()
        )
        raise InputError(
            f"Bad settings ({details}).", "See the part's settings.", cls.name
        ) from None


class ByName(BaseModel):
    """How a part is stored: its name, version and every setting, defaults included."""

    name: str
    version: int
    settings: dict[str, Any]

    @classmethod
    def of(cls, part: Part) -> Self:
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
