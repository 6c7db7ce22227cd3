"""This machine in the page: what its engines reach, and the button that finds it out."""

import streamlit as st

from optim import probing
from optim.machine.environment import cpu_name, environment, usable_cores
from optim.probing import Probe
from optim.showing.machine import facts, gains_chart, gains_table, rates_table, versions
from ui.errors import errors_shown
from ui.text import plain

_WHY = (
    "CPUs differ: what 8-bit integers or bf16 bring on one is lost on another. A probe times the "
    "building blocks of networks in each precision and engine, and tries whether products of "
    "bytes overflow. Advice and search then rest on what is true here. It takes about 15 s."
)


def this_machine() -> None:
    """What was probed of this machine, or the button that probes it."""
    found, here = probing.known(), environment()
    st.markdown(f"**{plain(cpu_name())}** · {usable_cores()} cores · {plain(here['flags'])}")
    if found is None:
        st.caption(_WHY)
        _button("Probe this machine", primary=True)
        return
    _shown(found)
    _button("Probe again")


def _button(label: str, primary: bool = False) -> None:
    if st.button(label, key="probe", type="primary" if primary else "secondary"):
        with errors_shown():
            _probe()
            st.rerun()


def _probe() -> None:
    """Probe with a bar that moves; leaving the page ends it."""
    bar = st.progress(0.0, "Starting")
    last = [-1]

    def tell(text: str, share: float) -> None:
        if (percent := round(share * 100)) != last[0]:  # it is told far more often
            last[0] = percent
            bar.progress(share, f"Probing: {text}")

    probing.probe(tell)


def _shown(probe: Probe) -> None:
    when = probe.date.replace("T", " ").partition("+")[0]
    st.caption(plain(f"Probed on {when} UTC in {probe.seconds:.0f} s, with {versions(probe)}."))
    st.plotly_chart(gains_chart(probe), key="gains", config={"displayModeBar": False})
    for fact in facts(probe):
        st.caption(plain(fact))
    with st.expander("All figures"):
        _table(gains_table(probe))
        st.caption("Median rates of two layers each; between layers and around them as in a model.")
        _table(rates_table(probe))


def _table(rows: list[list[str]]) -> None:
    header, *body = rows
    columns = zip(*body, strict=True)
    st.dataframe(
        {name: list(column) for name, column in zip(header, columns, strict=True)},
        hide_index=True,
    )
