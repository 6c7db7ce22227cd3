"""The stage: verdict, chart, a sentence, and the few things that a presenter needs."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from optim.sharing.telling import title_of
from optim.showing.acceptable import acceptable
from optim.showing.chart import Canvas, trade_off
from optim.showing.points import default_plane, hardware, marks
from optim.showing.story import headline, on_stage, sentence, stops
from optim.showing.verdict import Verdict, verdict
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from ui.explore.live_chart import LIVE, live_chart
from ui.explore.news import redraw_on_news
from ui.present.keys import keys, window_height
from ui.present.place import Place, Presentation, begin, left
from ui.present.room import joined_elsewhere, room_control, tell_room
from ui.server.rooms import room_url, stamp_of_room
from ui.server.stamp import news_url, stamp_of
from ui.state import goal_of
from ui.text import key_of, plain

_SHARE = 0.7  # of the window's height, which the chart takes
_FONT = 20  # pixels
_LARGER = 1.5  # points and names, for a room
_WIDTH = 1200  # of the chart, about
_TICK_MS = 1000
_STYLE = f"""<style>
html {{font-size: {_FONT}px}}
[data-testid=stHeader] {{visibility: hidden}} [data-testid=stSidebar] {{display: none}}
html body [data-testid=stMainBlockContainer] {{padding: 0.3rem 1.2rem}}
[data-testid=stVerticalBlock] {{gap: 0.3rem}}
[data-testid=stMainBlockContainer] p {{line-height: 1.3}}
.st-key-{LIVE} > * > [data-testid=stVerticalBlock] {{min-height: calc(100vh - 0.6rem)}}
.st-key-{LIVE} > * > * > [data-testid=stLayoutWrapper]:has(.gain) {{margin-block: auto}}
.gain {{font-size: 2rem; font-weight: 600; line-height: 1.2; text-align: center}}
</style>"""


def present_button() -> None:
    """The way into presenter mode."""
    st.button(
        "Present",
        icon=":material/slideshow:",
        key="present",
        type="tertiary",
        on_click=begin,
        help="Chart, verdict and one sentence for each point of the front, for a room. Arrow keys "
        "walk the front, Esc leaves.",
    )


def present(study: Study) -> None:
    """The whole page in presenter mode."""
    st.html(_STYLE)
    with st.container(key=LIVE):
        _stage(study)


@st.fragment
def _stage(study: Study) -> None:
    if left() or joined_elsewhere():
        st.rerun()
    stamp = stamp_of(study.name)
    trials, goal = on_stage(study.trials()), goal_of(study)
    found = verdict(trials, goal)
    told = Presentation(study, trials, stops(trials, goal))
    place = told.place(found.number if found else None)
    tell_room(study, told, place)
    _title(study, found, trials)
    _chart(study, told, place, trials)
    _sentence(told, place)
    _controls(study, told, place)
    _listen(told, place)
    redraw_on_news(news_url(study.name), stamp)
    if told.code:
        redraw_on_news(room_url(told.code), stamp_of_room(told.code))


def _title(study: Study, found: Verdict | None, trials: Sequence[Trial]) -> None:
    name = plain(study.title)
    if found:
        figures = f": {plain(found.figures)}" if found.figures else ""
        st.markdown(f"**{name}. {plain(found.title)}**{figures}")
    elif trials and trials[0].target != LOCAL:
        st.markdown(f"**{name}**, on {plain(hardware(trials[0].target))}")
    else:
        st.markdown(f"**{name}**: the verdict comes with the first timing.")


def _chart(study: Study, told: Presentation, place: Place, trials: Sequence[Trial]) -> None:
    shown = told.came if place.revealed is None else told.came[: place.revealed]
    plane = default_plane(study.evalset.metric, trials)
    key, chosen = key_of("stage", study.name), _chosen(told, place, shown)
    figure = trade_off(
        marks(shown, plane),
        x=plane.axes()[0],
        y=plane.axes()[1],
        chosen=chosen,
        front=plane.front_name,
        view=key,
        shaded=acceptable(trials, plane, goal_of(study)),
        canvas=Canvas(
            _WIDTH,
            int(_SHARE * window_height()),
            _LARGER,
            holds=tuple(marks(told.came, plane)),  # so that points do not move in a replay
            empty="The first point appears within seconds.",
        ),
    )
    alt = f"{plane.y.title} against {plane.x.title} of {len(shown)} trials"
    title = title_of(study, trials, goal_of(study))
    live_chart(_for_a_room(figure).to_json(), key, alt, chosen, told.stand_at, title)


def _chosen(told: Presentation, place: Place, shown: Sequence[Trial]) -> int | None:
    """The ringed point: the stop's, in a replay the one that came last."""
    if place.revealed is not None:
        return shown[-1].number if shown else None
    return told.way[place.at].number if told.way else None


