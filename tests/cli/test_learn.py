"""`optim learn`: lessons listed, one measured for real, one written as a notebook."""

import json
from pathlib import Path

import pytest

from optim.cli import main
from optim.settings import settings

BRIEF = """---
title: Brief
summary: Measured for a moment only.
picture: strides
question:
  text: How many times as fast is OpenVINO?
  figure: speedup
  choices:
    - {text: "slower", up_to: 1}
    - {text: "faster"}
experiment:
  recipes: {sample: credit, b: openvino, processes: 1, seconds: 0.05, judged: 32}
take_home: ["One.", "Two."]
sources:
  - {title: "A source", url: "https://example.org"}
---
Text on [[quantization]] for the terminal.
"""


@pytest.fixture(autouse=True)
def brief(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brief.md").write_text(BRIEF)
    monkeypatch.setenv("OPTIM_LESSONS", str(tmp_path))
    settings.cache_clear()


def test_without_a_name_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn"]) == 0
    listed = capsys.readouterr().out
    assert "quantization" in listed and "brief" in listed


@pytest.mark.deep
def test_a_lesson_is_measured_and_the_guess_is_held_against_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["learn", "brief", "--guess", "1"]) == 0
    told = capsys.readouterr()
    assert "Text on quantization" in told.out and "1: faster" in told.out
    assert "Speed-up of openvino: " in told.out and "One." in told.out
    assert "timing, process 1 of 1" in told.err
    assert main(["learn", "brief", "--guess", "0", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["verdict"]["state"] in ("right", "wrong", "open")
    assert record["outcome"]["figures"]["speedup"]["value"]["low"] > 0


@pytest.mark.parametrize("argv", [["nothing"], ["brief", "--guess", "7"], ["hardware", "--longer"]])
def test_what_is_not_there_is_a_sentence(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["learn", *argv]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert any(said in told for said in ("Lessons: ", "1: faster", "Leave out --longer"))


def test_a_lesson_is_written_as_a_notebook(tmp_path: Path) -> None:
    assert main(["learn", "brief", "--notebook", str(tmp_path / "brief.ipynb")]) == 0
    assert json.loads((tmp_path / "brief.ipynb").read_text())["nbformat"] == 4
