"""The best of a study as a table of a report: what may be picked first, then what is fastest."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from optim.machine.environment import usable_cores
from optim.showing.brief import named
from optim.showing.figure import Where
from optim.showing.figures import figures_for
from optim.studies.goal import Goal
from optim.studies.picking import Standing, facts, standing
from optim.studies.study import Study
from optim.studies.trial import Trial

BEST = 5


@dataclass(frozen=True)
class Ranked:
    """One of the best: its trial, and where it stands against the goal."""

    trial: Trial
    stands: Standing


def best_of(trials: Sequence[Trial], goal: Goal) -> list[Ranked]:
    """Measured trials: those that may be picked first, each group by its gain."""
    known = [trial for trial in trials if trial.summary and trial.quality]
    cores = goal.cores or usable_cores()
    rows = [
        Ranked(trial, standing(facts(trial.recipe, trial.summary, trial), goal, cores, len(known)))
        for trial in known
        if trial.summary
    ]
    rows.sort(key=lambda row: (not row.stands.eligible, -_gain(row.trial), row.trial.number))
    return rows[:BEST]


def best_table(study: Study, best: Sequence[Ranked], trials: Sequence[Trial]) -> str:
    """Each with its figures and their intervals, and below them why it may be picked or not."""
    known = list(figures_for(Where.TERMINAL, study.evalset.metric, trials).values())
    heads = "".join(f"<th>{escape(f.short or f.title)}</th>" for f in known)
    rows = []
    for row in best:
        cells = "".join(f"<td>{_cell(f.text(row.trial))}</td>" for f in known)
        name = escape(f"#{row.trial.number} {named(row.trial.recipe)}")
        rows.append(
            f'<tr class="figures"><td><b>{name}</b></td>{cells}</tr>'
            f'<tr class="said"><td colspan="{len(known) + 1}">{escape(row.stands.why)}</td></tr>'
        )
    return (
        f'<table class="best"><thead><tr><th>recipe</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(said: str) -> str:
    """A value over its interval; what either rests on may wrap."""
    value, bracket, between = said.partition(" (")
    ends, closed, rest = between.partition(")")
    span = f'<br><span class="span">({escape(ends)}{closed}</span>{escape(rest)}' if bracket else ""
    return f"{escape(value) or '-'}{span}"


def _gain(trial: Trial) -> float:
    return trial.summary.gain.value if trial.summary else 0.0
