"""Why a trial is as fast and as good as it is: profiles, findings, what they cost, a waterfall."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from optim import probing
from optim.errors import InputError
from optim.explaining.executed import Side, wanted_precision
from optim.explaining.profile import join_profile, profile_of
from optim.findings import Interval
from optim.graph import analysis_of, matched
from optim.model import Model, load_model
from optim.recipe import Recipe
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.why.cost import Costs
from optim.why.finding import Finding
from optim.why.findings import found
from optim.why.gathering import evidence
from optim.why.nodes import NodeChange, node_changes
from optim.why.telling import Tell, nobody, part
from optim.why.waterfall import Waterfall, waterfall

Run = tuple[Model, Recipe, float]
"""A model as a recipe's runtime runs it, and the measured median in ms, 0 where it is not known."""
_PROFILES = 3  # processes, for each side; findings read the shortest, which nothing disturbed
_PROBED, _PROFILED, _LOOKED = 0.35, 0.6, 0.7
"""Shares of an explanation that are done after these steps, by what they take where it is quiet."""


class Why(BaseModel):
    """The answer: where the time went, what was changed, what did not go as hoped.

    `is_original`: nothing was changed, and the waterfall's parts are what there is to see.
    """

    model_config = ConfigDict(frozen=True)

    recipe: str
    is_original: bool
    speedup: Interval
    """Over the original on as many threads."""
    waterfall: Waterfall
    changes: tuple[str, ...]
    findings: tuple[Finding, ...]
    profiled_ms: tuple[float, float]
    """What the nodes add up to before and after, by the profilers."""


def why(
    study: Study,
    trial: Trial,
    tell: Tell = nobody,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    measure_costs: bool = True,
) -> Why:
    """Explain a measured trial of a study, in about a minute.

    Args:
        measure_costs: whether the recipes that would mend findings are timed beside it.

    Raises: InputError for a trial that was not measured here; StepError; Cancelled.
    """
    if trial.target != LOCAL or trial.summary is None:
        raise InputError(
            f"Trial {trial.number} was not measured on this machine.",
            "Only a measured run can be explained: measure it here.",
            "why",
        )
    begun = 0.0
    if measure_costs and probing.known() is None:
        begun = _PROBED
        probing.probe(part(tell, 0, begun, "probing this machine, once: "), cancelled)
    befores, afters = _profiles(study, trial, part(tell, begun, _PROFILED), cancelled)
    tell("looking at values and answers on real samples", _PROFILED)
    seen = evidence(study, trial, befores, afters)
    findings = found(seen)
    if measure_costs:
        timing = part(tell, _LOOKED, 1.0)
        costs = Costs(study.model, study.evalset, trial.recipe, timing, cancelled)
        findings = costs.of(findings, seen.p50_ms)
    return Why(
        recipe=trial.recipe.spelling,
        is_original=trial.recipe.is_baseline,
        speedup=trial.summary.speedup,
        waterfall=waterfall(
            befores, afters, trial.summary.baseline_p50_ms, trial.summary.p50_ms.value
        ),
        changes=tuple(f"{step.name}: {line}" for step in trial.reports for line in step.said),
        findings=findings,
        profiled_ms=(seen.before.total_us / 1e3, seen.after.total_us / 1e3),
    )


def _profiles(
    study: Study, trial: Trial, tell: Tell, cancelled: Callable[[], bool]
) -> tuple[list[Side], list[Side]]:
    """The original's, on as many threads, and the trial's."""
    baseline = Recipe.baseline(trial.recipe.runtime.threads)
    was = trial.summary.baseline_p50_ms if trial.summary else 0.0
    before, after = in_turns(study, ((study.model, baseline, was), _run(trial)), tell, cancelled)
    return before, after


def _run(trial: Trial) -> Run:
    return (
        load_model(trial.model_digest),
        trial.recipe,
        trial.summary.p50_ms.value if trial.summary else 0.0,
    )


def node_by_node(
    study: Study,
    before: Trial,
    after: Trial,
    tell: Tell = nobody,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[NodeChange, ...]:
    """What each node takes in two measured trials of a study, the largest change first.

    Raises: StepError where an engine cannot profile its model; Cancelled.
    """
    befores, afters = in_turns(study, (_run(before), _run(after)), tell, cancelled)
    return node_changes(befores, afters)


def in_turns(
    study: Study, runs: Sequence[Run], tell: Tell, cancelled: Callable[[], bool]
) -> list[list[Side]]:
    """Several profiles of each, in turns."""
    found: list[list[Side]] = [[] for _ in runs]
    turns = [pair for _ in range(_PROFILES) for pair in zip(runs, found, strict=True)]
    for number, ((model, recipe, ms), taken) in enumerate(turns):
        tell(f"profiling, {number + 1} of {len(turns)}", number / len(turns))
        taken.append(side(study, model, recipe, ms, cancelled))
    return found


def side(
    study: Study,
    model: Model | str,
    recipe: Recipe,
    ms: float,
    cancelled: Callable[[], bool] = lambda: False,
) -> Side:
    """One of two sides: a model as a recipe's runtime runs it, profiled in a process of its own.

    Args:
        model: the optimized one, or its digest.
        ms: measured median of a run.
    """
    built = load_model(model) if isinstance(model, str) else model
    analysis = analysis_of(built)
    times = profile_of(
        built, recipe.runtime, study.evalset.digest, cancelled, run_us=1e3 * ms or None
    )
    return Side(
        analysis=analysis,
        profile=join_profile(analysis, times),
        wanted=wanted_precision(recipe),
        p50_us=1e3 * ms,
        origins={} if built.digest == study.model.digest else matched(study.model, built).origins,
    )
