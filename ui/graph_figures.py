"""Figures on the graph: the picture with its overlays, what it is compared with, its nodes."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd
import streamlit as st

from optim.errors import OptimError
from optim.explaining.profile import ProfiledNode
from optim.graph import Analysis
from optim.names import legible
from optim.showing.graph_json import Drawn
from optim.showing.overlay import Laid, Overlay, lay, unmeasured
from optim.studies.study import Study
from optim.targets import all_targets
from ui import graph_facts
from ui.cached import match_of_digests
from ui.errors import show
from ui.graph_facts import ENGINE, View
from ui.graph_view import Picture, graph_view, picture
from ui.models import known_models, runtimes_of
from ui.nodes import node_columns, node_frame, runs_as
from ui.server.viewer import installed
from ui.state import queue
from ui.text import key_of, plain

_MISSING = (
    "The viewer is not installed here. Install it with `pip install --no-deps "
    "ai-edge-model-explorer`, and start the server again."
)
_CHANGES, _FIRST, _UNMEASURED = "change", "time", "flops"
_WIDTHS: tuple[Literal["stretch"] | int, ...] = ("stretch", 190, 220, 190)
"""Of what stands in a row above the picture, pixels; the last is only there for estimates."""


def figures(study: Study, digest: str, analysis: Analysis) -> None:
    """The whole view. An address may name the figure (`overlay`) and a node to begin with."""
    if not installed():
        st.info(_MISSING)
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    figure, engine, against, hardware = (row.container(width=one) for one in _WIDTHS)
    with engine:
        runtime = _engine(study, digest)
    with against:
        other = _other(study, digest, runtime)
    shown = graph_facts.views(study, digest, runtime, other)
    with figure:
        overlay = _overlay(study, shown)
    with hardware:
        target = _hardware() if overlay.needs == "bounds" else ""
    ready = overlay.needs != "profile" or _measured(study, shown)
    laid = _laid(overlay if ready else unmeasured(overlay), shown, study, target)
    key = key_of("node", study.name, digest)
    if "node" in st.query_params:
        st.session_state.setdefault(key, st.query_params["node"])
    above = st.container()
    drawn = graph_view(
        _picture(study.title, [(view.drawn.id, view.digest, runtime) for view in shown], shown),
        laid,
        st.session_state.get(key),
        key=key_of("graph", study.name),
        on_click=lambda node: st.session_state.update({key: node}),
    )
    if not ready:
        with above:
            _measure(study, shown, drawn)
    if drawn:  # until then the browser, which draws one thing at a time, has the picture to draw
        _table(study, shown, analysis, key)


@st.cache_resource(max_entries=16, show_spinner="Preparing the picture ...")
def _picture(name: str, of: list[tuple[str, str, str]], _views: Sequence[View]) -> Picture:
    """The picture of views that `of` tells apart, made once."""
    return picture(name, [view.drawn for view in _views])


def _engine(study: Study, digest: str) -> str:
    return st.selectbox("Engine", runtimes_of(study, digest), key=key_of("engine", digest))


def _other(study: Study, digest: str, runtime: str) -> str:
    """What is shown beside it: another model's digest, `ENGINE`, or nothing."""
    titles = {"": "nothing", ENGINE: f"{graph_facts.engine_title(runtime)} (its own graph)"}
    # Last, since more come while the list is open: none may move under the pointer.
    titles |= {one: name for one, name in known_models(study).items() if one != digest}
    return st.selectbox(
        "Compare with",
        list(titles),
        format_func=lambda one: titles[one],
        key=key_of("other", digest),
        help="Both graphs side by side, coloured by what is the same, changed, fused, added or "
        "removed.",
    )


def _overlay(study: Study, shown: Sequence[View]) -> Overlay:
    """The figure to draw."""
    overlays = graph_facts.offered(shown, study)
    asked = st.query_params.get("overlay", "")
    first = asked if asked in overlays else _UNMEASURED if queue().pending() else _FIRST
    name = st.segmented_control(
        "Figure on the nodes",
        list(overlays),
        default=_CHANGES if _CHANGES in overlays else first,
        required=True,
        format_func=lambda one: overlays[one].title,
        key=key_of("overlay", len(shown)),
    )
    return overlays[name]