def _for_a_room(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(title_standoff=4)
    return figure.update_layout(font={"size": _FONT})


def _sentence(told: Presentation, place: Place) -> None:
    """Where it stands in words, between the ways to either side."""
    followed = told.followed is not None
    at, last = place.at, len(told.way) - 1
    back, large, words, on = st.columns([1.3, 1.2, 6.8, 1.3], vertical_alignment="center")
    with back:
        st.button(
            "Faster",
            icon=":material/arrow_back:",
            key="faster",
            disabled=followed or at <= 0,
            on_click=told.move,
            args=(at - 1,),
            width="stretch",
        )
    with large:
        st.html(f'<div class="gain">{_gain(told, place)}</div>')
    with words:
        st.markdown(plain(_said(told, place)))
    with on:
        st.button(
            "Slower",
            icon=":material/arrow_forward:",
            icon_position="right",
            key="slower",
            disabled=followed or at >= last,
            on_click=told.move,
            args=(at + 1,),
            width="stretch",
        )


def _gain(told: Presentation, place: Place) -> str:
    """The speed-up of the ringed point."""
    number = _chosen(told, place, told.came[: place.revealed])
    return next((headline(trial) for trial in told.came if trial.number == number), "")


def _said(told: Presentation, place: Place) -> str:
    if place.revealed is not None and told.came:
        shown = told.came[: place.revealed]
        return f"{len(shown)} of {len(told.came)}. {sentence(shown[-1], beside=told.came)}"
    if not told.way:
        return "The first point appears within seconds."
    return told.way[place.at].sentence


def _controls(study: Study, told: Presentation, place: Place) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if told.code:
            followed = told.followed is not None
            said = "Following the presenter." if followed else "The presenter has left this room."
            st.caption(f":material/group: {said}")
        else:
            _replay_button(told, place)
            room_control(study)
        stands = told.way and place.revealed is None  # a replay counts for itself
        st.caption(f"Stop {place.at + 1} of {len(told.way)}" if stands else "")
        st.space("stretch")
        st.button("Leave (Esc)", icon=":material/close:", key="leave", on_click=told.leave)


def _replay_button(told: Presentation, place: Place) -> None:
    if place.revealed is None:
        st.button(
            "Replay",
            icon=":material/play_arrow:",
            key="replay",
            on_click=told.replay,
            args=(1,),
            disabled=not told.came,
            help="Reveal the trials in the order in which they came.",
        )
    else:
        st.button(
            "End the replay",
            icon=":material/stop:",
            key="replay_end",
            on_click=told.replay,
            args=(None,),
        )


def _listen(told: Presentation, place: Place) -> None:
    followed = bool(told.code) and told.followed is not None

    def pressed(meant: str) -> None:
        if meant == "leave":
            told.leave()
        elif followed:
            return
        elif meant == "tick":
            if place.revealed is not None:
                told.replay(told.further(place.revealed))
        else:
            told.move(place.at + (1 if meant == "slower" else -1))

    ticks = _TICK_MS if place.revealed is not None and not followed else 0
    keys(pressed, ticks, place.revealed or 0)
