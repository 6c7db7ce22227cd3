"""How findings put names and numbers."""

from collections.abc import Sequence, Sized

from optim import findings, names
from optim.findings import Interval
from optim.names import legible
from optim.showing.text import milliseconds, spanned, times

_NAMED = 3


def named(nodes: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(legible(name) for name in nodes[:_NAMED])
    rest = len(nodes) - _NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


def many(things: Sized, name: str) -> str:
    """How many there are: `1 node`, `3 nodes`."""
    return names.many(len(things), name)


def does(things: Sized, verb: str) -> str:
    """A verb in the number of its things: `run` of several, `runs` of one."""
    return names.does(len(things), verb)


def percent(share: float) -> str:
    """A share of a run."""
    return findings.percent(share, 0 if share >= 0.095 else 1)


def signed(ms: float) -> str:
    """A change of time, with its sign; what is below a nanosecond is none."""
    exact = round(ms, 6)
    return f"{'+' if exact >= 0 else '-'}{milliseconds(abs(exact))}"


def spread(ratio: Interval) -> str:
    """A speed-up with its interval."""
    return spanned(ratio, times)
