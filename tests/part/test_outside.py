"""Parts of another package: found, listed, used in real children; broken ones left out and said."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from support.paths import ROOT, TESTS
from support.study_tools import use_home, write_classifier

from optim.build import built
from optim.cli.documents import parts_document
from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.judging.quality import quality_of
from optim.metrics.base import all_metrics
from optim.part import Circumstances, broken_parts, rediscover
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes
from optim.search.advice import advise
from optim.search.space import starting_recipes
from optim.settings import settings
from optim.studies.params import parameters
from ui.parts import described
from ui.text import plain

OUTSIDE = TESTS / "support" / "outside"
RECIPE = "round_weights:bits=7 + reference"


def announce(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let this process and its children find packages in a folder too."""
    patch.syspath_prepend(folder)
    patch.setenv("PYTHONPATH", str(folder))
    rediscover()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No other test finds what these find."""
    yield
    rediscover()


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch, forgotten: None) -> Iterator[None]:
    """The package in `tests/support/outside`, as if it were installed."""
    with pytest.MonkeyPatch.context() as patch:
        announce(OUTSIDE, patch)
        yield


def parts_listed(path: str, *options: str, cwd: Path = ROOT) -> Any:
    """What `python -m optim parts` says in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "optim", "parts", *options],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout) if "--json" in options else done


def test_they_stand_beside_the_built_in_ones(outside: None) -> None:
    for known, name in (
        (all_passes(), "round_weights"),
        (all_runtimes(), "reference"),
        (all_metrics(), "within_tenth"),
    ):
        assert known[name].origin == "outside-parts 1.2"
        assert list(known) == sorted(known) and len(known) > 2
        assert {part.origin for other, part in known.items() if other != name} == {"built-in"}
    assert broken_parts() == ()


def test_search_advice_and_store_take_them_as_they_take_others(outside: None) -> None:
    recipe = Recipe.parse(RECIPE)
    assert "reference on convolutions" in {c.code for c in advise(recipe, {"Conv": 1}, (), 1)}
    started = [start.spelling for start in starting_recipes(Circumstances({"MatMul": 2}))]
    assert "round_weights + reference" in started
    values, _ = parameters(recipe, "local", {})
    assert values["round_weights"] and values["round_weights.bits"] == 7
    assert values["runtime"] == "reference"
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe


def test_the_programs_documents_leave_them_out(outside: None) -> None:
    assert "round_weights" not in parts_document() and "`simplify`" in parts_document()


@pytest.mark.deep
def test_they_work_in_real_children(
    outside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_home(tmp_path / "home", monkeypatch)
    model_path, evalset_path = _regression(tmp_path)
    model = ingest(model_path, evalset=evalset_path)
    evalset = load_evalset(evalset_path, model)
    made = built(model, Recipe.parse(RECIPE), evalset)
    assert made.reports[0].name == "round_weights" and made.reports[0].modified
    quality = quality_of(made.model, model, Recipe.parse(RECIPE), evalset)
    assert quality.metric == "within_tenth" and 0.5 < quality.value <= 1
    settings.cache_clear()


@pytest.mark.deep
def test_the_command_line_measures_one_found_by_a_relative_path(tmp_path: Path) -> None:
    """A child runs in another folder, where a relative path would lead nowhere."""
    model_path, evalset_path = _regression(tmp_path)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "optim", "measure", str(model_path), "--json"),
            *("--evalset", str(evalset_path), "--recipe", RECIPE),
        ],
        cwd=TESTS / "support",
        env={
            **os.environ,
            "PYTHONPATH": f"outside{os.pathsep}{ROOT}",
            "OPTIM_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["status"] == "done" and row["quality_metric"] == "within_tenth"


def _regression(folder: Path) -> tuple[Path, Path]:
    """A small model, and an EvalSet judged by the outside metric."""
    model_path, _ = write_classifier(folder)
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(40, 16)), random.normal(size=(40, 4))
    import onnxruntime

    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    inputs = inputs.astype(np.float32)
    labels = np.concatenate([session.run(None, {"x": row[None]})[0] for row in inputs])
    path = folder / "numbers.npz"
    np.savez(path, x=inputs, labels=labels, metric=np.array("within tenth"))
    return model_path, path


