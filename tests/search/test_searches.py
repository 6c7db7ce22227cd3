"""Searches of a server: with the machine to themselves, stoppable, kept, gone on with."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from support.study_tools import brought, study, wait_for

from optim.errors import InputError, StepError
from optim.findings import EVEN, Interval
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.search import searches as module
from optim.search.answer import Answer
from optim.search.news import News
from optim.search.searches import Searches
from optim.studies.goal import Goal
from optim.studies.study import Study

pytestmark = pytest.mark.slow

__all__ = ["brought", "study"]  # fixtures

GOAL = Goal(max_loss=0.02)
NEWS = News(rows=(), doing="timing onnxruntime", at_work=("onnxruntime",), seconds=1.0)
ANSWER = Answer(
    recipe="onnxruntime",
    speedup=Interval(value=1, low=1, high=1),
    sentences=("Keep the original.",),
    help="Labels.",
    seconds=2.0,
    news=NEWS,
)
assert ANSWER.speedup == EVEN
FindBest = Callable[..., Answer]


@pytest.fixture
def queue(study: Study) -> Iterator[Queue]:
    with Queue.open() as opened:
        yield opened


@pytest.fixture
def searches(queue: Queue) -> Iterator[Searches]:
    made = Searches(lambda: queue)
    yield made
    made.close()


def until_stopped(study: Study, goal: Goal, budget: float, on_news, cancelled) -> Answer:  # type: ignore[no-untyped-def]
    on_news(NEWS)
    wait_for(cancelled)
    return ANSWER


def searching(monkeypatch: pytest.MonkeyPatch, find_best: FindBest) -> None:
    monkeypatch.setattr(module, "find_best", find_best)


def ended(searches: Searches, study: Study) -> bool:
    return not searches.under_way()


@pytest.mark.deep
def test_it_has_the_machine_to_itself_until_it_is_stopped(
    study: Study, queue: Queue, searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching(monkeypatch, until_stopped)
    searches.start(study, GOAL, 60)
    wait_for(lambda: searches.of(study).news)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="under way"):
        searches.start(study, GOAL, 60)
    number = study.add(Recipe.parse("onnxruntime:graph=off"))
    queue.submit(study, number)
    time.sleep(2)
    assert study.trial(number).state == "waiting"
    before = searches.changes
    searches.stop(study.name)
    wait_for(lambda: ended(searches, study))
    run = searches.of(study)
    assert run and run.answer == ANSWER and run.stopped and run.goal == GOAL
    assert searches.changes > before
    wait_for(lambda: study.trial(number).state in ("tightening", "done"))


def test_an_answer_is_there_after_a_restart(
    study: Study, queue: Queue, searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching(monkeypatch, until_stopped)
    searches.start(study, GOAL, 60)
    wait_for(lambda: searches.of(study).news)  # type: ignore[union-attr]
    searches.close()
    again = Searches(lambda: queue)
    kept = again.of(study)
    again.close()
    assert kept and kept.answer == ANSWER and kept.goal == GOAL and not kept.under_way


@pytest.mark.parametrize(
    ("error", "said"),
    [(StepError("It broke.", "Mend it."), "It broke. Mend it."), (ValueError("x"), "Retry it.")],
)
def test_a_crash_is_a_sentence_and_frees_the_machine(
    study: Study,
    queue: Queue,
    searches: Searches,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
) -> None:
    def crashing(*_: object, **__: object) -> Answer:
        raise error

    searching(monkeypatch, crashing)
    searches.start(study, GOAL, 60)
    wait_for(lambda: ended(searches, study))
    run = searches.of(study)
    assert run and said in run.error and "Traceback" not in run.error and run.answer is None
    with queue.hold(lambda: False):
        pass


def test_stopped_before_it_has_the_machine_it_leaves_what_was_found(
    study: Study, queue: Queue, searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching(monkeypatch, lambda *_, **__: ANSWER)
    searches.start(study, GOAL, 60)
    wait_for(lambda: ended(searches, study))
    with queue.hold(lambda: False):
        searches.start(study, GOAL, 30)
        assert searches.of(study).state == "waiting"  # type: ignore[union-attr]
        searches.stop(study.name)
        wait_for(lambda: ended(searches, study))
    run = searches.of(study)
    assert run and run.answer == ANSWER and run.budget == 60


def test_the_starting_set_counts_and_is_not_measured_twice(
    study: Study, queue: Queue, searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = [Recipe.parse(text) for text in ("onnxruntime", "openvino", "onnxruntime:graph=off")]
    numbers = [study.add(recipe, origin="start") for recipe in recipes]

    def measuring_one(of: Study, *_: object, **__: object) -> Answer:
        done = of.add(recipes[1], origin="search", again=True)
        first = of.trial(numbers[0])
        of.begin(done)
        of.save(done, first)
        of.finish(done)
        return ANSWER

    searching(monkeypatch, measuring_one)
    monkeypatch.setenv("OPTIM_TRIAL_SECONDS", "60")  # a first point long before it is done
    queue.submit(study, numbers[0])
    wait_for(lambda: study.trial(numbers[0]).has_point)
    held = threading.Event()
    with queue.hold(held.is_set):
        for number in numbers[1:]:
            queue.submit(study, number)
        searches.start(study, GOAL, 60)
    wait_for(lambda: ended(searches, study))
    assert not searches.of(study).error  # type: ignore[union-attr]
    assert study.trial(numbers[0]).state == "done"
    left = {trial.number for trial in study.trials()}
    assert numbers[1] not in left and numbers[2] in left
    queue.cancel(study, numbers[2])
