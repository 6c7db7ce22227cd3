"""Where a trial's time went, what did not go as hoped, what that costs, and what to do."""

from collections.abc import Iterable, Sequence

import streamlit as st

from optim.graph import Analysis
from optim.recipe import Recipe
from optim.showing.brief import named as in_words
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.why.explanation import Why
from optim.why.explanations import Explaining
from optim.why.finding import Finding
from optim.why.helped import helped, tried
from optim.why.picture import parts_chart, waterfall_chart
from optim.why.saying import named
from optim.why.told import NOTES, cost, doubt, headline, title_of_findings
from ui.cached import analysis_of_digest
from ui.errors import errors_shown
from ui.state import EXPLORE, GRAPH, explanations, page, submit
from ui.text import plain

_BADGES = {"time": ":red-badge[time]", "quality": ":orange-badge[quality]"}
_TRUST = ":blue-badge[what the figures are worth]"
_LISTED = 12


def where_time_went(study: Study, trial: Trial) -> None:
    """The section: asked for, followed while it is made, read."""
    live = _busy(study, trial)
    st.fragment(_shown, run_every="1s" if live else None)(study, trial, live)


def _start(study: Study, trial: Trial, label: str) -> None:
    st.button(
        label,
        type="primary" if label == "Explain" else "secondary",
        key="explain",
        on_click=explanations().start,
        args=(study, trial),
        help="Profiles both, looks for causes, and times what would mend them beside it: about a "
        "minute. Trials wait meanwhile.",
    )


def _under_way(study: Study, trial: Trial, found: Explaining) -> None:
    st.progress(found.share, text=f"Explaining: {plain(found.doing)} ...")
    st.button("Stop", key="stop", on_click=explanations().stop, args=(study, trial))


def _answer(study: Study, trial: Trial, found: Why) -> None:
    st.markdown(f"**{plain(headline(found))}**")
    left, right = st.columns([5, 6], gap="medium")
    with left:
        st.plotly_chart(
            (parts_chart if found.is_original else waterfall_chart)(found.waterfall),
            key="waterfall",
            config={"displayModeBar": False},
            alt="Waterfall of time per operator from the run before to the run after",
        )
        st.caption(
            "Each operator's share of the profile, on the scale of the measured run. Before: the "
            "original on ONNX Runtime with as many threads. Hover for intervals. "
            + doubt(found.profiled_ms, (found.waterfall.before_ms, found.waterfall.after_ms))
        )
        with st.expander("What the recipe changed"):
            for line in found.changes or ("Nothing: no pass changed the graph.",):
                st.caption(plain(line))
        _start(study, trial, "Explain again")
    with right:
        _findings(study, trial, found)


def _findings(study: Study, trial: Trial, found: Why) -> None:
    st.subheader(title_of_findings(found))
    trials = study.trials()
    for number, finding in enumerate(found.findings):
        if finding.note and not (number and found.findings[number - 1].note):
            st.markdown(f"##### {NOTES}")
        with st.container(border=True):
            _finding(study, trial, finding, trials, number)


def _finding(
    study: Study, trial: Trial, finding: Finding, trials: Sequence[Trial], number: int
) -> None:
    name = finding.code.replace("_", " ").capitalize()
    st.markdown(f"**{name}** {_BADGES.get(finding.concerns, _TRUST)} {plain(cost(finding))}")
    st.markdown(plain(finding.text))
    if finding.advice:
        st.markdown(f":material/arrow_forward: {plain(finding.advice)}")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if finding.recipe:
            _try(study, trial, finding, trials, number)
        if finding.nodes:
            _nodes(study, trial, finding, number)


def _nodes(study: Study, trial: Trial, finding: Finding, number: int) -> None:
    """Their names, each a way to the graph; what the engine added is only named."""
    nodes, added = on_graph(analysis_of_digest(trial.model_digest), finding.nodes)
    with st.popover(f"Nodes ({len(nodes)})", key=f"nodes:{number}"):
        for node in nodes[:_LISTED]:
            query = {"study": study.name, "trial": str(trial.number), "overlay": "time"}
            st.page_link(page(GRAPH), label=plain(node), query_params={**query, "node": node})
        if len(nodes) > _LISTED:
            st.caption(f"and {len(nodes) - _LISTED} more")
        if added:
            st.caption(plain(f"The engine's own, not in the graph: {named(added)}."))


def on_graph(graph: Analysis, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The graph's nodes to look at, and what the graph does not have: an engine's own.

    An input or output of the model is where it is read or made.
    """
    known = {row.name for row in graph.nodes}
    around: dict[str, list[str]] = {}
    for row in graph.nodes:
        for tensor in (*row.reads, *row.writes):
            around.setdefault(tensor, []).append(row.name)
    places = {name: [name] if name in known else around.get(name, []) for name in names}
    nodes = dict.fromkeys(node for some in places.values() for node in some)
    return list(nodes), [name for name, some in places.items() if not some]


def _try(
    study: Study, trial: Trial, finding: Finding, trials: Sequence[Trial], number: int
) -> None:
    """What would mend it, by one click; once it was tried, the way to it and what came of it."""
    other = tried(finding, trial, trials)
    if other is None:
        st.button(
            f"Try {plain(in_words(Recipe.parse(finding.recipe)))}",
            key=f"try:{number}",
            on_click=_submit,
            args=(study, finding.recipe),
            help=f"Measures {plain(finding.recipe)} as a trial of its own, and says here whether "
            "it helped.",
        )
        return
    st.page_link(
        page(EXPLORE),
        label=f"#{other.number} on the chart",
        icon=":material/scatter_plot:",
        query_params={"study": study.name, "trial": str(other.number)},
    )
    st.caption(plain(helped(finding.concerns, trial, other)))


def _submit(study: Study, recipe: str) -> None:
    with errors_shown():
        submit(study, [Recipe.parse(recipe)], LOCAL, "why")


def _busy(study: Study, trial: Trial) -> bool:
    found = explanations().of(study, trial)
    under_way = found is not None and found.state == "under way"
    return under_way or any(one.origin == "why" and not one.finished for one in study.trials())


def _shown(study: Study, trial: Trial, live: bool) -> None:
    """The fragment. Where what it was drawn for has ended or begun, the page is drawn anew."""
    if live != _busy(study, trial):
        st.rerun()
    with errors_shown():
        found = explanations().of(study, trial)
        if found is None:
            st.markdown(
                "Where did the time go, what did not go as hoped, and what would mend it? Both "
                "models are profiled, and what would mend a cause is timed beside it."
            )
            _start(study, trial, "Explain")
        elif found.state == "under way":
            _under_way(study, trial, found)
        elif found.why:
            _answer(study, trial, found.why)
        else:
            st.error(plain(found.error))
            _start(study, trial, "Explain")
