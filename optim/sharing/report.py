"""A report of a whole study as one HTML file: verdict, chart, the best, why, caveats, hardware.

It loads nothing from elsewhere, and is made to be printed: A4 or Letter, no section torn apart.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape

from optim import __version__
from optim.bundles.bundle import libraries
from optim.bundles.html import Part, drawn, on_paper, section, table, whole_page
from optim.sharing.best import BEST, Ranked, best_of, best_table
from optim.sharing.reasons import kept_together, listed, reasons
from optim.sharing.study_file import IMPORTED
from optim.sharing.telling import CHART_WIDTH, chart_of, environment_of, machine_of
from optim.showing.recorded import recorded
from optim.showing.story import has_place, on_stage
from optim.showing.verdict import verdict
from optim.studies.goal import DEFAULT, Goal
from optim.studies.study import Study
from optim.studies.trial import Trial

_CHART_HEIGHT = 370
_STYLE = f"""
body {{ max-width: {CHART_WIDTH}px; }}
.verdict {{ border-left: 4px solid #0b6e99; background: #f3f5f7; padding: .6rem 1rem;
  margin: 1rem 0; font-size: 1.05rem; }}
.best {{ width: 100%; font-size: .85rem; }} .best th, .best td {{ padding: .3rem .7rem .3rem 0; }}
.best th {{ border-bottom: 1px solid #8593a3; }} .best .span {{ white-space: nowrap; }}
.best tr.figures td:first-child {{ min-width: 11rem; }}
.best tr.figures td:last-child {{ white-space: nowrap; }}
.best tr.said td {{ color: #5b6875; padding-top: 0; border-bottom: 1px solid #e4e9ee; }}
.small {{ font-size: .85rem; }} li {{ margin: .25rem 0; overflow-wrap: anywhere; }}
@page {{ margin: 14mm 14mm 16mm; }}
@media print {{
  body {{ margin: 0; padding: 0; font-size: 10.5pt; print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }}
  h2 {{ break-after: avoid; }} .keep, tr, li, .verdict {{ break-inside: avoid; }}
  .best tr.figures {{ break-after: avoid; }}
  .modebar, .modebar-container {{ display: none !important; }}
}}
"""
_HOW_READ = (
    '<p class="note">In brackets: 95 % intervals. A speed-up is a paired ratio against the '
    "original on ONNX Runtime as it comes, on as many threads, timed in the same processes.</p>"
)
_HOW_DRAWN = (
    '<p class="note">Bars: 95 % intervals. The line is the front: what nothing else clearly beats. '
    "Ringed: the pick.</p>"
)


def study_report(study: Study, goal: Goal = DEFAULT, date: str = "") -> str:
    """The whole page.

    Args:
        goal: what the pick is chosen for.
        date: when it is made.
    """
    everything = study.trials()
    trials = on_stage(everything)
    best = best_of(trials, goal)
    name = escape(study.title)
    parts = [
        Part(f"<h1>{name}</h1><p class='note'>{_about(study, trials, date)}</p>"),
        Part(_verdict(trials, goal)),
        _chart(study, trials, goal),
        _best(study, best, trials),
        *reasons(study, best, everything),
        section("What to keep in mind", _caveats(study, best, everything)),
        _hardware(trials),
    ]
    return whole_page(f"{name}: report", parts, _STYLE)


def _about(study: Study, trials: Sequence[Trial], date: str) -> str:
    points = f"{sum(map(has_place, trials))} trials with a point"
    facts = (date, machine_of(trials), points, study.evalset.split_note)
    return escape(" · ".join(filter(None, facts)))


def _verdict(trials: Sequence[Trial], goal: Goal) -> str:
    found = verdict(trials, goal)
    if found is None:
        said, why = "There is no verdict yet.", "It comes once the original is measured here."
    else:
        said = f"{found.title}{f': {found.figures}' if found.figures else '.'}"
        why = found.why
    said, why = map(_with_units, (said, why))
    return f'<div class="verdict"><b>{escape(said)}</b><br>{escape(why)}</div>'


def _with_units(said: str) -> str:
    """No line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=(?:ms|µs|s|%|points?)\b|%)", "\N{NO-BREAK SPACE}", said)


def _chart(study: Study, trials: Sequence[Trial], goal: Goal) -> Part:
    if not any(map(has_place, trials)):
        return Part("")
    figure = chart_of(study, trials, goal)
    figure.update_layout(width=CHART_WIDTH, height=_CHART_HEIGHT, autosize=False)
    part = drawn(on_paper(figure), "trade-off")
    return kept_together(section("Latency against quality", part, _HOW_DRAWN))


def _best(study: Study, best: Sequence[Ranked], trials: Sequence[Trial]) -> Part:
    if not best:
        return Part("")
    title = "The best" if len(best) < BEST else f"The best {BEST}"
    return section(title, best_table(study, best, trials), _HOW_READ)


def _caveats(study: Study, best: Sequence[Ranked], trials: Sequence[Trial]) -> str:
    """What limits the figures: warnings of the best, what is open, notes on model and samples."""
    said = [*_warned([row.trial for row in best]), *open_ends(trials)]
    if study.evalset.synthetic:
        said.append("The inputs are made up: what is called quality is fidelity to the original.")
    said += [*study.model.notes, *study.evalset.notes]
    said.append("Another machine gives other times: a bundle of a trial can be replayed there.")
    return listed(list(dict.fromkeys(said)))


def _warned(trials: Iterable[Trial]) -> list[str]:
    """The warnings of the trials, each once, behind the numbers of those that it is of."""
    of: dict[str, list[str]] = {}
    for trial in trials:
        for one in trial.warnings:
            if one.severity != "info" or one.code == IMPORTED:
                of.setdefault(one.text, []).append(f"#{trial.number}")
    return [f"{', '.join(dict.fromkeys(numbers))}: {text}" for text, numbers in of.items()]


def open_ends(trials: Sequence[Trial]) -> list[str]:
    """What of a study is still open, in sentences; none where all is done."""
    under_way = sum(not trial.finished for trial in trials)
    failed = sum(trial.state == "failed" for trial in trials)
    early = sum(bool(t.finished and t.summary and t.summary.provisional) for t in trials)
    said = (
        (under_way, "under way or waiting; what is known of them by now counts"),
        (failed, "failed, without a point"),
        (early, "timed in fewer than three processes, so that intervals are wide"),
    )
    return [f"{count} of {len(trials)} trials {what}." for count, what in said if count]


def _hardware(trials: Sequence[Trial]) -> Part:
    """Of the measurement; of this program where nothing was measured."""
    measured = environment_of(trials) or libraries()
    rows = [*recorded(measured), ("Written by", f"optim {__version__}")]
    part = section("Hardware and versions", f'<div class="small">{table(rows)}</div>')
    return kept_together(part)
