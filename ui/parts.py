"""How parts and targets describe themselves in the page."""

from typing import Any

import streamlit as st

from optim.environments import remove
from optim.environments.making import make
from optim.part import BUILT_IN, Part
from optim.settings import settings
from optim.targets import LOCAL, Target
from ui.text import plain


def about(part: type[Part]) -> None:
    """What a part does, when it helps, when it hurts, and whose it is if not the program's."""
    for paragraph in described(part):
        st.markdown(paragraph)


def described(part: type[Part]) -> list[str]:
    """The same as paragraphs."""
    paragraphs = (
        part.summary,
        f"**Helps:** {part.helps}",
        f"**Hurts:** {part.hurts}",
        came_from(part),
    )
    return [paragraph for paragraph in paragraphs if paragraph]


def came_from(part: type[Part]) -> str:
    """Which package a part comes from; empty for the program's own."""
    return "" if part.origin == BUILT_IN else f"**From** {plain(part.origin)}"


def install_hint(part: type[Part]) -> str:
    """How to get what a part needs; empty if nothing is missing."""
    hint = part.install_hint()
    return f"Not installed here. {hint}" if hint else ""


def packages_of(part: type[Part]) -> None:
    """State of a part's own packages, and buttons that install and remove them."""
    environment = part.environment()
    if environment is None or not settings().server_files:
        return
    if made := environment.made:
        st.caption(f"Installed: {made.megabytes:,.0f} MB, {', '.join(made.pins)}")
        if st.button("Remove", key=f"remove.{part.name}"):
            remove(part.name)
            st.rerun()
    elif not part.hindrance() and st.button(
        f"Install (about {environment.megabytes:,.0f} MB, {environment.seconds:,.0f} s)",
        key=f"install.{part.name}",
        help="From the package index, into a folder apart. Leaving the page stops it.",
    ):
        bar = st.progress(0.0, "starting")
        make(environment, lambda text, share: _tell(bar, text, share))
        st.rerun()


def _tell(bar: Any, text: str, share: float) -> None:
    bar.progress(share, text)


def spelled(value: object) -> str:
    """A setting's value as a recipe spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "|".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def target_facts(target: Target) -> dict[str, list[str]]:
    """Every figure of a target's datasheet with its source."""
    rows = [
        (name.replace("_", " "), f"{figure.value:,.4g}", figure.source)
        for name, figure in target.figures.items()
    ]
    if target.instruction_sets:
        rows.append(("instruction sets", " ".join(target.instruction_sets), "the CPU itself"))
    columns = zip(*rows, strict=True)
    return {
        name: [plain(text) for text in column]
        for name, column in zip(("figure", "value", "source"), columns, strict=True)
    }


def target_label(target: Target) -> str:
    """A target's name, and that its times are estimated, where they are."""
    if target.modelled:
        return f"{target.title}, estimated"
    return "This machine" if target.name == LOCAL else target.title