def _hardware() -> str:
    """What the estimate is for: CPUs first."""
    modelled = {name: sheet for name, sheet in all_targets().items() if sheet.modelled}
    ordered = sorted(modelled, key=lambda name: modelled[name].kind != "cpu")
    return st.selectbox("Hardware", ordered, format_func=lambda name: modelled[name].title)


def _laid(overlay: Overlay, shown: Sequence[View], study: Study, target: str) -> Laid | None:
    try:
        known = {
            view.drawn.id: graph_facts.facts(view, shown, overlay.needs, study, target)
            for view in shown
        }
    except OptimError as error:
        show(error)
        return None
    if overlay.needs == "bounds" and (refused := graph_facts.refusal(shown[0], target)):
        st.caption(plain(refused))
    return lay(overlay, known, dark=st.context.theme.type == "dark")


def _asked(study: Study, shown: Sequence[View]) -> str:
    return key_of("profiled", study.name, *((view.digest, view.runtime) for view in shown))


def _measured(study: Study, shown: Sequence[View]) -> bool:
    return bool(st.session_state.get(_asked(study, shown)))


def _measure(study: Study, shown: Sequence[View], drawn: bool) -> None:
    """Measure what the figure needs, when asked for; by itself where nothing else is under way.

    Args:
        drawn: whether the browser is done with the picture: it may be on this machine, too, and
            drawing would disturb what is timed.
    """
    key, free = _asked(study, shown), not queue().pending()
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        asked = st.button("Measure time per node", help="By the engine's own profiler, in a few s.")
        if not free:
            st.caption("Trials are being measured on this machine; this would disturb them.")
        if not asked and not (free and drawn):
            return
        try:
            for view in shown:
                graph_facts.profile(view, study)
        except OptimError as error:
            show(error)
            return
    st.session_state[key] = True
    st.rerun()


def _table(study: Study, shown: Sequence[View], analysis: Analysis, key: str) -> None:
    """Every node; choosing one finds it in the picture, and a click in the picture finds it."""
    one, *others = shown
    if others and not others[0].of_engine:
        match = match_of_digests(one.digest, others[0].digest)
        changes = [
            {
                "node": " + ".join(found.before),
                "change": found.change,
                "how": found.why,
                "became": " + ".join(found.after),
            }
            for found in match.matches
        ]
        names = [(*found.before, *found.after) for found in match.matches]
        _selectable(pd.DataFrame(changes), names, key)
        return
    profile = graph_facts.profile(one, study) if _measured(study, shown) else ()
    frame = listed(one.drawn, analysis, profile)
    names = [(name,) for name in frame["node"]]
    _selectable(frame, names, key, runs_as(st.session_state.get(key), profile))


def listed(drawn: Drawn, analysis: Analysis, profile: Sequence[ProfiledNode] = ()) -> pd.DataFrame:
    """What can be found in the picture, the longest first where that is known."""
    frame = node_frame(analysis.model_copy(update={"nodes": tuple(drawn.rows)}), profile)
    return frame.sort_values("µs", ascending=False) if profile else frame


def _selectable(
    rows: pd.DataFrame, names: Sequence[tuple[str, ...]], key: str, more: str = ""
) -> None:
    """The table, and above it the row of a node that was chosen in the picture.

    Args:
        names: of each row, the nodes that it tells of; the first is found in the picture.
    """
    table = key_of("table", key)

    def chosen() -> None:
        if places := st.session_state[table].selection.rows:
            st.session_state[key] = names[places[0]][0]

    if node := st.session_state.get(key):
        st.caption(plain(f"Chosen: {legible(node)}. {more}"))
        _row_of(node, rows, names, table)
    st.dataframe(
        rows,
        hide_index=True,
        height=320,
        column_config=node_columns(),
        key=table,
        on_select=chosen,
        selection_mode="single-row",
    )


def _row_of(node: str, rows: pd.DataFrame, names: Sequence[tuple[str, ...]], table: str) -> None:
    """A node's own row, unless the table has it marked: it may be hundreds of rows down."""
    found = [place for place, among in enumerate(names) if node in among][:1]
    marked = st.session_state[table].selection.rows if table in st.session_state else []
    if found and found != list(marked):
        st.dataframe(rows.iloc[found], hide_index=True, column_config=node_columns())
