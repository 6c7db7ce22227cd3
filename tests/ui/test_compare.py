import pytest
from streamlit.testing.v1 import AppTest
from support.explored import RECIPES, visited
from support.trials import summary, trial

from optim.evalset import synthesize
from optim.findings import Interval
from optim.showing.figures import LATENCY, SPEEDUP
from optim.showing.figures import figures as all_figures
from optim.studies.listing import delete_study
from optim.studies.study import Study, create_study
from ui.compare import asked, contradiction, preselected

pytestmark = pytest.mark.slow


def figures(page: AppTest) -> dict[str, dict[str, str]]:
    """The table of figures: trial -> label -> text."""
    table = page.table[0].value.map(lambda text: text.replace("\\", ""))
    return {head: dict(zip(table[""], table[head], strict=True)) for head in table.columns[1:]}


def page_text(page: AppTest) -> str:
    text = "\n".join(element.value for element in (*page.markdown, *page.caption))
    return text.replace("\\", "")


def test_without_an_address_the_baseline_and_the_best_are_compared(explored: Study) -> None:
    page = visited("compare", explored)
    first, second = page.multiselect[0].value
    assert first == 0 and second in (1, 2)
    assert page.query_params["trials"] == f"0,{second}"


def test_figures_are_those_of_the_trials(explored: Study) -> None:
    page = visited("compare", explored, trials="0,2")
    shown = figures(page)
    assert list(shown) == ["#0", "#2"]
    for number, cells in ((0, shown["#0"]), (2, shown["#2"])):
        trial = explored.trial(number)
        assert trial.summary and trial.quality
        assert cells["Recipe"] == RECIPES[number]
        known = all_figures("top1")
        speedup = cells[known[SPEEDUP].title]
        assert f"{trial.summary.speedup.value:.2f}×" in speedup
        assert f"{trial.summary.speedup.low:.2f}" in speedup
        assert all(cells[known[name].title] for name in (LATENCY, "baseline_p50", "size", "load"))
        assert f"{trial.summary.runs:,} runs in 1 process on" in cells["Timed"]
        quality = trial.quality
        same = not any((quality.difference, *quality.difference_ci))
        expected = "none" if same else f"{100 * quality.difference:+.2f} points ("
        assert cells["Difference in quality"].startswith(expected)
        assert cells["Verdict"] == quality.verdict


def test_why_names_operators_precisions_and_nodes(explored: Study) -> None:
    number = RECIPES.index("openvino")
    page = visited("compare", explored, trials=f"0,{number}")
    assert "Below dispatch" in page_text(page)  # the finding that Why has of this small model
    (why,) = [link for link in page.get("page_link") if f"#{number}" in link.proto.label]
    assert f"trial={number}" in why.proto.query_string
    (chart,) = page.get("plotly_chart")
    assert "MatMul" in chart.proto.spec and "#0" in chart.proto.spec
    precision = page.table[1].value
    assert dict(zip(precision[""], precision["#0"], strict=True))["MatMul"] == "2 fp32"
    nodes = page.dataframe[0].value
    assert {"before µs", "after µs", "runs as"} <= set(nodes.columns) and len(nodes) >= 2


def test_graph_changes_of_a_quantized_trial(explored: Study) -> None:
    page = visited("compare", explored, trials="0,1")
    assert "QuantizeLinear nodes added" in page_text(page)
    assert "int8" in page_text(page).split("Weights:")[1]
    tables = [element.value for element in page.dataframe]
    (changed,) = [table for table in tables if "added" in table.columns]
    added = dict(zip(changed["operator"], changed["added"], strict=True))
    assert added["QuantizeLinear"] > 0 and added["DequantizeLinear"] > 0


def test_trials_are_chosen_by_their_spelling_and_kept_in_the_address(explored: Study) -> None:
    page = visited("compare", explored, trials="0,1")
    chooser = page.multiselect[0]
    assert chooser.options[:3] == [f"#{i} {text}" for i, text in enumerate(RECIPES)]
    chooser.set_value([2, 0, 1]).run()
    assert list(figures(page)) == ["#2", "#0", "#1"]
    assert page.query_params["trials"] == "2,0,1"
    chooser.set_value([2]).run()
    assert "two trials or more" in page.info[0].value


def test_an_estimate_is_named_one_and_not_explained(explored: Study) -> None:
    page = visited("compare", explored, trials="0,3")
    assert figures(page)["#3"]["Timed"] == "an estimate, not measured"
    assert "different hardware" in page.warning[0].value
    assert "measured on this machine are needed" in page_text(page)
    assert not page.get("plotly_chart")


def test_two_runs_of_the_page_profile_once(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visited("compare", explored, trials="0,1")

    def never(*_: object) -> None:
        raise AssertionError("profiled again")

    monkeypatch.setattr("ui.cached.profile_of", never)
    page.run()
    assert not page.exception and page.get("plotly_chart")


def test_the_faster_in_time_may_be_the_slower_beside_the_original() -> None:
    original = trial(0, summary(0.0576, 1.0))
    wide = trial(2, summary(0.03, 0.77), recipe="onnxruntime:threads=2")
    said = contradiction([original, wide])
    assert said.startswith("#2 has a smaller p50 than #0, yet less speed-up")
    assert "as many threads, here 2 and 1" in said
    assert not contradiction([original, trial(3, summary(0.02, 2.5)), trial(4)])


def test_addresses() -> None:
    assert asked({"trials": "2,1,2, 7"}, []) == [2, 1, 7]
    assert asked({}, ["4", "x", "-1", "5"]) == [4, 5]
    assert asked({"trials": "drop table"}, []) == []


def test_what_is_preselected(explored: Study) -> None:
    trials = explored.trials()
    assert preselected(trials, [2, 1, 99]) == [2, 1]
    assert preselected(trials, [2]) == [0, 2]
    assert preselected(trials, [0]) == [0]
    summary, quality = trials[2].summary, trials[2].quality
    assert summary and quality
    speed = Interval(value=99, low=98, high=100)
    fast = summary.model_copy(update={"speedup": speed, "gain": speed, "contention": 0.0})
    good = quality.model_copy(update={"difference": 0.0, "difference_ci": (0.0, 0.0)})
    better = trials[2].model_copy(update={"summary": fast, "quality": good})
    assert preselected([*trials[:2], better], []) == [0, 2]
    assert preselected(trials[1:], [1, 2]) == [1, 2]


@pytest.mark.parametrize("asked", ["2", "99", ""])
def test_fewer_than_two_trials_lead_on(explored: Study, asked: str) -> None:
    """The page chooses two; where somebody takes one away, it says what to do."""
    page = visited("compare", explored, trials=asked)
    page.multiselect[0].set_value([2]).run()
    assert "Choose two trials" in page.info[0].value and page.get("page_link")
    page.button(key="suggested").click().run()
    assert len(page.multiselect[0].value) == 2 and page.table
    assert not any("Choose two trials" in info.value for info in page.info)


def test_a_study_without_trials_leads_on(explored: Study) -> None:
    empty = create_study(explored.model, synthesize(explored.model, 9))
    page = visited("compare", empty)
    delete_study(empty.name)
    assert "no trial that was built" in page.info[0].value
    assert [link.proto.label for link in page.get("page_link")] == ["Measure recipes in Explore"]
