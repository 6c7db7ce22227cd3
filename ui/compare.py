"""What the Compare page shows of trials side by side, as tables of text. No widgets in here."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations

from optim.errors import OptimError
from optim.explaining.executed import Pair, Side, precisions, wanted_precision
from optim.graph import GraphDiff
from optim.recipe import Recipe
from optim.showing import text
from optim.showing.figure import Where
from optim.showing.figures import figures_for
from optim.studies.goal import DEFAULT, Goal
from optim.studies.picking import picked
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.timing.measurement import Summary
from optim.why.finding import Finding
from optim.why.told import cost, doubt
from ui.cached import analysis_of_digest, match_of_digests, profile_of_digest
from ui.text import is_number, plain

MOST = 6
Table = dict[str, list[str]]


def asked(address: Mapping[str, str], repeated: Iterable[str]) -> list[int]:
    """Numbers of the trials in an address: `trials=1,2`, or `trial=1` once or more."""
    given = [*address.get("trials", "").split(","), *repeated]
    return list(dict.fromkeys(int(number) for number in given if is_number(number)))


def preselected(trials: Sequence[Trial], wanted: Sequence[int], goal: Goal = DEFAULT) -> list[int]:
    """What to compare at first: those asked for; if fewer than two, the baseline before them.

    With none asked for, the baseline and the pick; where that is the baseline, the fastest other.
    """
    known = {trial.number for trial in trials}
    chosen = [number for number in wanted if number in known][:MOST]
    if len(chosen) > 1:
        return chosen
    baseline = [t.number for t in trials if t.recipe == t.recipe.baseline() and t.target == LOCAL]
    timed = [t for t in trials if t.summary and t.number not in baseline]
    fastest = min(timed, key=lambda t: t.latency_ms or 0.0, default=None)
    best = picked(trials, goal)
    other = fastest if best is None or best.number in baseline else best
    others = chosen or ([other.number] if other else [])
    return list(dict.fromkeys([*baseline[:1], *others]))


def title(trial: Trial) -> str:
    """A trial's number and what it is."""
    return f"#{trial.number} {trial.recipe.spelling}"


def figures(study: Study, chosen: Sequence[Trial]) -> Table:
    """Every figure that any of the trials has, one column per trial; empty where it has none."""
    known = figures_for(Where.COMPARE, study.evalset.metric, study.trials()).values()
    labels = ["Recipe", *(figure.title for figure in known), "Verdict", "Timed", "Warnings"]
    table = {"": labels}
    for trial in chosen:
        cells = [plain(figure.text(trial)) for figure in known]
        words = [_verdict(trial), _timed(study, trial), _warnings(trial)]
        table[f"#{trial.number}"] = [plain(trial.recipe.spelling), *cells, *words]
    kept = [i for i in range(len(labels)) if any(column[i] for column in list(table.values())[1:])]
    return {name: [column[i] for i in kept] for name, column in table.items()}


def contradiction(chosen: Sequence[Trial]) -> str:
    """Why a trial with the smaller p50 has the smaller speed-up; empty where none has."""
    for one, two in permutations(chosen, 2):
        many, others = one.recipe.runtime.threads, two.recipe.runtime.threads
        if many != others and one.summary and two.summary and _contradict(one.summary, two.summary):
            return (
                f"#{one.number} has a smaller p50 than #{two.number}, yet less speed-up: each "
                f"is against the original at as many threads, here {many} and {others}."
            )
    return ""


def _contradict(one: Summary, two: Summary) -> bool:
    return one.p50_ms.value < two.p50_ms.value and one.speedup.high < two.speedup.low


def sides(study: Study, chosen: Sequence[Trial]) -> dict[int, Side]:
    """Profile the measured trials, each engine by its own profiler; looked up once each.

    Raises: StepError where an engine cannot profile its model.
    """
    found = {}
    for trial in chosen:
        ms = trial.summary.p50_ms.value if trial.summary else None
        found[trial.number] = _side(study, trial.model_digest, trial.recipe, ms)
    return found


def original(study: Study, trial: Trial) -> Side:
    """The original as it comes, with a trial's number of threads. Raises: StepError."""
    baseline = Recipe.baseline(trial.recipe.runtime.threads)
    ms = trial.summary.baseline_p50_ms if trial.summary else None
    return _side(study, study.model.digest, baseline, ms)


def _side(study: Study, digest: str, recipe: Recipe, ms: float | None) -> Side:
    run_us = 1e3 * ms if ms else None
    return Side(
        analysis=analysis_of_digest(digest),
        profile=profile_of_digest(digest, recipe.runtime.spelling, study.evalset.digest, run_us),
        wanted=wanted_precision(recipe),
        p50_us=run_us,
        origins=match_of_digests(study.model.digest, digest).origins,
    )


def doubts(found: Iterable[Side]) -> str:
    """What to think of profiles that add up to far more than their runs."""
    timed = [(side.total_us / 1e3, side.p50_us / 1e3) for side in found if side.p50_us]
    return doubt([profiled for profiled, _ in timed], [run for _, run in timed])


def costs(found: Iterable[Finding]) -> str:
    """What was found, as a Markdown list."""
    lines = (
        f"- **{one.code.replace('_', ' ').capitalize()}** :red-badge[{plain(cost(one) or 'time')}] "
        f"{plain(one.text)}"
        for one in found
    )
    return "\n".join(lines) or ":green-badge[nothing] By its profile no cause costs time."


def precision_table(compared: Mapping[str, Side]) -> Table:
    """How many nodes of each matrix operator each trial really runs in which precision."""
    counted = {name: precisions(side) for name, side in compared.items()}
    ops = list(dict.fromkeys(op for counts in counted.values() for op in counts))
    table = {"": [plain(op) for op in ops]}
    for name, counts in counted.items():
        table[name] = [
            ", ".join(f"{n} {kind or 'unknown'}" for kind, n in counts.get(op, {}).items())
            for op in ops
        ]
    return table


def node_rows(found: Iterable[Pair]) -> list[dict[str, object]]:
    """Rows of the table node by node."""
    return [
        {
            "node": pair.name,
            "operator": pair.op,
            "before µs": _tenths(pair.before_us),
            "after µs": _tenths(pair.after_us),
            "change µs": _tenths(pair.extra_us),
            "before in": pair.before_precision,
            "after in": pair.after_precision,
            "runs as": pair.after_op,
        }
        for pair in found
    ]


def _tenths(microseconds: float | None) -> float | None:
    return None if microseconds is None else round(microseconds, 1)


def weight_changes(diff: GraphDiff) -> str:
    """Bytes of weights more or fewer, by element type."""
    changes = (
        f"{'+' if change > 0 else '-'}{text.size(abs(change))} {kind}"
        for kind, change in diff.weight_bytes_change.items()
    )
    return f"Weights: {', '.join(changes)}." if diff.weight_bytes_change else ""


def _verdict(trial: Trial) -> str:
    return plain(trial.verdict)


def _timed(study: Study, trial: Trial) -> str:
    """How much was timed and on which machine: two machines' times are not one axis."""
    if trial.estimate:
        return "an estimate, not measured"
    if trial.summary is None:
        return ""
    try:
        cpus = {
            piece.environment.get("cpu", "") for piece in study.measurement(trial.number).slices
        }
    except (OptimError, OSError):  # the trial's warnings say that its samples are lost
        cpus = set()
    where = f" on {', '.join(sorted(cpus))}" if any(cpus) else ""
    return plain(f"{text.timed(trial.summary)}{where}")


def _warnings(trial: Trial) -> str:
    return plain(" ".join(w.text for w in trial.warnings if w.severity != "info"))
