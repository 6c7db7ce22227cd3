"""The decision in money, on a page: costs to set, what each setting earns, a chart."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from optim.decision import telling
from optim.decision.costs import Costs, example_for
from optim.decision.expected import Earned, earned
from optim.decision.scores import bad_of
from optim.errors import InputError
from optim.studies.study import Study
from ui.text import key_of, plain

_DEFAULTS = ["accept", "refuse"]


def show(study: Study) -> None:
    """For two classes whose model gives a probability; errors are the caller's to show."""
    try:
        bad_of(study.evalset)
    except InputError as error:  # nothing is wrong: most studies have nothing to decide
        said = f"{plain(error.what)} {plain(error.next_step)}"
        st.info(f"{said} Or open the sample *Loan risk*, which ships with costs.")
        return
    example = example_for(study.title, study.model.name)
    st.caption(
        "What decisions cost joins quality and latency in one number. Class 1 is the bad one: "
        "fraud, a loan that fails."
    )
    with st.form(key_of("costs", study.name)):
        costs, rate = _costs(example or Costs(false_alarm=1.0, miss=10.0))
        asked = st.form_submit_button("What does each setting earn?", type="primary")
    if example:
        st.caption(plain(f"An example. {example.source}"))
    key = key_of("money", study.name)
    if asked:
        with st.spinner("Scoring the validation samples with each setting ..."):
            st.session_state[key] = earned(study, costs, rate), costs
    if key in st.session_state:
        _answer(*st.session_state[key])


def _costs(start: Costs) -> tuple[Costs, float]:
    """As they are set, and the requests a second."""
    first, second, third = st.columns(3)
    currency = start.currency

    def number(place: DeltaGenerator, label: str, least: float, value: float, key: str) -> float:
        step = value / 10 or 10.0
        return place.number_input(label, float(least), 1e9, value, step, "%g", f"money {key}")

    costs = Costs(
        value=number(first, f"A good one accepted brings, {currency}", 0, start.value, "value"),
        false_alarm=number(
            second, f"A good one refused costs, {currency}", 0, start.false_alarm, "alarm"
        ),
        miss=number(third, f"A bad one accepted costs, {currency}", 0.01, start.miss, "miss"),
        deadline_ms=number(first, "Too late after, ms", 0.01, start.deadline_ms, "deadline"),
        late=second.selectbox(
            "What is too late, we",
            _DEFAULTS,
            index=_DEFAULTS.index(start.late),
            key="money late",
        ),
        currency=currency,
    )
    return costs, number(third, "Requests a second (0: none waits)", 0, 0.0, "rate")


def _answer(found: list[Earned], costs: Costs) -> None:
    st.markdown(f"**{plain(telling.verdict(found, costs))}**")
    st.plotly_chart(
        telling.money_chart(found, costs.currency),
        key="money chart",
        config={"displayModeBar": False},
        alt="Money per 1,000 requests of each setting beyond the original's; the table has it all",
    )
    rows = [dict(zip(telling.COLUMNS, telling.cells(one, costs.currency), strict=True))
            for one in found]  # fmt: skip
    st.dataframe(rows, hide_index=True, key="money table")
    st.caption(plain(telling.terms(costs)))
    if doubt := telling.calibration(found, costs):
        st.warning(plain(doubt))
