"""Commands that tell of this machine: what was probed of it, what is installed and protects."""

import argparse
import json
import sys
from typing import Any

from optim import probing, sandbox
from optim.cli import FAILED
from optim.cli.aligning import align
from optim.cli.log import log_path
from optim.cli.parts import environments, environments_told
from optim.findings import percent
from optim.machine.environment import environment
from optim.probing import Probe, Row
from optim.showing.machine import facts, gains_table, rates_table, versions
from optim.showing.recorded import recorded

NOT_PROBED = "This machine was not probed yet: `python -m optim probe` does it in about 15 s."


def probe(args: argparse.Namespace) -> int:
    """What this machine's engines reach, probed where it is not known yet."""
    found = (None if args.again else probing.known()) or probing.probe(told)
    print(json.dumps(as_record(found), indent=1) if args.json else as_text(found))
    return 0 if any(row.rounds for row in found.rows) else FAILED


def doctor(args: argparse.Namespace) -> int:
    """What this installation is, and which walls stand between files that are read and the rest."""
    walls = sandbox.protections()
    if args.json:
        known = {"protections": walls, "environment": environment(), "parts": environments()}
        print(json.dumps(known, indent=1))
        return 0
    print(align([[*row] for row in recorded(environment())]))
    print(f"\n{heading(found) if (found := probing.known()) else NOT_PROBED}")
    print(f"\nParts with packages of their own:\n\n{environments_told()}")
    print(f"\nWhat libraries say when a command fails is kept in {log_path()}.")
    print("\nEvery model and EvalSet is read and run in a child process. Of it is true here:\n")
    keeps = {one.name: one.keeps for one in sandbox.PROTECTIONS}
    rows = [[name, f"no: {why}" if why else "yes", keeps[name]] for name, why in walls.items()]
    print(align(rows))
    return 0


def told(text: str, share: float) -> None:
    """How far a probe is: one line on a terminal, written over; nothing elsewhere."""
    if sys.stderr.isatty():
        end = "\n" if share == 1 else ""
        print(f"\r\033[K{percent(share):>5}  {text}", end=end, file=sys.stderr, flush=True)


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
