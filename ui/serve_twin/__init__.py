"""The twin on a page: replicas, price and energy for a rate and a limit, on every hardware."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from optim.model import load_model
from optim.serving.batching import Batching
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import CUDA, all_targets
from optim.twin import telling
from optim.twin.fleet import Row, fleet
from optim.twin.prices import Price, Prices, prices
from optim.twin.service import ServiceTimes, measured
from optim.twin.sizing import PATTERNS, Demand, curve, typical
from ui.errors import errors_shown
from ui.text import key_of, plain, unbroken

_PATTERNS = {"poisson": "At random (Poisson)", "bursty": "In bursts"}
_PLAIN = "%g"


def show(study: Study, trial: Trial) -> None:
    """The questions, and the answers of the last time they were asked for this trial."""
    st.subheader("How many machines? The twin", anchor=False)
    st.caption(
        "How many servers (replicas) it takes to answer in time, here and on hardware that is not "
        "here, and what they cost. The twin is a server on paper: when you ask, it measures run "
        "times on this machine, then simulates requests that queue for them."
    )
    key = key_of("twin", study.name, trial.number)
    with st.form(key_of("ask twin", study.name)):
        demand, batching = _demand(typical(trial.latency_ms or 1.0), key), _batching()
        costs = _prices()
        asked = st.form_submit_button("Ask the twin", type="primary")
    if asked:
        with errors_shown(), st.status("Asking the twin ...", expanded=True) as status:
            st.session_state[key] = _asked(study, trial, batching, demand, costs, st.write)
            status.update(label="The twin has answered.", state="complete", expanded=False)
    if key in st.session_state:
        _answer(*st.session_state[key])


def _demand(start: Demand, of: str) -> Demand:
    """What is asked; a rate and a limit to start from are those of each trial (`of`)."""
    rate, limit, pattern = st.columns(3)
    come = pattern.selectbox(
        "They come", PATTERNS, format_func=lambda p: _PATTERNS[p], key="twin pattern"
    )
    within = "Of 100 answers, 99 have to come within, ms (p99)"
    return Demand(
        rate.number_input(
            "Requests a second", 1.0, 1e7, start.rate, start.rate / 10, _PLAIN, f"rate {of}"
        ),
        limit.number_input(within, 0.1, 1e5, start.limit_ms, 1.0, _PLAIN, f"limit {of}"),
        come,
    )


def _batching() -> Batching:
    sessions, most, wait = st.columns(3)
    return Batching(
        sessions=sessions.number_input(
            "Copies of the model in a server (sessions)", 1, 64, 1, key="twin sessions"
        ),
        most=most.number_input("Requests in a batch, at most", 1, 64, 1, key="twin most"),
        wait_ms=wait.number_input(
            "A batch waits for more, ms", 0.0, 1e3, 0.0, 1.0, _PLAIN, "twin wait"
        ),
    )


def _prices() -> Prices:
    """Those shipped, as they are edited here for this session."""
    known = prices()
    with st.expander(f"Prices of {known.quoted}, to be edited"):
        rows = {
            name: {"machine": known.of(name).machine, "usd_hour": known.of(name).usd_hour}
            for name in all_targets()
            if name != CUDA
        }
        frame = pd.DataFrame.from_dict(rows, orient="index").astype({"usd_hour": "float64"})
        edited = st.data_editor(frame, disabled=["machine"], key="twin prices")
        for name in known.targets:
            if source := known.of(name).source:
                st.caption(f"{plain(name)}: {plain(source)}")
    costs = {str(name): cost for name, cost in edited["usd_hour"].items()}
    return known.model_copy(
        update={"targets": {name: _priced(known.of(name), costs[name]) for name in costs}}
    )


def _priced(price: Price, usd_hour: float) -> Price:
    return price.model_copy(update={"usd_hour": None if pd.isna(usd_hour) else usd_hour})


def _asked(
    study: Study,
    trial: Trial,
    batching: Batching,
    demand: Demand,
    costs: Prices,
    tell: Callable[[str], None],
) -> tuple[ServiceTimes, list[Row], Demand, Batching]:
    tell("Measuring run times and the front on this machine")
    model = load_model(trial.model_digest or study.model.digest)
    service = measured(model, trial.recipe, study.evalset, batching.most)
    rows = fleet(service, model, trial.recipe, batching, demand, costs, tell)
    return service, rows, demand, batching


def _answer(service: ServiceTimes, rows: list[Row], demand: Demand, batching: Batching) -> None:
    st.markdown(f"**{plain(telling.verdict(rows, demand))}**")
    cells = ([unbroken(plain(cell)) for cell in telling.cells(row)] for row in rows)
    table = [dict(zip(telling.COLUMNS, one, strict=True)) for one in cells]
    st.table(table, border="horizontal")
    st.plotly_chart(
        telling.curve_chart(curve(service, batching, demand), demand.limit_ms),
        key="twin curve",
        config={"displayModeBar": False},
        alt="Simulated latency of one replica on this machine against requests a second",
    )
    for note in telling.notes(service, rows):
        st.caption(plain(note))
