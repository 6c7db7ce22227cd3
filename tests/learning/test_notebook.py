"""Notebooks run against the library, by nbconvert as anybody would run them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from support.paths import ROOT
from support.study_tools import write_classifier

from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.learning.lesson import all_lessons, find_lesson
from optim.learning.notebook import lesson_notebook, study_notebook
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.studies.study import create_study


def executed(notebook: bytes, folder: Path, **environment: str) -> str:
    """What its cells printed and drew. Fails where one of them raises."""
    path = folder / "it.ipynb"
    path.write_bytes(notebook)
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute"]
    done = subprocess.run(
        [*command, "--ExecutePreprocessor.timeout=240", "--output", "done.ipynb", str(path)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JUPYTER_PLATFORM_DIRS": "1",
            "HOME": str(folder),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return _said(json.loads((folder / "done.ipynb").read_text()))


def _said(notebook: dict[str, Any]) -> str:
    outputs = [out for cell in notebook["cells"] for out in cell.get("outputs", ())]
    drawn = [kind for out in outputs for kind in out.get("data", {})]
    printed = ["".join(out.get("text", "")) for out in outputs]
    plain = ["".join(out.get("data", {}).get("text/plain", "")) for out in outputs]
    return "\n".join([*printed, *plain, *drawn])


@pytest.mark.parametrize("name", all_lessons())
def test_every_lesson_is_a_valid_notebook_and_the_same_each_time(name: str) -> None:
    lesson = find_lesson(name)
    made = lesson_notebook(lesson)
    assert made == lesson_notebook(lesson)
    read = nbformat.reads(made.decode(), as_version=4)
    nbformat.validate(read)
    text = made.decode()
    assert "[[" not in text.replace("[[[", "")
    assert lesson.experiment.does.split("`")[0] in text


@pytest.mark.deep
@pytest.mark.parametrize("name", ["roofline"])
def test_a_lessons_notebook_measures(name: str, home: Path, tmp_path: Path) -> None:
    said = executed(lesson_notebook(find_lesson(name)), tmp_path, OPTIM_HOME=str(home))
    assert "100 %" not in said and "process 4 of 4" in said
    assert any(word in said for word in ("Right", "Near", "Not here", "Not decided", "That was"))
    assert "application/vnd.plotly.v1+json" in said


@pytest.mark.deep
def test_a_studys_notebook_opens_it_or_measures_it_elsewhere(home: Path, tmp_path: Path) -> None:
    model_path, evalset_path = write_classifier(tmp_path)
    model = ingest(model_path, evalset=evalset_path)
    study = create_study(model, load_evalset(evalset_path, model))
    numbers = study.add_all(map(Recipe.parse, ("onnxruntime", "openvino")))
    with Queue.open() as queue:
        queue.run_all(study, numbers, seconds=120)
    made = study_notebook(study)
    there = executed(made, tmp_path, OPTIM_HOME=str(home))
    assert "openvino" in there and "application/vnd.plotly.v1+json" in there
    text = made.decode().replace("model.onnx", model_path.name).encode()
    elsewhere = executed(text, tmp_path, OPTIM_HOME=str(tmp_path / "another"))
    assert "openvino" in elsewhere
