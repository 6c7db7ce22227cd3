"""The picture of a graph with figures on it: a frame with the viewer, and the legend above it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from optim.showing.graph_json import Drawn, collections, opened
from optim.showing.overlay import Laid
from ui.server.viewer import offer_graphs, offer_overlay, overlay_path, viewer_page

_HTML = (
    '<div class="graph-view"><div class="above"><div class="legend" role="status"></div>'
    '<button type="button">Fill the screen</button></div>'
    '<iframe allow="" tabindex="0"></iframe></div>'
)
_HERE = Path(__file__)


@dataclass(frozen=True)
class Picture:
    """Graphs as the viewer loads them, made once however often they are shown."""

    page: str
    graphs: str
    alt: str


def picture(name: str, graphs: Sequence[Drawn]) -> Picture:
    """One graph, or two that are shown side by side.

    Args:
        name: of the model; it stands above the picture.
    """
    label = " ".join(name.replace("/", " ").split()) or "model"
    text = json.dumps(collections("", graphs))
    panes = [_pane(graph, label, 1 / len(graphs)) for graph in graphs]
    page = viewer_page(offer_graphs(text), label, {"paneStates": panes})
    alt = f"Graph of {label} with figures on its nodes"
    return Picture(page, text, alt)


def graph_view(
    shown: Picture,
    laid: Laid | None,
    node: str | None,
    key: str,
    on_click: Callable[[str], None],
) -> bool:
    """Draw it. Returns whether the browser is done with the graph: drawn, or given up.

    Args:
        laid: the overlay and its legend.
        node: what to select, by its id.
        on_click: is called with the id of a node that was clicked.
    """

    def clicked() -> None:
        if found := st.session_state[key].get("clicked"):
            on_click(str(found))

    mount = st.components.v2.component(
        "graph_view",
        html=_HTML,
        css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
        js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
        isolate_styles=False,
    )
    offer_graphs(shown.graphs)  # again: others may have taken its place
    data: dict[str, Any] = {"page": shown.page, "alt": shown.alt, "node": node}
    if laid is not None:
        title = str(laid.legend["title"])
        data["overlay"] = overlay_path(offer_overlay(laid.node_data), title)
        data["legend"] = laid.legend
    drawn = (st.session_state.get(key) or {}).get("drawn") == shown.page
    mount(
        key=key,
        data={**data, "drawn": drawn},
        on_clicked_change=clicked,
        on_drawn_change=lambda: None,
    )
    return bool(drawn)


def _pane(graph: Drawn, collection: str, width: float) -> Mapping[str, Any]:
    return {
        "deepestExpandedGroupNodeIds": opened(graph),
        "selectedNodeId": "",
        "selectedGraphId": graph.id,
        "selectedCollectionLabel": collection,
        "widthFraction": width,
        "selected": False,
    }
