"""What the Graph page draws, side by side or alone, and what is known of its nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optim.explaining.profile import ProfiledNode
from optim.graph import GraphMatch, NodeRow
from optim.recipe import Recipe
from optim.runtimes.base import runtime_of
from optim.showing.graph_json import Drawn, scope_of
from optim.showing.overlay import Errored, Facts, Need, Overlay, all_overlays
from optim.studies.study import Study
from optim.targets import find_target
from optim.targets.estimate import bounds, estimate
from ui.cached import (
    analysis_of_digest,
    engine_graph_of_digest,
    layers_of_digests,
    match_of_digests,
    profile_of_digest,
    weights_of_digest,
)
from ui.models import known_models, runtimes_of

ENGINE = "engine"
"""Stands for what the engine runs, where the digest of a model would."""


@dataclass(frozen=True)
class View:
    """One graph of the picture: a model's, or what an engine runs in its place."""

    drawn: Drawn
    digest: str
    runtime: str
    of_engine: bool = False
    changes: Mapping[str, str] = field(default_factory=dict)


def views(study: Study, digest: str, runtime: str, other: str) -> list[View]:
    """The graph of a model, and beside it another model's or what the engine runs.

    The original is always the left one: what another lacks of it is removed, not added.

    Args:
        other: digest of the other model, `ENGINE`, or empty.

    Raises: StepError where a graph cannot be read.
    """
    left = _view(study, digest, runtime)
    if not other:
        return [left]
    if other == ENGINE:
        found = engine_graph_of_digest(digest, runtime)
        runs = replace(left.drawn, id=engine_title(runtime), nodes=found.nodes)
        right = replace(left, drawn=runs, of_engine=True)
        return _beside(left, right, found.match(analysis_of_digest(digest)))
    right = _view(study, other, runtimes_of(study, other)[0])
    if other == study.model.digest:
        left, right = right, left
    return _beside(left, right, match_of_digests(left.digest, right.digest))


def _view(study: Study, digest: str, runtime: str) -> View:
    found, name = analysis_of_digest(digest), known_models(study)[digest]
    return View(Drawn(name, found.nodes, found.inputs, found.outputs), digest, runtime)


def engine_title(runtime: str) -> str:
    """What the engine's own graph is called."""
    return f"what {runtime_of(runtime).title} runs"


def offered(shown: Sequence[View], study: Study) -> dict[str, Overlay]:
    """The overlays that say something of what is shown, by name."""
    missing: set[Need] = set()
    if len(shown) == 1:
        missing.add("match")
    changed = any(view.digest != study.model.digest for view in shown)
    if not changed:
        missing.add("errors")
    return {name: one for name, one in all_overlays().items() if one.needs not in missing}


def facts(view: View, shown: Sequence[View], need: Need, study: Study, target: str) -> Facts:
    """What an overlay needs of a graph; a profile is measured unless it has been.

    Args:
        shown: all that is shown, the view among it.
        target: the hardware that bounds are estimated for.

    Raises: StepError where something cannot be found out.
    """
    known = Facts(view.drawn.nodes, match=view.changes, ids=view.drawn.ids)
    if need == "profile":
        return replace(known, profile=profile(view, study))
    if need == "errors":
        return replace(known, errors=_errors(view, shown, study))
    if need == "weights" and not view.of_engine:
        return replace(known, weights=weights_of_digest(view.digest))
    if need == "bounds" and not view.of_engine:
        recipe = Recipe.parse(view.runtime)
        found = bounds(analysis_of_digest(view.digest), find_target(target), recipe)
        return replace(known, bounds=found)
    return known


def refusal(view: View, target: str) -> str:
    """Why there is no estimate of a graph on some hardware; empty where there is one."""
    recipe = Recipe.parse(view.runtime)
    return estimate(analysis_of_digest(view.digest), find_target(target), recipe).refused


def profile(view: View, study: Study) -> tuple[ProfiledNode, ...]:
    """Measured times, joined to the rows that are shown. Raises StepError."""
    spelling = Recipe.parse(view.runtime).spelling
    found = profile_of_digest(view.digest, spelling, study.evalset.digest)
    if not view.of_engine:
        return found
    rows = {row.name: row for row in view.drawn.nodes}
    own = {name: (row,) for name, row in rows.items()}
    return tuple(node.model_copy(update={"rows": own.get(node.name, ())}) for node in found)


def _beside(left: View, right: View, match: GraphMatch) -> list[View]:
    """Both, coloured by what became of the nodes; alike nodes share an id and so a selection."""
    ids = {
        one.after[0]: one.before[0]
        for one in match.matches
        if len(one.after) == 1 and one.before and one.change != "added"
    }
    homes = {row.name: scope_of(row) for row in left.drawn.nodes}
    return [
        replace(
            left,
            drawn=replace(left.drawn, more=_said(match.before)),
            changes={name: one.change for name, one in match.before.items()},
        ),
        replace(
            right,
            drawn=replace(
                right.drawn,
                more=_said(match.after),
                ids=_free_of(ids, right.drawn.nodes),
                homes={name: homes.get(before, "") for name, before in ids.items()},
            ),
            changes={name: one.change for name, one in match.after.items()},
        ),
    ]


def _free_of(ids: Mapping[str, str], nodes: Sequence[NodeRow]) -> dict[str, str]:
    """The ids, but for those that another node has as its name."""
    taken = {row.name for row in nodes if row.name not in ids}
    return {name: one for name, one in ids.items() if one not in taken}


def _said(matches: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    return {
        name: [("change", one.change), *([("how", one.why)] if one.why else [])]
        for name, one in matches.items()
    }


def _errors(view: View, shown: Sequence[View], study: Study) -> Sequence[Errored]:
    """Errors against the original, by the nodes of the view.

    On the original itself they are those of what is shown beside it.
    """
    original = study.model.digest
    optimized = next(one for one in (view, *shown) if one.digest != original)
    if view.of_engine:
        return ()
    asked = (original, optimized.digest, optimized.runtime, study.evalset.digest)
    found = layers_of_digests(*asked).errors
    if view.digest == original:
        return found
    after = match_of_digests(original, view.digest).before
    return [
        error.model_copy(update={"node": name})
        for error in found
        if error.node in after
        for name in after[error.node].after
    ]
