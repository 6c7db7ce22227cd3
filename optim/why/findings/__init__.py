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
    has_cause = any(one.recipe and one.concerns == "time" for one in every)
    kept = (one for one in every if not (has_cause and one.symptom))
    return dearest_first(kept)
