"""Nodes that take longer than in the original."""

from collections.abc import Iterator

import numpy as np

from optim.explaining.executed import Pair, pairs, times_by_name
from optim.names import legible
from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.waterfall import change

_SLOWER = 1.25  # a node's time comes from few processes: smaller ratios are noise
_MATTERS = 0.03


def find(seen: Evidence) -> Iterator[Finding]:
    """Nodes that both sides have by name, where much more time is spent now, beyond chance."""
    if seen.recipe.is_baseline:
        return
    slower = [pair for pair in pairs(seen.before, seen.after) if _is_slower(pair, seen)]
    slower.sort(key=lambda pair: -pair.extra_us)
    for pair in slower[:1]:
        others = f", and {len(slower) - 1} more" if len(slower) > 1 else ""
        ran = " in ".join(filter(None, (pair.after_op, pair.after_precision)))
        yield Finding(
            symptom=True,
            nodes=tuple(one.name for one in slower),
            text=f"{legible(pair.name)} ({pair.op}) got slower: "
            f"{milliseconds((pair.before_us or 0) / 1e3)} became "
            f"{milliseconds((pair.after_us or 0) / 1e3)}, run as {ran}{others}.",
            cost_ms=sum(one.extra_us for one in slower) / 1e3,
            advice="Leave these nodes out of the pass, or compare engines.",
        )


def _is_slower(pair: Pair, seen: Evidence) -> bool:
    if not pair.before_us or not pair.after_us:
        return False
    matters = pair.extra_us > _MATTERS * seen.after.nodes_us
    return matters and pair.after_us > _SLOWER * pair.before_us and _beyond_chance(pair.name, seen)


def _beyond_chance(name: str, seen: Evidence) -> bool:
    """Whether the interval of all profiles, each of a process of its own, lies above 0."""
    times = [
        np.array([times_by_name(side, seen.names_before).get(name, 0.0) for side in sides])
        for sides in (seen.befores, seen.afters)
    ]
    return change(*times).low > 0
