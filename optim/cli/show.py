"""How the command line shows trials to people, as aligned text (`records` is for machines)."""

from collections.abc import Collection, Iterable, Sequence

from optim.cli.aligning import align
from optim.findings import Caution
from optim.search.news import News, Row
from optim.showing.figure import TrialFigure, Where
from optim.showing.figures import figures_for
from optim.showing.text import percent, spanned, times
from optim.showing.verdict import verdict
from optim.studies.goal import DEFAULT
from optim.studies.trial import Trial

_FEW_LINES = 3  # said of a recipe, unless all is wanted
_SEVERITIES = ("error", "warning", "info")


def why_unsound(trial: Trial) -> str:
    """Why a trial is no choice although its metric holds."""
    known = {caution.code: caution.text for caution in trial.warnings}
    return known.get("collapsed") or known.get("outputs_drifted") or "its outputs are not sound"


def remarks(trial: Trial, advice: Iterable[Caution]) -> list[str]:
    """All that is to be said of a trial beside its figures, what matters most first."""
    verdict = trial.quality.verdict if trial.quality else ""
    cautions = [one for one in (*trial.warnings, *advice) if one.text not in verdict]
    of_answers = {*trial.cautions, *(trial.quality.warnings if trial.quality else ())}
    ranked = sorted(
        cautions, key=lambda one: (_SEVERITIES.index(one.severity), one not in of_answers)
    )
    heavy = [caution.text for caution in ranked if caution.severity != "info"]
    light = [caution.text for caution in ranked if caution.severity == "info"]
    done = [f"{step.name}: {note}" for step in trial.reports for note in step.said]
    return list(dict.fromkeys([*heavy, *done, *light]))


def work_of(trial: Trial) -> list[str]:
    """What each pass did, in its first sentence: what a table is read for."""
    return [f"{step.name}: {note}" for step in trial.reports for note in step.notes[:1]]


def some(lines: Sequence[str], verbose: bool, always: Collection[str] = ()) -> list[str]:
    """The first lines and what is always said, and how many more there are; all where wanted."""
    if verbose or len(lines) <= _FEW_LINES:
        return list(lines)
    shown = [line for at, line in enumerate(lines) if at < _FEW_LINES - 1 or line in always]
    left = len(lines) - len(shown)
    more = "remark; --verbose prints it." if left == 1 else "remarks; --verbose prints them."
    return [*shown, *[f"and {left} more {more}"] * bool(left)]


def trial_table(trials: Sequence[Trial], metric: str, on_front: Collection[int] = ()) -> str:
    """Trials as aligned text; `*` marks the front."""
    known = list(figures_for(Where.TERMINAL, metric, trials).values())
    header = ["", *(figure.short or figure.title for figure in known), "verdict", "recipe"]
    return align([header, *(_cells(trial, known, trial.number in on_front) for trial in trials)])


def verdict_text(trials: Sequence[Trial]) -> str:
    """The pick in a sentence, as the page has it, and why; empty before the original is timed."""
    found = verdict(trials, DEFAULT)
    if found is None:
        return ""
    said = f"{found.title}: {found.figures}." if found.figures else f"{found.title}."
    return f"{said} {found.why}"


def _cells(trial: Trial, known: Sequence[TrialFigure], on_front: bool) -> list[str]:
    figure_cells = [figure.text(trial) or "-" for figure in known]
    return [
        "*" if on_front else "",
        *figure_cells,
        trial.verdict or trial.state,
        trial.recipe.spelling,
    ]


def search_table(news: News) -> str:
    """The candidates of a search, the fastest first: what each brought, and where it stands."""
    rows = sorted(news.rows, key=lambda row: -(row.gain.value if row.gain else 0.0))
    header = ["candidate", "speed-up", "loss", "", "why"]
    return align([header, *(_candidate(row) for row in rows)])


def _candidate(row: Row) -> list[str]:
    gain = spanned(row.gain, times) if row.gain else "-"
    loss = percent(row.loss.value) if row.loss else "-"
    return [row.recipe, gain, loss, row.state, row.why]
