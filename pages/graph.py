"""Graph: the model as a picture, its totals, every node, and where the time goes."""

import streamlit as st

from optim.explaining.profile import ProfiledNode
from optim.graph import Analysis
from optim.model import load_model
from optim.recipe import Recipe
from optim.showing.text import count, milliseconds, size
from optim.studies.study import Study
from ui import charts
from ui.cached import analysis_of_digest, profile_of_digest
from ui.errors import errors_shown
from ui.graph_figures import figures
from ui.models import known_models, runtimes_of
from ui.nodes import node_columns, node_frame
from ui.server.netron import viewer_url
from ui.state import queue, require_study, trials_in_address
from ui.text import plain

_HEIGHT = 620
_PICTURE, _FIGURES, _NODES = (
    "Picture (Netron)",
    "Figures on the graph",
    "Nodes and where the time goes",
)
_PICTURED = 2000
"""Graphs with more nodes open with the table."""


def _model(study: Study) -> str:
    models = known_models(study)
    wanted = {trial.model_digest for trial in trials_in_address(study)}
    index = next((i for i, digest in enumerate(models) if digest in wanted), 0)
    return st.selectbox(
        "Model",
        list(models),
        index,
        format_func=lambda digest: models[digest],
        label_visibility="collapsed",
    )


def _totals(analysis: Analysis, file_size: int) -> None:
    facts = {
        "Parameters": count(analysis.parameters),
        "FLOPs per run": count(analysis.flops),
        "File": size(file_size),
        "Weights": size(analysis.weight_bytes),
        "Peak activations": size(analysis.peak_activation_bytes),
        "Nodes": f"{analysis.node_count:,}",
        "Opset": str(analysis.opset),
    }
    for (name, value), column in zip(facts.items(), st.columns(len(facts)), strict=True):
        column.metric(name, value)
    st.caption(
        f"In: {plain('; '.join(analysis.inputs))}. Out: {plain('; '.join(analysis.outputs))}."
    )
    histogram = ", ".join(f"{op} {number:,}" for op, number in analysis.op_histogram.items())
    st.caption(f"Operators: {plain(histogram)}")
    for note in analysis.notes:
        st.caption(plain(note))


def _profile(study: Study, digest: str) -> tuple[ProfiledNode, ...]:
    runtimes = runtimes_of(study, digest)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        runtime = st.selectbox("Engine", runtimes, key=f"engine:{digest}")
    with right:
        asked = f"profile:{digest}:{runtime}"
        if st.button("Measure time per node", help="Runs the engine's own profiler, in a few s."):
            st.session_state[asked] = True
    if not st.session_state.get(asked):
        if queue().pending():
            st.caption("Trials are being measured on this machine; this would disturb them.")
        return ()
    return profile_of_digest(digest, Recipe.parse(runtime).spelling, study.evalset.digest)


def _where(analysis: Analysis, profile: tuple[ProfiledNode, ...]) -> None:
    if profile:
        names = [node.name for node in profile]
        ops, times = [n.op for n in profile], [n.microseconds for n in profile]
        figure = charts.treemap(names, ops, times, "µs")
        total = milliseconds(sum(times) / 1e3)
        st.caption(
            f"Time per operator and node, {total} together, by the engine's own profiler, "
            "which slows small nodes down: the shares matter, not the sum."
        )
    else:
        rows = [row for row in analysis.nodes if row.flops]
        names, ops = [row.name for row in rows], [row.op for row in rows]
        figure = charts.treemap(names, ops, [row.flops for row in rows], "FLOPs")
        st.caption("Where the FLOPs are. Measure the time per node to see where the time goes.")
    st.plotly_chart(figure, key="treemap", alt="Treemap of where the time or the FLOPs go")


def _view(nodes: int) -> str:
    """What to look at. Only that is drawn: the picture of a large graph takes a while."""
    asked = "overlay" in st.query_params
    return st.segmented_control(
        "View",
        [_PICTURE, _FIGURES, _NODES],
        default=_FIGURES if asked else _PICTURE if nodes <= _PICTURED else _NODES,
        required=True,
        key=f"view:{nodes <= _PICTURED}",
        label_visibility="collapsed",
    )


def _nodes(study: Study, digest: str, analysis: Analysis) -> None:
    profile: tuple[ProfiledNode, ...] = ()
    with errors_shown():
        profile = _profile(study, digest)
    _where(analysis, profile)
    frame = node_frame(analysis, profile)
    if profile:
        frame = frame.sort_values("µs", ascending=False)
    st.dataframe(frame, hide_index=True, height=460, column_config=node_columns(), key="nodes")


study = require_study()
left, middle, right = st.columns([2.6, 3.4, 5.2], vertical_alignment="center")
left.subheader(f"Graph of {plain(study.title)}", anchor=False)
with middle:
    digest = _model(study)
with errors_shown():
    model = load_model(digest)
    analysis = analysis_of_digest(digest)
    with right:
        view = _view(analysis.node_count)
    if view == _FIGURES:
        figures(study, digest, analysis)
    else:
        _totals(analysis, model.size_bytes)
    if view == _PICTURE:
        st.iframe(viewer_url(digest, model.name), height=_HEIGHT)
    elif view == _NODES:
        _nodes(study, digest, analysis)
