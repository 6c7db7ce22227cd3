"""Why the best is as fast as it is, as sections of a report: what was found out before, no more."""

from collections.abc import Iterator, Sequence
from html import escape

from optim.bundles.html import Part, drawn, on_paper, section, table
from optim.sharing.best import Ranked
from optim.sharing.telling import CHART_WIDTH
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.why import whose
from optim.why.explanation import Why
from optim.why.explanations import explained
from optim.why.picture import parts_chart, waterfall_chart
from optim.why.shares import Shares
from optim.why.told import cost, headline, title_of_findings

_MOST_FINDINGS = 6
_SMALL = 10  # letters of a chart that is laid out for a wider page


def reasons(study: Study, best: Sequence[Ranked], trials: Sequence[Trial]) -> Iterator[Part]:
    """Of the best that somebody has had explained; else what the passes of the best did."""
    if not best:
        return
    found = ((row.trial, explained(study, row.trial)) for row in best)
    trial, why = next(((t, w) for t, w in found if w), (best[0].trial, None))
    title = f"Why #{trial.number} is as fast as it is"
    yield from _explained(title, why) if why else _passes(title, trial)
    if shares := whose.shares_if_known(trial, trials):
        part = _shares(f"Whose gain it is, of #{trial.number}", shares, study.evalset.metric)
        yield kept_together(part)


def _shares(title: str, shares: Shares, metric: str) -> Part:
    """The waterfall, what brings more together than alone, and how it was got."""
    figure = whose.drawn(shares, metric)
    figure.update_layout(font={"size": _SMALL}).update_traces(
        textfont={"size": _SMALL}, cliponaxis=False
    )
    figure.update_layout(margin={"r": 70}, width=CHART_WIDTH)
    said = [*whose.interactions_told(shares, metric), *shares.notes]
    note = f'<p class="note">{escape(whose.how_got(shares))}</p>'
    part = drawn(on_paper(figure), "shares")
    return section(title, part, f"{listed(said) if said else ''}{note}")


def kept_together(part: Part) -> Part:
    """The same, never torn apart by a page's end."""
    return Part(f'<div class="keep">{part.html}</div>', part.scripts)


def listed(items: Sequence[str]) -> str:
    """A list."""
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _explained(title: str, why: Why) -> Iterator[Part]:
    chart = (parts_chart if why.is_original else waterfall_chart)(why.waterfall)
    part = drawn(on_paper(chart.update_layout(width=CHART_WIDTH)), "waterfall")
    yield kept_together(section(title, part, f"<p>{escape(headline(why))}</p>"))
    items = [
        " ".join(filter(None, (one.text, f"({cost(one)})" if cost(one) else "", one.advice)))
        for one in [one for one in why.findings if not one.note][:_MOST_FINDINGS]
    ]
    yield Part(listed(items) if items else f"<p>{title_of_findings(why)}.</p>")


def _passes(title: str, trial: Trial) -> Iterator[Part]:
    done = [(report.name, " ".join(report.said) or "No change.") for report in trial.reports]
    asked = '<p class="note">Nobody has asked why yet: the Why page of this trial answers.</p>'
    yield section(title, table(done) or "<p>It has no passes.</p>", asked)
