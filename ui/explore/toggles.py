"""The passes in the recipe builder: toggles in sections, the less usual ones folded away.

The widgets are the state: `build.PART` is a pass's switch, `build.PART.SETTING` a setting.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import streamlit as st

from optim.graph import Analysis
from optim.part import Group, Part, build_part
from optim.passes.base import Pass, Stage, all_passes
from ui.forms import settings_form
from ui.parts import about, described, install_hint
from ui.text import key_of

KEY = "build"
_MAX_NAMES = 1000
_LAST = 1000  # rank of what no search starts with
_AT_ONCE = 4  # so many toggles of a section are seen at once: what a search would try first


class _Section(NamedTuple):
    """Toggles of one kind; those after the first `at_once` are folded under `label`."""

    title: str
    parts: Sequence[type[Pass]]
    at_once: int = _AT_ONCE
    label: str = ""
    said: str = ""

    @property
    def folded(self) -> Sequence[type[Pass]]:
        return self.parts[self.at_once :]

    @property
    def fold(self) -> str:
        """Key of what holds them, which is whether it is open."""
        return key_of(KEY, "fold", self.title or self.label)


def passes_chosen(analysis: Analysis) -> list[Pass]:
    """Draw the toggles; returns the passes that are switched on."""
    return [part for section in _sections() for part in _drawn(section, analysis)]


def unfold(used: Mapping[str, Part]) -> None:
    """Open the sections that hold one of these parts. Only in a callback."""
    for section in _sections():
        if any(part.name in used for part in section.folded):
            st.session_state[section.fold] = True


def part_form(part: type[Part], analysis: Analysis) -> dict[str, object]:
    """What a part does, and its settings."""
    with st.expander("Settings, when it helps, when it hurts"):
        about(part)
        return settings_form(part, f"{KEY}.{part.name}", _choices(part, analysis))


def _sections() -> Iterator[_Section]:
    model = _of(Group.MODEL)
    steps = sorted(_of(Group.STEPS), key=lambda part: part.stage)
    said = "Most of these are part of *Simplify the graph*. Alone, each tells what it did."
    yield _Section("Graph and operators", _of(Group.GRAPH))
    yield _Section("", steps, 0, "Graph, step by step", said)
    yield _Section("Pruning and recovery", [p for p in model if p.stage <= Stage.RECOVER])
    yield _Section("Quantization and precision", [p for p in model if p.stage > Stage.RECOVER])


def _of(group: Group) -> list[type[Pass]]:
    """The passes of a group, first what a search would try first; what is not installed last."""

    def rank(part: type[Pass]) -> tuple[bool, int]:
        return bool(part.missing()), min((start.rank for start in part.starts), default=_LAST)

    return sorted((part for part in all_passes().values() if part.group == group), key=rank)


def _drawn(section: _Section, analysis: Analysis) -> Iterator[Pass]:
    if section.title:
        st.markdown(f"**{section.title}**")
    yield from _switches(section.parts[: section.at_once], analysis)
    if section.folded:
        yield from _folded(section, analysis)


def _folded(section: _Section, analysis: Analysis) -> Iterator[Pass]:
    """Drawn once they are asked for or used: widgets that nobody sees make a page open late."""
    label = section.label or f"{len(section.folded)} more"
    used = any(st.session_state.get(f"{KEY}.{part.name}") for part in section.folded)
    fold = st.expander(label, key=section.fold, on_change="rerun")
    if fold.open or used:
        with fold:
            if section.said:
                st.caption(section.said)
            yield from _switches(section.folded, analysis)


def _switches(parts: Sequence[type[Pass]], analysis: Analysis) -> list[Pass]:
    chosen = [_pass(part, analysis) for part in parts]
    return [part for part in chosen if part]


def _pass(part: type[Pass], analysis: Analysis) -> Pass | None:
    hint = install_hint(part)
    on = st.toggle(
        part.title,
        key=f"{KEY}.{part.name}",
        disabled=bool(hint),
        help=hint or "\n\n".join(described(part)),
        on_change=_switch_off_rivals,
        args=(part,),
    )
    return build_part(part, part_form(part, analysis)) if on and not hint else None


def _switch_off_rivals(part: type[Pass]) -> None:
    """Two passes of one stage refuse each other, so turning one on turns the other off."""
    if st.session_state[f"{KEY}.{part.name}"]:
        for other in all_passes().values():
            if other.stage == part.stage and other is not part:
                st.session_state[f"{KEY}.{other.name}"] = False


def _choices(part: type[Part], analysis: Analysis) -> Mapping[str, Sequence[str]]:
    """Names to offer in fields that are lists: operators of this model, or its nodes."""
    ops = list(analysis.op_histogram)
    nodes = [row.name for row in analysis.nodes[:_MAX_NAMES]]
    return {field: ops if "op_types" in field else nodes for field in part.model_fields}
