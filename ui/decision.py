"""The decision in money, on a page: costs to set, what each setting earns, a chart."""

import streamlit as st

from optim.decision import telling
from optim.decision.costs import Costs, example_for
from optim.decision.expected import earned
from optim.studies.study import Study
from ui.text import key_of, plain

_DEFAULTS = {"accept": "accept it", "refuse": "refuse it"}


def show(study: Study) -> None:
    """For two classes whose model gives a probability; errors are the caller's to show."""
    example = example_for(study.title, study.model.name)
    st.caption(
        "What decisions cost joins quality and latency in one number. Class 1 is the bad one: "
        "fraud, a loan that fails."
    )
    with st.form(key_of("costs", study.name)):
        costs = _costs(example or Costs(false_alarm=1.0, miss=10.0))
        rate = st.number_input(
            "Requests a second at one server (0: run times alone)", 0.0, 1e6, 0.0, key="money rate"
        )
        asked = st.form_submit_button("What does each setting earn?", type="primary")
    if example:
        st.caption(plain(f"An example. {example.source}"))
    if asked:
        with st.spinner("Scoring the validation samples with each setting ..."):
            _answer(study, costs, rate)


def _costs(start: Costs) -> Costs:
    first, second, third = st.columns(3)
    currency = start.currency
    good, alarm = f"A good one accepted brings, {currency}", f"A false alarm costs, {currency}"
    return Costs(
        value=first.number_input(good, 0.0, 1e9, start.value, key="money value"),
        false_alarm=second.number_input(alarm, 0.0, 1e9, start.false_alarm, key="money alarm"),
        miss=third.number_input(
            f"A miss costs, {currency}", 0.01, 1e9, start.miss, key="money miss"
        ),
        deadline_ms=first.number_input(
            "Too late after, ms", 0.01, 1e5, start.deadline_ms, key="money deadline"
        ),
        late=second.selectbox(
            "Then the default is to",
            list(_DEFAULTS),
            index=list(_DEFAULTS).index(start.late),
            format_func=lambda name: _DEFAULTS[name],
            key="money late",
        ),
        currency=currency,
    )


def _answer(study: Study, costs: Costs, rate: float) -> None:
    found = earned(study, costs, rate)
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
