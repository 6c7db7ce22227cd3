"""Reference: every pass, runtime, metric and target, made from the parts themselves."""

import streamlit as st

from optim.metrics.base import all_metrics
from optim.part import Part, broken_parts
from optim.passes.base import all_passes
from optim.runtimes.base import all_runtimes
from optim.runtimes.support.elsewhere import ELSEWHERE
from optim.targets import Target, all_targets
from ui.errors import errors_shown
from ui.glossary import explained
from ui.hardware import this_machine
from ui.parts import about, install_hint, packages_of, spelled, target_facts
from ui.state import PARTS_TAB, RUNTIMES_TAB, TARGETS_TAB
from ui.text import plain

_TABS = ("Passes", RUNTIMES_TAB, "Metrics", TARGETS_TAB)


def _listed(parts: dict[str, type[Part]]) -> None:
    for name, part in parts.items():
        hint = install_hint(part)
        title = f":gray[{part.title}]" if hint else part.title
        with st.expander(f"{title} · `{name}`"):
            if hint:
                st.warning(hint)
            with errors_shown():
                packages_of(part)
            about(part)
            if part.model_fields:
                st.table(_settings(part), border="horizontal")


def _elsewhere() -> None:
    """Compilers that people ask for and that are no runtime."""
    st.markdown("**Not run here**")
    for one in ELSEWHERE:
        with st.expander(f":gray[{one.title}]"):
            st.markdown(f"{one.became} [Source]({one.source})")
            st.markdown(f"**Instead** {one.instead}")


def _settings(part: type[Part]) -> dict[str, list[str]]:
    fields = part.model_fields
    return {
        "setting": [f"`{name}`" for name in fields],
        "default": [plain(spelled(field.default)) for field in fields.values()],
        "what it does": [plain(field.description or "") for field in fields.values()],
    }


def _target(target: Target) -> None:
    kind = "estimated from a datasheet" if target.modelled else "measured"
    with st.expander(f"{target.title} · `{target.name}` · {kind}"):
        for note in target.notes:
            st.markdown(plain(note))
        st.table(target_facts(target), border="horizontal")


st.title("Parts")
st.markdown(
    explained(
        "What a [[recipe]] is made of: passes (such as [[quantization]] and [[pruning]]), then a "
        "[[runtime]]; what scores it (a [[metric]]), and the [[target]] it runs on. "
        "A new part is one new file, or comes from another package; it shows up here by itself."
    ),
    unsafe_allow_html=True,
)
for broken in broken_parts():
    st.warning(plain(f"{broken.name} of {broken.origin} is left out. {broken.why}"))
asked = st.query_params.get(PARTS_TAB)
passes, runtimes, metrics, targets = st.tabs(_TABS, default=asked if asked in _TABS else None)
with passes:
    _listed(dict(all_passes()))
with runtimes:
    _listed(dict(all_runtimes()))
    _elsewhere()
with metrics:
    _listed(dict(all_metrics()))
with targets:
    this_machine()
    st.subheader("All targets")
    for one in all_targets().values():
        _target(one)
