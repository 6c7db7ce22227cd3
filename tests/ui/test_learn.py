"""The Learn page: lessons, what is predicted and measured, the glossary, a class, words."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest
from support.explored import visited

from optim.errors import InputError
from optim.findings import Interval
from optim.learning.experiment import Experiment
from optim.learning.experimenting import Experiments, Run
from optim.learning.lesson import Lesson, all_lessons, find_lesson
from optim.learning.notebook import lesson_notebook
from optim.learning.outcome import Bar, Figure, Outcome
from optim.learning.picture import Panel
from optim.learning.pictures.engine_steps import EngineSteps
from optim.learning.pictures.intensity import Intensity
from optim.settings import settings
from ui.glossary import explained, term
from ui.learn.picturing import begun
from ui.state import classes, experiments, queue
from ui.text import key_of

LESSON = "folding"
VALUE = Interval(value=1.5, low=1.4, high=1.6)
OUTCOME = Outcome(
    figures={"speedup": Figure(title="Speed-up", value=VALUE, unit="×")},
    bars=(Bar(label="a", value=VALUE),),
    rests_on="12 runs in 3 processes",
    machine="A CPU",
    when="2026-11-26 03:00",
)


@pytest.fixture(autouse=True)
def nothing_kept(home: Path) -> Iterator[None]:
    yield
    queue.clear()
    classes.clear()
    experiments.clear()
    begun.clear()


def shown(page: AppTest) -> str:
    kinds = ("markdown", "caption", "subheader", "success", "info", "warning", "error")
    found = "\n".join(str(e.value) for kind in kinds for e in page.get(kind))
    return found.replace("\\", "")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every experiment is done at once, and finds OUTCOME."""
    started: list[str] = []

    extents: list[Experiment] = []

    def start(self: Experiments, lesson: Lesson, experiment: Experiment | None = None) -> int:
        started.append(lesson.name)
        extents.append(experiment or lesson.experiment)
        return len(started)

    def of(self: Experiments, lesson: Lesson) -> Run:
        count = len(started)
        extent = extents[-1] if extents else None
        return Run(number=count, decided=count, outcome=OUTCOME if count else None, of=extent)

    monkeypatch.setattr(Experiments, "start", start)
    monkeypatch.setattr(Experiments, "of", of)
    return started


def test_a_lesson_has_all_its_parts() -> None:
    page = visited("learn", lesson=LESSON)
    lesson, text = find_lesson(LESSON), shown(page)
    assert list(page.sidebar.radio[0].options)[2] == "3. Constant folding and fusion"
    assert page.sidebar.radio[0].value == LESSON
    assert all(sentence in text for sentence in lesson.take_home)
    assert all(source.url in text for source in lesson.sources)
    assert lesson.question.text in text
    assert 'class="term"' in text and "[[" not in text
    while not page.get("plotly_chart"):  # it is drawn meanwhile, and the browser looks again
        page.run()
    assert [group.options for group in page.get("button_group")][1] == [
        panel.title for panel in EngineSteps().draw()
    ]


def test_what_is_measured_decides_and_not_before_one_has_guessed(measured: list[str]) -> None:
    measured.append("somebody else's run, before")
    page = visited("learn", lesson=LESSON)
    assert "1.50×" not in shown(page)
    page.slider[0].set_value(3.0).run()
    page.button(key="measure").click().run()
    assert measured[1:] == [LESSON]
    assert "too high. You said 3.00×. Speed-up: 1.50× (1.40 to 1.60)" in page.warning[
        0
    ].value.replace("\\", "")
    assert "12 runs in 3 processes" in shown(page)


def test_choices_have_to_be_made_before_it_is_measured(measured: list[str]) -> None:
    page = visited("learn", lesson="pruning")
    assert page.button(key="measure").disabled
    page.radio(key=key_of("guess", "alone", "pruning")).set_value(1).run()
    assert not page.button(key="measure").disabled


def test_what_is_not_decided_is_measured_longer_by_a_click(measured: list[str]) -> None:
    page = visited("learn", lesson="pruning")
    page.radio(key=key_of("guess", "alone", "pruning")).set_value(2).run()
    page.button(key="measure").click().run()
    assert "Not decided" in shown(page)
    page.button(key="longer").click().run()
    assert measured == ["pruning", "pruning"]
    assert page.button(key="longer").label == "Measure longer: 20 processes"


