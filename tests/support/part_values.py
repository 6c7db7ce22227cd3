"""Hypothesis strategies: any part with any valid settings, made from its own description."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from optim.errors import InputError
from optim.part import Part, build_part

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["/layers.0/conv/Conv", "a b", "a,b=c", "x|y", "a+b", "100%", "%2C", "é/ü", "true", "0", "\n"]
)
"""Node names as exporters and attackers write them; UTF-8, as protobuf demands."""


def parts(cls: type[Part]) -> st.SearchStrategy[Part]:
    """Values of one part; each setting is its default or anything its type allows."""
    settings = {
        name: st.just(field.default) | _values(field) for name, field in cls.model_fields.items()
    }
    return st.fixed_dictionaries(settings).map(_valid(cls)).filter(lambda part: part is not None)


def _valid(cls: type[Part]) -> Callable[[dict[str, Any]], Part | None]:
    def made(settings: dict[str, Any]) -> Part | None:
        try:
            return build_part(cls, settings)
        except InputError:  # a rule beyond the types, such as a power of two
            return None

    return made


def _values(field: FieldInfo) -> st.SearchStrategy[Any]:
    kind: Any = field.annotation
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(_bound(field, "ge"), _bound(field, "le"))
    if kind is float:
        return st.floats(_bound(field, "ge"), _bound(field, "le"))
    if get_origin(kind) is tuple:
        return st.lists(NAMES, max_size=4).map(tuple)
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    assert issubclass(kind, StrEnum), f"no strategy for {kind}"
    return st.sampled_from(list(kind))


def _bound(field: FieldInfo, name: str) -> Any:
    return next(v for m in field.metadata if (v := getattr(m, name, None)) is not None)
