"""How parts and targets describe themselves in the page."""

import pandas as pd
import streamlit as st

from optim.part import Part
from optim.targets import Target


def about(part: type[Part]) -> None:
    """What a part does, when it helps, when it hurts."""
    st.markdown(part.summary)
    st.markdown(f"**Helps** {part.helps}")
    st.markdown(f"**Hurts** {part.hurts}")


def install_hint(part: type[Part]) -> str:
    """How to get what a part needs; empty if nothing is missing."""
    missing = part.missing()
    return f"Not installed here. To use it: `pip install {' '.join(missing)}`" if missing else ""


def target_facts(target: Target) -> pd.DataFrame:
    """Every figure of a target's datasheet with its source."""
    facts = [
        {"figure": name.replace("_", " "), "value": f"{figure.value:,.4g}", "source": figure.source}
        for name, figure in target.figures.items()
    ]
    if target.instruction_sets:
        sets = " ".join(target.instruction_sets)
        facts.append({"figure": "instruction sets", "value": sets, "source": "the CPU itself"})
    return pd.DataFrame(facts, columns=["figure", "value", "source"])


def target_label(target: Target) -> str:
    """A target's name, and whether its times are measured or estimated."""
    return f"{target.title}, estimated" if target.modelled else "This machine, measured"