def test_a_question_is_answered_while_the_picture_is_drawn(
    measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click waited for the picture: on a busy machine Measure stayed off for half a minute."""
    go_on = threading.Event()
    monkeypatch.setattr(
        Intensity, "draw", lambda _: go_on.wait() and (Panel("A", go.Figure(), ""),)
    )
    page = visited("learn", lesson="threads")
    assert "Drawing from live data" in shown(page)
    page.radio(key=key_of("guess", "alone", "threads")).set_value(1).run()
    assert not page.button(key="measure").disabled
    go_on.set()


def test_a_picture_that_failed_is_said_and_tried_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Intensity) -> tuple[()]:
        raise InputError("The picture is gone.", "Try again.")

    monkeypatch.setattr(Intensity, "draw", fails)
    assert "The picture is gone" in shown(visited("learn", lesson="threads"))
    monkeypatch.undo()
    page = visited("learn", lesson="threads")
    while not page.get("plotly_chart"):
        page.run()
    config = json.loads(page.get("plotly_chart")[0].proto.config)
    assert config["displayModeBar"] is False, "its buttons lie over the legend"


def test_an_unknown_lesson_leads_to_the_first() -> None:
    page = visited("learn", lesson="nothing<b>")
    assert "There is no lesson named nothing" in page.warning[0].value
    assert page.sidebar.radio[0].value == next(iter(all_lessons()))


def test_a_trainers_broken_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.md").write_text("nothing")
    monkeypatch.setenv("OPTIM_LESSONS", str(tmp_path))
    settings.cache_clear()
    page = visited("learn", lesson=LESSON)
    assert "broken.md is no lesson" in page.sidebar.warning[0].value.replace("\\", "")


def test_the_glossary_is_searched() -> None:
    page = visited("learn", view="glossary")
    assert len(page.get("page_link")) > 30
    page.text_input(key="glossary:search").set_value("satur").run()
    assert "**Saturation**" in shown(page).replace("**saturation**", "**Saturation**")
    assert len(page.get("page_link")) < 10
    page.text_input(key="glossary:search").set_value("zzz*").run()
    assert "no word that holds zzz*" in shown(page)


def test_words_say_what_they_mean_and_let_nothing_in() -> None:
    made = explained("A [[recipe]] and <script>alert(1)</script> [[front|the front]].")
    assert "<script>" not in made
    assert ">the front<span" in made and "Pareto" in made
    assert 'tabindex="0"' in term("int8")
    with pytest.raises(InputError):
        term("flummery")
    assert 'class="term"' in shown(visited("parts"))


def test_a_class_from_code_to_result(measured: list[str]) -> None:
    code, key = classes().open(find_lesson("pruning"))
    trainer = AppTest.from_file(
        str(Path(__file__).parents[2] / "ui" / "main.py"), default_timeout=60
    )
    trainer.session_state[key_of("kept", f"trainer-{code}")] = key
    trainer.switch_page("../pages/learn.py")
    trainer.query_params["class"] = code
    trainer.run()
    assert code in shown(trainer) and trainer.metric[0].value == "0 of 0"

    assert not visited("learn").button(key="class:go").disabled  # a click takes what is typed
    learner = visited("learn", **{"class": code.lower()})
    learner.text_input(key="class:name").set_value("<b>Ada").run()
    learner.button(key="class:join").click().run()
    learner.radio[0].set_value(2).run()
    learner.button(key="class:send").click().run()
    assert "Sent: Up to 1.5 times as fast" in shown(learner)
    trainer.run()
    assert trainer.metric[0].value == "1 of 1"
    assert "1.50×" not in shown(learner)

    trainer.button(key="class:measure").click().run()
    learner.run()
    for page in (trainer, learner):
        assert "Speed-up: 1.50× (1.40 to 1.60)" in shown(page)
    assert "Not decided" in shown(learner)  # 1.4 to 1.6 lies on both sides of 1.5
    assert not learner.get("button")
    assert trainer.button(key="longer").label == "Measure longer: 16 processes"
    trainer.button(key="longer").click().run()  # what decides now is the longer run
    assert trainer.button(key="longer").label == "Measure longer: 20 processes"
    trainer.button(key="longer").click().run()
    assert "More timing would not settle it." in shown(trainer)


def test_a_class_that_is_over_is_a_sentence() -> None:
    page = visited("learn", **{"class": "NOSUCH"})
    assert "no class with the code" in shown(page)
    assert page.get("page_link")


def test_a_lessons_notebook_is_json() -> None:
    assert json.loads(lesson_notebook(find_lesson(LESSON)))["nbformat"] == 4
