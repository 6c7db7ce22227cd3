"""What the Compare page shows of trials side by side, as tables of text. No widgets in here."""

from collections.abc import Iterable, Mapping, Sequence

from optim.errors import OptimError
from optim.explaining.executed import Pair, Side, precisions, wanted_precision
from optim.explaining.explain import Reason
from optim.graph import GraphDiff
from optim.metrics.base import find_metric
from optim.studies.choice import best_within
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from ui import text
from ui.cached import analysis_of_digest, profile_of_digest
from ui.points import shown as with_interval
from ui.quantities import quantities
from ui.text import plain

MOST = 6
_LOSS = 0.01
_BADGES = {"cost": ":red-badge[costs]", "gain": ":green-badge[gains]", "note": ":gray-badge[note]"}
Table = dict[str, list[str]]


def asked(address: Mapping[str, str], repeated: Iterable[str]) -> list[int]:
    """Numbers of the trials in an address: `trials=1,2`, or `trial=1` once or more."""
    texts = [*address.get("trials", "").split(","), *repeated]
    return list(dict.fromkeys(int(t) for t in texts if text.is_number(t)))


def preselected(trials: Sequence[Trial], wanted: Sequence[int]) -> list[int]:
    """What to compare at first: those asked for; if fewer than two, the baseline before them.

    With none asked for, the baseline and the fastest within one percent of loss.
    """
    known = {trial.number for trial in trials}
    chosen = [number for number in wanted if number in known][:MOST]
    if len(chosen) > 1:
        return chosen
    baseline = [t.number for t in trials if t.recipe == t.recipe.baseline() and t.target == LOCAL]
    best = best_within([t for t in trials if t.number not in baseline], _LOSS)
    others = chosen or ([best.number] if best else [])
    return list(dict.fromkeys([*baseline[:1], *others]))


def title(trial: Trial) -> str:
    """A trial's number and what it is."""
    return f"#{trial.number} {trial.recipe.spelling}"


def figures(study: Study, chosen: Sequence[Trial]) -> Table:
    """Every figure that any of the trials has, one column per trial; empty where it has none."""
    known = quantities(study.evalset.metric, chosen).values()
    labels = ["Recipe", *(quantity.title for quantity in known)]
    labels += ["More threads alone", "Difference in quality", "Verdict", "Timed", "Warnings"]
    table = {"": labels}
    for trial in chosen:
        values = ((quantity, quantity.get(trial)) for quantity in known)
        cells = [with_interval(quantity, value) if value else "" for quantity, value in values]
        words = [_difference(trial), _verdict(trial), _timed(study, trial), _warnings(trial)]
        head = plain(trial.recipe.spelling)
        table[f"#{trial.number}"] = [head, *cells, _thread_gain(trial), *words]
    kept = [i for i in range(len(labels)) if any(column[i] for column in list(table.values())[1:])]
    return {name: [column[i] for i in kept] for name, column in table.items()}


def sides(study: Study, chosen: Sequence[Trial]) -> dict[int, Side]:
    """Profile the measured trials, each engine by its own profiler; looked up once each.

    Raises: StepError where an engine cannot profile its model.
    """
    found = {}
    for trial in chosen:
        runtime = trial.recipe.runtime.spelling
        profile = profile_of_digest(trial.model_digest, runtime, study.evalset.digest)
        found[trial.number] = Side(
            analysis=analysis_of_digest(trial.model_digest),
            profile=profile,
            wanted=wanted_precision(trial.recipe),
            p50_us=1e3 * trial.summary.p50_ms.value if trial.summary else None,
        )
    return found


def reasons(found: Iterable[Reason]) -> str:
    """An explanation as a Markdown list."""
    return "\n".join(f"- {_BADGES[reason.kind]} {plain(reason.text)}" for reason in found)


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
            "before µs": pair.before_us,
            "after µs": pair.after_us,
            "change µs": pair.extra_us,
            "before in": pair.before_precision,
            "after in": pair.after_precision,
            "runs as": pair.after_op,
        }
        for pair in found
    ]


def weight_changes(diff: GraphDiff) -> str:
    """Bytes of weights more or fewer, by element type."""
    changes = (
        f"{'+' if change > 0 else '-'}{text.size(abs(change))} {kind}"
        for kind, change in diff.weight_bytes_change.items()
    )
    return f"Weights: {', '.join(changes)}." if diff.weight_bytes_change else ""


def _thread_gain(trial: Trial) -> str:
    gain = trial.summary.thread_gain if trial.summary else None
    return text.times(gain) if gain else ""


def _difference(trial: Trial) -> str:
    if trial.quality is None:
        return ""
    ends = (trial.quality.difference, *trial.quality.difference_ci)
    if not any(ends):
        return "none"
    if find_metric(trial.quality.metric).unit == "%":
        value, low, high = (f"{100 * end:+.2f}" for end in ends)
        return plain(f"{value} points ({low} to {high})")
    value, low, high = (f"{end:+.3g}" for end in ends)
    return plain(f"{value} ({low} to {high})")


def _verdict(trial: Trial) -> str:
    return plain(trial.error or (trial.quality.verdict if trial.quality else ""))


def _timed(study: Study, trial: Trial) -> str:
    """How much was timed and on which machine: two machines' times are not one axis."""
    if trial.estimate:
        return "an estimate, not measured"
    if trial.summary is None:
        return ""
    try:
        cpus = {part.environment.get("cpu", "") for part in study.measurement(trial.number).slices}
    except (OptimError, OSError):  # the trial's warnings say that its samples are lost
        cpus = set()
    where = f" on {', '.join(sorted(cpus))}" if any(cpus) else ""
    summary = trial.summary
    processes = f"{summary.processes} process{'es' if summary.processes != 1 else ''}"
    return plain(f"{summary.runs:,} runs in {processes}{where}")


def _warnings(trial: Trial) -> str:
    return plain(" ".join(w.text for w in trial.warnings if w.severity != "info"))
