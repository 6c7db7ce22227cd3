"""A small real study with three measured trials, made once; and a page of the app opened on it."""

import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.settings import settings
from optim.studies.study import Study, create_study, open_study
from support.study_tools import ROOT, use_home, write_classifier
from ui.state import queue

_TRIES = 10
RECIPES = ("onnxruntime", "static_int8 + onnxruntime", "openvino")


@pytest.fixture(scope="package")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """A study whose trials 0, 1 and 2 are RECIPES, each done; trial 3 is an estimate.

    In a home of the package's own: a copy of one that a process makes once.
    """
    made, name = _made()
    home = tmp_path_factory.mktemp("explored") / "home"
    shutil.copytree(made, home)
    with pytest.MonkeyPatch.context() as patch:
        use_home(home, patch)
        yield open_study(name)
        queue.clear()
    settings.cache_clear()


@cache
def _made() -> tuple[Path, str]:
    """The home folder with the study, and the study's name.

    Pages say other things of figures that other work on the machine left unsettled: then once more.
    """
    for _ in range(_TRIES):
        home, name, settled = _measured(Path(tempfile.mkdtemp(prefix="explored-")))
        if settled:
            return home, name
    pytest.fail(f"In {_TRIES} tries the machine was too busy to time anything.")


def _measured(folder: Path) -> tuple[Path, str, bool]:
    with pytest.MonkeyPatch.context() as patch:
        use_home(folder / "home", patch)
        model_path, evalset_path = write_classifier(folder)
        model = ingest(model_path, evalset=evalset_path)
        study = create_study(model, load_evalset(evalset_path, model))
        numbers = [study.add(Recipe.parse(text)) for text in RECIPES]
        numbers.append(study.add(Recipe.parse("onnxruntime"), "nvidia_t4"))
        with Queue.open() as running:
            trials = running.run_all(study, numbers)
        assert [trial.state for trial in trials] == ["done"] * 4, [t.error for t in trials]
    settings.cache_clear()
    return folder / "home", study.name, not any(trial.unsettled for trial in trials)


def opened(path: str, study: Study, **address: str | list[str]) -> AppTest:
    """A page of the app, run once with this address."""
    page = AppTest.from_file(str(Path(ROOT, path)), default_timeout=60)
    page.query_params["study"] = study.name
    for key, value in address.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def visited(name: str, of: Study | None = None, **address: str) -> AppTest:
    """A page as the application runs it, through its main script, with this address."""
    page = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
    page.switch_page(f"../pages/{name}.py")
    for key, value in {**({"study": of.name} if of else {}), **address}.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page
