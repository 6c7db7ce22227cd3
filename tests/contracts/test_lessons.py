"""What every lesson, picture, experiment and word promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.study_tools import use_home

from optim.learning.drawing import guesses_chart, outcome_chart
from optim.learning.experiment import Experiment, all_experiments
from optim.learning.glossary import all_terms, marked
from optim.learning.lesson import Lesson, all_lessons
from optim.learning.picture import Picture, all_pictures
from optim.settings import settings

LESSONS = all_lessons()
PICTURES: dict[str, Picture] = {lesson.picture.name: lesson.picture for lesson in LESSONS.values()}
EXPERIMENTS: dict[str, Experiment] = {
    lesson.experiment.name: lesson.experiment for lesson in LESSONS.values()
}
TAUGHT = (
    *("graph", "roofline", "folding", "quantization", "calibration", "pruning", "distillation"),
    *("layout", "compilers", "hardware", "threads", "batching", "serving", "measuring"),
)


@pytest.fixture(scope="module", autouse=True)
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One home for all of them: samples are brought once."""
    with pytest.MonkeyPatch.context() as patch:
        use_home(tmp_path_factory.mktemp("lessons"), patch)
        yield
    settings.cache_clear()


def test_all_that_is_to_be_taught_is_there() -> None:
    assert set(TAUGHT) <= set(LESSONS)


def test_every_picture_and_experiment_is_used_by_a_lesson() -> None:
    assert set(PICTURES) == set(all_pictures())
    assert set(EXPERIMENTS) == set(all_experiments())


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_a_lesson_is_short_and_whole(lesson: Lesson) -> None:
    assert len(lesson.text.split()) <= 220
    assert lesson.words, "no word of the glossary is explained"
    assert all(sentence.endswith(".") for sentence in lesson.take_home)
    assert all(len(sentence.split()) <= 30 for sentence in lesson.take_home)


@pytest.mark.deep
@pytest.mark.parametrize("name", list(PICTURES))
def test_a_picture_is_drawn_from_live_data(name: str) -> None:
    panels = PICTURES[name].draw()
    assert panels
    assert len({panel.title for panel in panels}) == len(panels)
    for panel in panels:
        assert panel.figure.data
        assert panel.says.endswith(".") or panel.says.endswith(". ")


@pytest.mark.deep
@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_an_experiment_finds_what_its_lessons_ask_for(name: str) -> None:
    told: list[float] = []
    outcome = EXPERIMENTS[name].briefly().run(lambda _doing, share: told.append(share))
    assert told == sorted(told)
    assert outcome.bars and all(outcome_chart(outcome, name).data for name in outcome.figures)
    assert outcome.machine and outcome.when and outcome.rests_on
    assert set(outcome.figures) <= set(EXPERIMENTS[name].figures)
    for lesson in LESSONS.values():
        # The tail needs more runs than a brief look has.
        if lesson.experiment.name == name and lesson.question.figure != "tail":
            found = outcome.figure(lesson.question.figure)
            assert found.value.low <= found.value.value <= found.value.high
            start = lesson.question.slider.start if lesson.question.slider else 0
            assert found.shown in lesson.question.check(start, found).text
            assert guesses_chart(lesson.question, [start], found).data


def test_words_lead_to_lessons_that_are_there() -> None:
    for term in all_terms().values():
        assert not term.lesson or term.lesson in LESSONS, term.word
        assert not marked(term.says)
        assert term.says.endswith("."), term.word


def test_words_are_spelled_once() -> None:
    spellings = [text.lower() for term in all_terms().values() for text in term.spellings]
    assert len(set(spellings)) == len(spellings)


def test_lessons_lie_in_one_file_each() -> None:
    for name in LESSONS:
        path = Path(__file__).parents[2] / "optim" / "learning" / "lessons" / f"{name}.md"
        assert path.is_file()
