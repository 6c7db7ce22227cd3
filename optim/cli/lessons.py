"""The command `learn`: lessons listed, one measured, one written as a notebook."""

import argparse
import json
import sys
from pathlib import Path

from optim.cli.aligning import align
from optim.errors import InputError
from optim.findings import percent
from optim.home import written
from optim.learning.experiment import Experiment
from optim.learning.glossary import unmarked
from optim.learning.lesson import Lesson, all_lessons, find_lesson
from optim.learning.notebook import lesson_notebook
from optim.learning.outcome import Outcome


def learn(args: argparse.Namespace) -> int:
    """Without a name the lessons; with one its question, and what this machine measures."""
    if not args.lesson:
        _list(args.json)
        return 0
    lesson = find_lesson(args.lesson)
    if args.notebook:
        _write(lesson, args.notebook)
        return 0
    if args.guess is not None and not lesson.question.accepts(args.guess):
        raise InputError(f"{args.guess:g} is none of the answers.", _answers(lesson), "learn")
    experiment = _experiment(lesson, args.longer)
    if not args.json:
        print(f"{lesson.title}\n\n{unmarked(lesson.text)}\n\n{lesson.question.text}")
        print(_answers(lesson), flush=True)
    outcome = experiment.run(_told)
    print(_as_json(lesson, outcome, args.guess) if args.json else _as_text(lesson, outcome, args))
    return 0


def _experiment(lesson: Lesson, longer: bool) -> Experiment:
    asked = lesson.experiment.longer() if longer else lesson.experiment
    if asked is None:
        raise InputError(
            "More timing settles nothing in this lesson.", "Leave out --longer.", "learn"
        )
    return asked


def _list(as_json: bool) -> None:
    lessons = all_lessons()
    if as_json:
        print(json.dumps({name: one.title for name, one in lessons.items()}, indent=1))
        return
    print(align([[name, one.title, one.summary] for name, one in lessons.items()]))


def _write(lesson: Lesson, path: Path) -> None:
    with written(path) as new:
        new.write_bytes(lesson_notebook(lesson))


def _answers(lesson: Lesson) -> str:
    slider = lesson.question.slider
    if slider:
        return f"A number from {slider.low:g} to {slider.high:g}."
    texts = enumerate(choice.text for choice in lesson.question.choices)
    return "\n".join(f"{place}: {text}" for place, text in texts)


def _told(doing: str, share: float) -> None:
    print(f"{percent(share):>5} {doing}", file=sys.stderr)


def _as_text(lesson: Lesson, outcome: Outcome, args: argparse.Namespace) -> str:
    found = outcome.figure(lesson.question.figure)
    lines = [f"\n{found.title}: {found.shown}"]
    if args.guess is not None:
        lines = [f"\n{lesson.question.check(args.guess, found).text}"]
    if not lesson.question.decided_by(found.value) and not args.longer:
        lines += ["--longer measures in more processes."] if lesson.experiment.longer() else []
    lines += [f"{outcome.rests_on}, on {outcome.machine}", *outcome.notes, ""]
    return "\n".join([*lines, *lesson.take_home])


def _as_json(lesson: Lesson, outcome: Outcome, guess: float | None) -> str:
    found = outcome.figure(lesson.question.figure)
    verdict = None if guess is None else lesson.question.check(guess, found).model_dump()
    record = {"lesson": lesson.name, "asked": lesson.question.figure, "verdict": verdict}
    return json.dumps({**record, "outcome": outcome.model_dump()}, indent=1)
