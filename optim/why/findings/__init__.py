"""Findings: what can be wrong with a recipe on a model, one file each.

A module here is a finding. Its name is the finding's code; `find(seen)` yields what it sees in the
evidence, with a cost estimated from the profile, and the recipe that would mend it. Nothing else
needs an edit: the package's modules are the list.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache

from optim.why.evidence import Evidence
from optim.why.finding import Finding, dearest_first

Finder = Callable[[Evidence], Iterable[Finding]]


@cache
def finders() -> dict[str, Finder]:
    """Every finding's `find` by its code."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").find for name in names}


def found(seen: Evidence) -> tuple[Finding, ...]:
    """All that applies, the dearest first; what costs no time comes after it."""
    every = [
        one.model_copy(update={"code": code})
        for code, find in finders().items()
        for one in find(seen)
    ]
    kept = (one for one in every if not any(_is_behind(other, one) for other in every))
    return dearest_first(kept)


def _is_behind(other: Finding, one: Finding) -> bool:
    """Whether another finding has the cause of what one only says where it shows.

    One that has a recipe itself goes only where the cause is about the same nodes; of two that say
    where it shows, the one that explains less.
    """
    is_cause = bool(other.recipe) and other.concerns == "time" and other is not one
    if not one.symptom or not is_cause:
        return False
    if not one.recipe:
        return True
    more = not other.symptom or (other.cost_ms or 0.0) > (one.cost_ms or 0.0)
    return more and not {*one.nodes}.isdisjoint(other.nodes)