@pytest.mark.deep
def test_they_keep_the_contracts() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-vv", "tests/contracts", "-p", "no:cacheprovider"),
            *("-k", "round_weights or reference or within_tenth"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(OUTSIDE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    for name in ("round_weights", "reference", "within_tenth"):
        assert f"[{name}" in done.stdout


@pytest.mark.slow
def test_the_list_says_where_a_part_comes_from() -> None:
    listed = parts_listed(str(OUTSIDE), "--json")
    assert listed["passes"]["round_weights"]["origin"] == "outside-parts 1.2"
    assert listed["passes"]["simplify"]["origin"] == "built-in"
    text = parts_listed(str(OUTSIDE)).stdout
    assert text.count("from outside-parts 1.2") == 3


def test_the_page_says_where_a_part_comes_from(outside: None) -> None:
    page = AppTest.from_file(str(ROOT / "pages" / "parts.py"), default_timeout=60).run()
    assert not page.exception
    titles = " ".join(expander.label for expander in page.expander)
    assert described(all_passes()["round_weights"])[-1] == f"**From** {plain('outside-parts 1.2')}"
    assert all(f"`{name}`" in titles for name in ("round_weights", "reference", "within_tenth"))
    assert sum(plain("outside-parts 1.2") in text.value for text in page.markdown) == 3


# entry point -> its module's text, and what is said of it
BROKEN = {
    "absent": (None, "It cannot be loaded: ModuleNotFoundError"),
    "raises": ("1 / 0", "It cannot be loaded: ZeroDivisionError: division by zero."),
    "exits": ("import sys; sys.exit(3)", "It cannot be loaded: SystemExit"),
    "empty": ("x = 1", "empty_module holds no part"),
    "clash": ("class A(Simplify):\n    name = 'simplify'", "taken by a part of the program"),
    "kind": ("class A(Simplify):\n    name = 'openvino'", "taken by a part of the program"),
    "reserved": ("class A(Simplify):\n    name = 'target'", "taken by a part of the program"),
    "again": ("class A(Simplify):\n    name = 'fine'", "taken by broken-parts 0.1"),
    "odd": ("class A(Simplify):\n    name = 'a+b\\n'", "not of small letters"),
    "silent": ("class A(Pass):\n    name = 'silent'", "It does not say its helps, hurts"),
    "wrong": (
        "class A(Simplify):\n    name = 'wrong'\n    searched = (Searched('depth', (1,)),)",
        "What it declares does not hold together",
    ),
    "crooked": (
        "class A(Simplify):\n    name = 'crooked'\n"
        "    hazards = (Hazard('c', 'It hurts.', lambda part, here: here.nonsense),)",
        "What it declares does not hold together",
    ),
}
HEAD = (
    "from optim.part import Hazard, Searched\n"
    "from optim.passes.base import Pass\n"
    "from optim.passes.simplify import Simplify\n"
)
FINE = HEAD + "class Fine(Simplify):\n    name = 'fine'\n"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder with a package whose every entry point but one is broken in a way of its own."""
    entries = ["a_fine = fine_module"]
    (tmp_path / "fine_module.py").write_text(FINE)
    for name, (text, _) in BROKEN.items():
        entries.append(f"{name} = {name}_module")
        if text is not None:
            (tmp_path / f"{name}_module.py").write_text(HEAD + text)
    about = tmp_path / "broken_parts-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-parts\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(
        "\n".join(["[inference_explorer.parts]", *entries]) + "\n"
    )
    return tmp_path


@pytest.mark.slow
def test_a_broken_package_is_left_out_with_a_sentence(broken: Path) -> None:
    listed = parts_listed(str(broken), "--json")
    whys = {one["why"] for one in listed["broken"]}
    assert {one["origin"] for one in listed["broken"]} == {"broken-parts 0.1"}
    assert len(listed["broken"]) == len(BROKEN)
    for name, (_, said) in BROKEN.items():
        assert any(said in why for why in whys), (name, whys)
    assert all(why.endswith(".") for why in whys)
    assert listed["passes"]["fine"]["origin"] == "broken-parts 0.1"
    assert listed["passes"]["simplify"]["origin"] == "built-in"
    done = parts_listed(str(broken))
    assert "left out" in done.stdout and "a+b\\n" in done.stdout
    assert done.stderr.count("is left out") == len(BROKEN), "one logged sentence each"
    assert "Traceback" not in done.stderr


def test_the_page_lists_what_is_broken(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    announce(broken, monkeypatch)
    page = AppTest.from_file(str(ROOT / "pages" / "parts.py"), default_timeout=60).run()
    assert not page.exception
    said = [warning.value for warning in page.warning if "is left out" in warning.value]
    assert len(said) == len(BROKEN)
    assert any("division by zero" in text for text in said)


@pytest.mark.slow
def test_the_folder_one_happens_to_be_in_announces_nothing(broken: Path) -> None:
    listed = parts_listed(str(ROOT), "--json", cwd=broken)
    assert listed["broken"] == [] and "fine" not in listed["passes"]
