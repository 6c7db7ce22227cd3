"""The page's side of a search: its controls, its rows, what a panel queues; on a small study."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest
from support.explored import visited

from optim.findings import Interval
from optim.running.queue import Queue
from optim.search.answer import Answer
from optim.search.news import News, Row
from optim.search.searches import Searches, SearchRun
from optim.studies.goal import Goal
from optim.studies.study import Study
from ui.explore.find import control
from ui.explore.race import picture
from ui.state import queue
from ui.text import key_of

LEADS = Interval(value=1.8, low=1.7, high=1.9)
SLOW = Interval(value=0.5, low=0.4, high=0.6)
NEWS = News(
    rows=(
        Row(recipe="onnxruntime:graph=off", state="slower", expected=SLOW, gain=SLOW, why="Slow."),
        Row(recipe="broken", state="failed", expected=SLOW, why="It broke."),
        Row(recipe="openvino", state="picked", expected=LEADS, gain=LEADS, why="At most 1 point."),
    ),
    doing="timing again openvino",
    at_work=("openvino",),
    seconds=4.0,
    not_reached=("simplify + openvino",),
)
RUN = SearchRun(goal=Goal(), budget=30.0, asked=0.0, began=1.0, state="running", news=NEWS)
FOUND = Answer(
    recipe="openvino",
    speedup=LEADS,
    sentences=("Use openvino: *fast*.", "Nothing lost.", "3 were tried."),
    help="Labels.",
    seconds=29.0,
    news=NEWS.model_copy(update={"doing": "", "at_work": ()}),
)


@pytest.fixture
def explore(explored: Study) -> Iterator[AppTest]:
    yield visited("explore", explored)


def shown(page: AppTest) -> str:
    kinds = ("markdown", "caption", "error")
    return "\n".join(str(e.value) for kind in kinds for e in page.get(kind)).replace("\\", "")


def test_the_winner_stands_first_and_losers_last() -> None:
    drawn = picture(RUN, {"openvino": 7})
    assert [row["state"] for row in drawn["rows"]] == ["picked", "slower", "failed"]
    first, slower, failed = drawn["rows"]
    assert (first["trial"], first["busy"], first["said"]) == (7, True, "leads")
    assert first["figures"] == "1.80× (1.70 to 1.90)"
    assert slower["trial"] is None and not slower["busy"]
    assert failed["gain"] is None and failed["why"] == "It broke."
    low, high = drawn["scale"]
    assert low <= 0.5 and high >= 1.8 and drawn["left"] == 1 and drawn["ticking"]


def test_what_ended_is_said_in_the_past() -> None:
    ended = RUN.model_copy(update={"state": "ended", "answer": FOUND, "news": None})
    drawn = picture(ended, {})
    assert not drawn["running"] and not drawn["ticking"] and drawn["elapsed"] == 29
    assert drawn["rows"][0]["said"] == "chosen" and not any(row["busy"] for row in drawn["rows"])


def test_a_search_is_started_with_what_the_controls_say(
    explored: Study, explore: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Goal, float]] = []
    monkeypatch.setattr(
        Searches, "start", lambda self, study, goal, budget: asked.append((goal, budget))
    )
    explore.select_slider(key=control("loss", explored)).set_value(2.0)
    explore.number_input(key=control("max_size_mb", explored)).set_value(3.0)
    explore.number_input(key=control("min_quality", explored)).set_value(40.0)
    explore.selectbox(key=control("cores", explored)).select(1)
    explore.selectbox(key=control("budget", explored)).select(30).run()
    explore.button(key="find:start").click().run()
    ((goal, budget),) = asked
    assert budget == 30
    assert goal.max_loss == pytest.approx(0.02) and goal.max_size_mb == 3
    assert goal.min_quality == pytest.approx(0.4)
    assert not explore.exception


def test_a_running_search_can_only_be_stopped(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(Searches, "of", lambda self, study: RUN)
    monkeypatch.setattr(Searches, "under_way", lambda self: [(explored.name, RUN)])
    monkeypatch.setattr(Searches, "stop", lambda self, name: stopped.append(name))
    page = visited("explore", explored)
    assert "A search of this study has the machine" in shown(page)
    assert "find:start" not in [button.key for button in page.button]
    page.button(key="find:stop").click().run()
    assert stopped == [explored.name]


def test_an_answer_is_read_as_text_and_gone_on_with(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = RUN.model_copy(update={"state": "ended", "answer": FOUND, "news": None})
    monkeypatch.setattr(Searches, "of", lambda self, study: ended)
    page = visited("explore", explored)
    assert "**Use openvino: *fast*.** Nothing lost. 3 were tried." in shown(page)
    assert "Labels." in shown(page)
    assert page.button(key="find:start").label == "Go on searching"


def test_a_search_that_failed_is_one_sentence(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = RUN.model_copy(update={"state": "ended", "error": "The disk is full. Free some."})
    monkeypatch.setattr(Searches, "of", lambda self, study: failed)
    page = visited("explore", explored)
    assert "The disk is full. Free some." in shown(page)
    assert page.button(key="find:start").label == "Find the best"


def test_where_trials_run_elsewhere_nothing_is_searched(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "elsewhere", "Trials run on the workers of tcp://there:1.")
    page = visited("explore", explored)
    assert page.button(key="find:start").disabled
    assert "A search measures on this machine only." in shown(page)


def test_a_trials_neighbours_are_queued_from_its_panel(explored: Study) -> None:
    page = visited("explore", explored)
    page.session_state[key_of("trial", explored.name)] = 1
    page.run()
    before = {trial.number for trial in explored.trials()}
    page.button(key="near").click().run()
    new = [trial for trial in explored.trials() if trial.number not in before]
    assert new and all(trial.origin == "explore" for trial in new)
    assert all("static_int8" in trial.recipe.spelling for trial in new)
    for trial in new:
        queue().delete(explored, trial.number)


def test_the_verdict_stands_above_the_chart_and_follows_the_goal(
    explored: Study, explore: AppTest
) -> None:
    said = shown(explore)
    assert "Nothing is clearly faster yet" in said or "without measurable loss" in said
    explore.selectbox(key=control("objective", explored)).select("size").run()
    assert "Nothing is clearly smaller" in shown(explore) or "Smallest" in shown(explore)
