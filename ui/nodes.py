"""The per-node table: what the graph says of each node, and what the engine took for it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from optim.explaining.executed import work_of
from optim.explaining.profile import ProfiledNode, heaviest
from optim.graph import Analysis, NodeRow

ADDED = "(added by the engine)"


def node_frame(analysis: Analysis, profile: Sequence[ProfiledNode] = ()) -> pd.DataFrame:
    """One row per node; with a profile also what was measured.

    A node that the engine runs fused with others has their time together on the heaviest of them;
    what the engine added (layout changes, casts) has rows of its own.
    """
    timed = {heaviest(node.rows).name: node for node in profile if node.rows}
    inside = {row.name: node.name for node in profile for row in node.rows}
    rows = [_row(row, timed.get(row.name), inside.get(row.name, "")) for row in analysis.nodes]
    rows += [
        {"node": node.name, "op": node.op, "inputs": ADDED, **_measured(node)}
        for node in profile
        if not node.rows
    ]
    columns = list(_COLUMNS) if profile else [c for c in _COLUMNS if c not in _MEASURED]
    return pd.DataFrame(rows, columns=columns)


def runs_as(name: str | None, profile: Sequence[ProfiledNode]) -> str:
    """What a node runs as and with what, as a sentence; empty where that is not known."""
    for node in profile:
        if name in {node.name, *(row.name for row in node.rows)}:
            made_of = " + ".join(row.op for row in node.rows)
            fused = f", made of {made_of}" if len(node.rows) > 1 else ""
            precision = f" in {found}" if (found := work_of(node).precision) else ""
            return f"It runs as {node.op}{fused}{precision}: {100 * node.share:.3g} % of the time."
    return ""


_MEASURED = ("µs", "share", "precision run", "runs in")
_COLUMNS = (
    "node",
    "op",
    *_MEASURED,
    "MFLOP",
    "kB moved",
    "FLOP/byte",
    "parameters",
    "inputs",
    "outputs",
)


def _row(row: NodeRow, timed: ProfiledNode | None, inside: str) -> dict[str, object]:
    return {
        "node": row.name,
        "op": row.op,
        "MFLOP": row.flops / 1e6,
        "kB moved": row.bytes / 1e3,
        "FLOP/byte": row.intensity,
        "parameters": row.params,
        "inputs": row.inputs,
        "outputs": row.outputs,
        "runs in": inside if inside != row.name else "",
        **(_measured(timed) if timed else {}),
    }


def _measured(node: ProfiledNode) -> dict[str, object]:
    ran = work_of(node).precision
    return {"µs": node.microseconds, "share": 100 * node.share, "precision run": ran}


def node_columns() -> dict[str, Any]:
    """How the columns are shown."""
    number = st.column_config.NumberColumn
    return {
        "node": st.column_config.TextColumn(width=240),
        "op": st.column_config.TextColumn(width=150),
        "µs": number(
            format="%.4g",
            help="By the engine's own profiler; a fused group's time is on its heaviest node.",
        ),
        "share": st.column_config.ProgressColumn("share of time", format="%.1f %%", max_value=100),
        "runs in": st.column_config.TextColumn(
            "runs in", width=140, help="The executed node that this one was fused into."
        ),
        "MFLOP": number(format="%.4g", help="A multiply-accumulate counts two."),
        "kB moved": number(format="%.4g", help="Bytes of the tensors read and written."),
        "FLOP/byte": number(format="%.3g", help="Arithmetic intensity."),
        "parameters": number(format="localized"),
    }
