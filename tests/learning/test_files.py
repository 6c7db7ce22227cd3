"""A trainer's own lessons: found in a folder, told where they are wrong, never in the way."""

from pathlib import Path

import pytest

from optim.errors import InputError
from optim.learning.lesson import all_lessons, find_lesson, read_lesson, unreadable_lessons
from optim.settings import settings

pytestmark = pytest.mark.slow

GOOD = """---
title: Mine
rank: 5
summary: A lesson of a trainer's own.
picture: strides
question:
  text: How many times as fast is it?
  figure: speedup
  slider: {low: 0.5, high: 4, step: 0.1, start: 1}
experiment:
  recipes: {sample: credit, b: openvino}
take_home:
  - One.
  - Two.
sources:
  - {title: "A source", url: "https://example.org/a"}
---
Text about [[quantization]] and <b>markup</b>, long enough.
"""
WRONG = {
    "no front matter": ("title: Mine\n", "front matter"),
    "an unknown picture": (GOOD.replace("strides", "mona_lisa"), "no picture named 'mona_lisa'"),
    "an unknown setting": (
        GOOD.replace("b: openvino", "b: openvino, c: 1"),
        "c: there is no such field",
    ),
    "an unknown recipe": (GOOD.replace("b: openvino", "b: magic"), "magic"),
    "an unknown figure": (GOOD.replace("figure: speedup", "figure: beauty"), "no 'beauty'"),
    "an unknown word": (GOOD.replace("[[quantization]]", "[[flummery]]"), "flummery"),
    "one sentence": (GOOD.replace("  - Two.\n", ""), "take_home"),
    "an item of a list": (  # of which the list is not said to have none
        GOOD.replace('"A source"', '"A"'),
        "no lesson: sources.1.title: 1 of at least 5 characters.",
    ),
    "a script": (GOOD.replace("https://example.org/a", "javascript:alert(1)"), "url"),
    "an alias": (GOOD.replace("title: Mine", "title: &a Mine"), "aliases or anchors"),
    "too much": (GOOD + "x" * 200_000, "larger than"),
}


@pytest.fixture
def folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIM_LESSONS", str(tmp_path / "lessons"))
    settings.cache_clear()
    (tmp_path / "lessons").mkdir()
    return tmp_path / "lessons"


def test_a_file_is_a_lesson(folder: Path) -> None:
    (folder / "mine.md").write_text(GOOD)
    assert next(iter(all_lessons())) == "mine"  # by its rank
    lesson = find_lesson("mine")
    assert lesson.words == ("quantization",)
    assert unreadable_lessons() == []
    (folder / "mine.md").write_text(GOOD.replace("title: Mine", "title: Changed"))
    assert find_lesson("mine").title == "Changed"


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_told_and_the_others_are_taught(folder: Path, case: str) -> None:
    text, said = WRONG[case]
    (folder / "wrong.md").write_text(text)
    with pytest.raises(InputError, match="wrong.md is no lesson") as refused:
        read_lesson(folder / "wrong.md")
    assert said in str(refused.value)
    assert "wrong" not in all_lessons() and "graph" in all_lessons()
    (told,) = unreadable_lessons()
    assert told.file == "wrong.md" and said.removeprefix("no lesson: ") in f"{told.why}."


def test_an_unknown_lesson_is_a_sentence_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="There is no lesson named 'nothing'.*quantization"):
        find_lesson("nothing")
