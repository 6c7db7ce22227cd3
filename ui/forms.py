"""Forms from settings: one widget per field of a pydantic model, made from its JSON schema."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import BaseModel

from optim.errors import InputError
from optim.part import field_schemas

Schema = dict[str, Any]
_SLIDER_SPAN = 64
"""A bounded integer within such a span is a slider, else a number box."""


def settings_form(
    model: type[BaseModel],
    key: str,
    choices: Mapping[str, Sequence[str]] | None = None,
    defaults: Mapping[str, Any] | None = None,
    beside: int = 1,
) -> dict[str, Any]:
    """Draw a form for every field of `model` and return the values, in the fields' order.

    Args:
        key: prefix of the widgets' keys; field `f` is kept in the session state as `key.f`.
        choices: for fields that are lists of names: names to offer (others may be typed).
        defaults: values to start from where they are not the fields' own.
        beside: how many fields stand in a row.
    """
    given, values = dict(defaults or {}), {}
    for number, (name, spec) in enumerate(field_schemas(model).items()):
        if number % beside == 0:
            row = st.columns(beside) if beside > 1 else [st.container()]
        value, names = given.get(name, spec.get("default")), (choices or {}).get(name, ())
        with row[number % beside]:
            values[name] = _field(name, spec, f"{key}.{name}", value, names)
    return values


def label(name: str) -> str:
    """A field's name as words."""
    return name.replace("_", " ").capitalize()


def _field(name: str, spec: Schema, key: str, value: Any, choices: Sequence[str]) -> Any:
    if key in st.session_state:
        value = None  # the session state has it; a second default would be refused
    common: dict[str, Any] = {"label": label(name), "key": key, "help": spec.get("description")}
    if "enum" in spec:
        options = spec["enum"]
        index = options.index(value) if value in options else 0
        return st.selectbox(options=options, index=index, **common)
    match spec.get("type"):
        case "boolean":
            return st.toggle(value=bool(value), **common)
        case "integer":
            return _integer(spec, value, common)
        case "number":
            return _number(spec, value, common)
        case "array" if _of_text(spec):
            return _names(value, choices, common)
        case "array":
            return _numbers(value, common)
        case _:
            return st.text_input(value=value or "", **common)


def _integer(spec: Schema, value: Any, common: dict[str, Any]) -> int:
    low, high = spec.get("minimum"), spec.get("maximum")
    bounds = {"min_value": low, "max_value": high, "step": spec.get("multipleOf", 1)}
    start = _start(common, low or 0 if value is None else int(value))
    if low is not None and high is not None and high - low <= _SLIDER_SPAN:
        return int(st.slider(**start, **bounds, **common))
    return int(st.number_input(**start, **bounds, **common))


def _number(spec: Schema, value: Any, common: dict[str, Any]) -> float:
    low = spec.get("minimum", spec.get("exclusiveMinimum"))
    high = spec.get("maximum", spec.get("exclusiveMaximum"))
    start = _start(common, float(low or 0) if value is None else float(value))
    return float(
        st.number_input(
            min_value=None if low is None else float(low),
            max_value=None if high is None else float(high),
            **start,
            step=_step(low, high),
            format="%.6g",
            **common,
        )
    )


def _start(common: dict[str, Any], value: float) -> dict[str, Any]:
    """The value to start from, unless the session state has one: two would be refused."""
    return {} if common["key"] in st.session_state else {"value": value}


def _step(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else (high - low) / 100


def _names(value: Any, choices: Sequence[str], common: dict[str, Any]) -> list[str]:
    start = list(value or [])
    kept = st.session_state.get(common["key"], [])
    options = list(dict.fromkeys([*choices, *start, *kept]))
    return st.multiselect(
        options=options,
        default=start or None,
        accept_new_options=True,
        placeholder="Choose or type names",
        **common,
    )


def _numbers(value: Any, common: dict[str, Any]) -> list[float]:
    start = ", ".join(f"{item:g}" for item in value or [])
    text = st.text_input(value=start, **common)
    try:
        return [float(item) for item in text.split(",") if item.strip()]
    except ValueError:
        raise InputError(
            f"{common['label']}: {text!r} is no list of numbers.", "Write such as 0.5, 0.5, 0.5."
        ) from None


def _of_text(spec: Schema) -> bool:
    return spec.get("items", {}).get("type", "string") == "string" and "prefixItems" not in spec
