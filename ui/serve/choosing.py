"""What is served: which trial, and under which settings."""

import streamlit as st

from optim.errors import InputError
from optim.part import build_part
from optim.serving.settings import PROTOCOLS, Serving, parse_serving
from ui.forms import settings_form

_OWN = "Two of my own"
_SECONDS = (3, 10, 30, 60)
_READY = {
    "One server, as it comes": ("rest",),
    "REST against gRPC": ("rest", "grpc"),
    "Without and with batches": ("rest", "rest:most=8,wait_ms=2.0"),
    "2 threads against 2 sessions": ("rest:threads=2", "rest:sessions=2,threads=1"),
}


def asked() -> str:
    """What is to be compared."""
    return st.selectbox(
        "What to compare",
        [*_READY, _OWN],
        key="serve-compare",
        help="A setting says how requests reach the model: the protocol, how many copies of the "
        "model run side by side (sessions), and whether requests wait for each other to run "
        "together (dynamic batching).",
    )


def seconds() -> float:
    """How long each rate is asked for."""
    chosen = st.selectbox(
        "Each rate for",
        _SECONDS,
        format_func=lambda one: f"{one} s",
        key="serve-seconds",
        help="Longer loads support higher percentiles and show narrower intervals.",
    )
    return float(chosen)


def servings(chosen: str) -> list[Serving]:
    """The settings to load, one or two."""
    if chosen != _OWN:
        return [parse_serving(text) for text in _READY[chosen]]
    sides = st.columns(2, gap="medium")
    return [_own(name, side) for name, side in zip("AB", sides, strict=True)]


def _own(name: str, side: "st.delta_generator.DeltaGenerator") -> Serving:
    with side, st.expander(f"Setting {name}", expanded=True):
        protocol = st.segmented_control(
            "Protocol",
            list(PROTOCOLS),
            format_func=lambda one: PROTOCOLS[one].title,
            default="rest",
            required=True,
            key=f"serve-{name}-protocol",
        )
        if protocol not in PROTOCOLS:
            raise InputError("No protocol is chosen.", "Choose REST or gRPC.")
        kind = PROTOCOLS[protocol]
        return build_part(kind, settings_form(kind, f"serve-{name}-{protocol}"))
