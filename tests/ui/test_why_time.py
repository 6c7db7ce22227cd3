"""The Why page: an explanation is asked for, followed, read; what it advises is queued and told."""

import pytest
from streamlit.testing.v1 import AppTest
from support.explored import visited
from support.study_tools import wait_for

from optim.recipe import Recipe
from optim.studies.study import Study
from optim.why import explanation
from ui.state import explanations, queue


@pytest.fixture(autouse=True)
def not_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe takes 15 s, and is tested elsewhere."""
    monkeypatch.setattr(explanation.probing, "probe", lambda tell, cancelled: None)


@pytest.fixture(scope="module")
def slow(explored: Study) -> int:
    """A trial with something to find: the engine's optimizations are off."""
    number = explored.add(Recipe.parse("onnxruntime:graph=off"))
    queue().run_all(explored, [number])
    return number


def said(page: AppTest) -> str:
    shown = (*page.markdown, *page.caption, *page.subheader, *page.info)
    return "\n".join(element.value for element in shown).replace("\\", "")


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


@pytest.mark.deep
def test_it_is_asked_for_followed_and_read(explored: Study, slow: int) -> None:
    page = visited("why", explored, trial=str(slow))
    assert page.selectbox[0].value == slow
    assert "Explain" in labels(page)
    next(button for button in page.button if button.label == "Explain").click()
    page.run()
    assert not page.exception
    trial = explored.trial(slow)
    wait_for(lambda: explanations().of(explored, trial).state != "under way")
    page = visited("why", explored, trial=str(slow))
    assert "Graph level" in said(page) and "ms before" in said(page) or "µs before" in said(page)
    (chart,) = page.get("plotly_chart")
    assert '"before"' in chart.proto.spec and '"after"' in chart.proto.spec
    finding = next(
        one for one in explanations().of(explored, trial).why.findings if one.code == "graph_level"
    )
    if finding.recipe:  # the original was measured already: nothing to try, but what came of it
        assert "as fast as" in said(page)
        (link,) = [one for one in page.get("page_link") if "on the chart" in one.proto.label]
        assert "explore" in link.proto.page and "trial=" in link.proto.query_string


def test_an_estimate_is_not_offered(explored: Study) -> None:
    page = visited("why", explored, trial="3")
    assert not any(option.startswith("#3 ") for option in page.selectbox[0].options)
