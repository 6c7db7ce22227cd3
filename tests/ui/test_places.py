"""Each place shows exactly the figures that the table says, a new one too."""

import re
from collections.abc import Sequence

import pytest
from streamlit.testing.v1 import AppTest
from support.explored import opened, visited

from optim.bundles.bundle import findings_of
from optim.bundles.report import report_html
from optim.cli.show import trial_table
from optim.findings import Interval
from optim.showing import figures as table
from optim.showing.figure import Reading, TrialFigure, Where
from optim.showing.figures import figures, figures_for
from optim.showing.records import record
from optim.studies.study import Study
from optim.studies.trial import Trial
from ui.explore.panel import TABS

NUMBER = 1
NEW = TrialFigure(
    "new",
    "A new figure",
    Reading("", lambda known: Interval(value=7, low=6, high=8)),
    lambda value: f"{value:.0f} N",
    ~Where(0),
    unit="N",
    key="new",
    ci_key="new_ci",
)


@pytest.fixture(params=["as it is", "with a new figure"], autouse=True)
def extended(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The table, with and without one more entry."""
    new = bool(request.param != "as it is")
    if new:
        monkeypatch.setattr(table, "FIGURES", (*table.FIGURES, NEW))
    return new


def titles(where: Where, study: Study, trials: Sequence[Trial] = ()) -> list[str]:
    """What a place must list, of trials what any of them has."""
    found = figures_for(where, study.evalset.metric, trials).values()
    return [f.title for f in found if not trials or any(f.text(trial) for trial in trials)]


def explore_page(study: Study) -> AppTest:
    return visited("explore", study, trial=str(NUMBER))


def test_the_explore_page(explored: Study, extended: bool) -> None:
    page, trial = explore_page(explored), explored.trial(NUMBER)
    assert page.selectbox(key="x").options == titles(Where.AXIS, explored)
    assert page.selectbox(key="y").options == titles(Where.AXIS, explored)
    assert [metric.label for metric in page.metric] == titles(Where.HEADLINE, explored, [trial])
    page.session_state[TABS] = "Figures"
    page.run()
    (listed,) = [found.value for found in page.table if list(found.value.columns) == ["", " "]]
    assert list(listed[""]) == titles(Where.PANEL, explored, [trial])
    assert ("A new figure" in list(listed[""])) is extended


def test_the_table_of_trials(explored: Study, extended: bool) -> None:
    (rows,) = [found.value for found in explore_page(explored).dataframe if "recipe" in found.value]
    known = figures(explored.evalset.metric)
    wanted = {name for name, f in known.items() if f.where & (Where.COLUMN | Where.LAST_COLUMN)}
    assert {name for name in rows.columns if name in known} == wanted
    spans = {f"{name} interval" for name, f in known.items() if f.where & Where.INTERVAL}
    assert {name for name in rows.columns if name.endswith(" interval")} == spans
    assert ("new" in rows.columns) is extended


def test_the_comparison(explored: Study, extended: bool) -> None:
    page = visited("compare", explored, trials="0,1")
    labels = list(page.table[0].value[""])
    trials = [explored.trial(0), explored.trial(1)]
    assert labels[1 : labels.index("Verdict")] == titles(Where.COMPARE, explored, trials)
    assert ("A new figure" in labels) is extended


def test_the_export_page(explored: Study) -> None:
    page, trial = opened("pages/export.py", explored, trial=str(NUMBER)), explored.trial(NUMBER)
    assert [metric.label for metric in page.metric] == titles(Where.HEADLINE, explored, [trial])


def test_the_report(explored: Study, extended: bool) -> None:
    trial = explored.trial(NUMBER)
    section = report_html(findings_of(explored, trial)).split("<h2>Figures</h2>")[1]
    listed = re.findall("<th>(.*?)</th>", section.partition("</table>")[0])
    expected = titles(Where.REPORT, explored, [trial])
    assert [text.replace("&#x27;", "'") for text in listed] == [*expected, "Verdict"]
    assert ("7 N (6 to 8)" in section) is extended


def test_the_command_line(explored: Study, extended: bool) -> None:
    metric, trial = explored.evalset.metric, explored.trial(NUMBER)
    header = re.split(r"\s{2,}", trial_table([trial], metric).splitlines()[0].strip())
    known = figures_for(Where.TERMINAL, metric)
    expected = [figure.short or figure.title for figure in known.values()]
    assert header == [*expected, "verdict", "recipe"]
    keys = {key for f in figures(metric).values() for key in (f.key, f.ci_key) if key}
    assert keys <= record(trial, metric).keys()
    assert ("new" in keys) is extended
