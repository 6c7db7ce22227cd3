"""Classes: by code, bounded, expiring; what is the trainer's stays the trainer's."""

import threading
from collections.abc import Callable

import pytest

from optim.errors import InputError
from optim.learning import classroom
from optim.learning.classroom import LONGEST_NAME, Classes
from optim.learning.lesson import find_lesson

LESSON = find_lesson("quantization")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def classes(clock: Clock) -> Classes:
    return Classes(clock)


def test_guesses_arrive_and_the_latest_counts(classes: Classes) -> None:
    code, key = classes.open(LESSON)
    ada, bob = classes.join(code.lower(), "Ada"), classes.join(code)
    classes.guess(code, ada, 0)
    classes.guess(code, ada, 2)
    classes.guess(code, bob, 3)
    seen = classes.seen(code)
    assert (seen.learners, sorted(seen.guesses), seen.guessing) == (2, [2, 3], True)
    assert classes.names(code, key) == [("Ada", 2)]


def test_the_measurement_closes_the_guesses_and_another_lesson_opens_them(classes: Classes) -> None:
    code, key = classes.open(LESSON)
    ada = classes.join(code)
    classes.guess(code, ada, 1)
    classes.decide(code, key, 7)
    assert classes.seen(code).run == 7
    with pytest.raises(InputError, match="closed"):
        classes.guess(code, ada, 2)
    classes.teach(code, key, find_lesson("pruning"))
    seen = classes.seen(code)
    assert (seen.lesson, seen.guessing, seen.guesses, seen.learners) == ("pruning", True, (), 1)


@pytest.mark.parametrize("key", ["", "guessed", "\ud800", "x" * 10_000])
def test_nobody_else_has_a_trainers_rights(classes: Classes, key: str) -> None:
    code, _ = classes.open(LESSON)
    doings: list[Callable[[], object]] = [
        lambda: classes.decide(code, key, 1),
        lambda: classes.teach(code, key, LESSON),
        lambda: classes.close(code, key),
        lambda: classes.names(code, key),
    ]
    for do in doings:
        with pytest.raises(InputError, match="Only who opened"):
            do()
    assert not classes.is_trainer(code, key)


@pytest.mark.parametrize("guess", [-1, 4, 0.5, float("nan"), float("inf")])
def test_a_guess_that_is_no_answer_is_refused(classes: Classes, guess: float) -> None:
    code, _ = classes.open(LESSON)
    learner = classes.join(code)
    with pytest.raises(InputError, match="none of the answers"):
        classes.guess(code, learner, guess)
    assert classes.seen(code).guesses == ()


def test_who_has_not_joined_has_no_guess(classes: Classes) -> None:
    code, _ = classes.open(LESSON)
    with pytest.raises(InputError, match="not joined"):
        classes.guess(code, "somebody", 1)


@pytest.mark.parametrize("code", ["", "ABCDEF", "x" * 10_000, "\ud800", "../..", "A\x00B"])
def test_an_unknown_code_is_a_sentence(classes: Classes, code: str) -> None:
    with pytest.raises(InputError, match="no class with the code") as refused:
        classes.seen(code)
    assert len(str(refused.value)) < 250


def test_a_class_is_over_after_four_hours(classes: Classes, clock: Clock) -> None:
    code, _ = classes.open(LESSON)
    clock.now = 4 * 3600 - 1
    assert classes.seen(code)
    clock.now = 4 * 3600 + 1
    with pytest.raises(InputError, match="no class"):
        classes.seen(code)


def test_all_of_it_is_bounded(classes: Classes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom, "MOST_CLASSES", 3)
    monkeypatch.setattr(classroom, "MOST_LEARNERS", 2)
    code, key = [classes.open(LESSON) for _ in range(3)][0]
    with pytest.raises(InputError, match="3 classes open"):
        classes.open(LESSON)
    classes.join(code, "n" * 10_000 + "\n\x1b[31m")
    classes.join(code)
    with pytest.raises(InputError, match="2 have joined"):
        classes.join(code)
    ((name, _),) = classes.names(code, key)
    assert len(name) <= LONGEST_NAME + 3
    classes.close(code, key)
    assert classes.open(LESSON)


def test_many_at_once_lose_nothing(classes: Classes) -> None:
    code, _ = classes.open(LESSON)

    def learn() -> None:
        learner = classes.join(code)
        for guess in (0, 1, 2):
            classes.guess(code, learner, guess)

    threads = [threading.Thread(target=learn) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert classes.seen(code).guesses == (2,) * 40
