"""How the command line shows what was probed of this machine."""

import sys
from typing import Any

from optim.cli.show import align
from optim.probing import Probe, Row
from optim.showing.machine import facts, gains_table, rates_table, versions

NOT_PROBED = "This machine was not probed yet: `python -m optim probe` does it in about 15 s."


def told(text: str, share: float) -> None:
    """How far a probe is: one line on a terminal, written over; nothing elsewhere."""
    if sys.stderr.isatty():
        end = "\n" if share == 1 else ""
        print(f"\r\033[K{share:4.0%}  {text}", end=end, file=sys.stderr, flush=True)


def heading(probe: Probe) -> str:
    """What was probed, when, and how long that took."""
    return (
        f"{probe.cpu}, {probe.cores} cores, probed on {probe.date} in {probe.seconds:.0f} s "
        f"({versions(probe)})"
    )


def as_text(probe: Probe) -> str:
    """All of it for people."""
    rates = "Median rates, two layers of each:"
    tables = (align(gains_table(probe)), f"{rates}\n{align(rates_table(probe))}")
    return "\n\n".join((heading(probe), *tables, "\n".join(facts(probe))))


def as_record(probe: Probe) -> dict[str, Any]:
    """All of it for machines: what is stored, and what follows from it."""
    stored = probe.model_dump(mode="json")
    return stored | {"rows": [_row(row) for row in probe.rows]}


def _row(row: Row) -> dict[str, Any]:
    low, median, high = row.quartiles or (None, None, None)
    gain = row.gain
    derived = {
        "unit": row.unit,
        "median": median,
        "quartiles": [low, high] if row.quartiles else None,
        "gain": gain.value if gain else None,
        "gain_ci": [gain.low, gain.high] if gain else None,
    }
    return row.model_dump(mode="json") | derived
