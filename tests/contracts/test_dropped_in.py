"""One new file for a pass and one for a metric: found everywhere, with no edit anywhere else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT, TESTS

pytestmark = pytest.mark.deep

DROPPED = TESTS / "support" / "dropped"
COPIED = ("optim", "tests", "docs", "README.md", "pyproject.toml")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program with the two files dropped in."""
    root = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    (root / "sample_models").symlink_to(ROOT / "sample_models")
    shutil.copy(DROPPED / "tensor_int8.py", root / "optim" / "passes")
    shutil.copy(DROPPED / "top3.py", root / "optim" / "metrics")
    return root


def run(checkout: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """A Python command in the copy, which finds the copy's modules and keeps a home of its own."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=checkout,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(checkout), str(checkout / "tests")]),
            "OPTIM_HOME": str(checkout / "home"),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def seen(checkout: Path) -> dict[str, Any]:
    """What `support/dropped/seen.py` sees."""
    return json.loads(run(checkout, "-m", "support.dropped.seen").stdout)


def test_the_command_line_lists_both(checkout: Path) -> None:
    listed = json.loads(run(checkout, "-m", "optim", "parts", "--json").stdout)
    assert listed["passes"]["tensor_int8"]["origin"] == "built-in"
    assert listed["metrics"]["top3"]["title"] == "Top-3 accuracy"
    assert listed["broken"] == []


def test_advice_warns_of_it_where_it_says_so(seen: dict[str, Any]) -> None:
    assert "one scale on int8 instructions" in seen["advice"]
    assert "one scale on int8 instructions" not in seen["no advice"]


def test_the_search_starts_with_it_and_tries_its_settings(seen: dict[str, Any]) -> None:
    assert "tensor_int8 + onnxruntime" in seen["starts"]
    assert "tensor_int8:weights=u8 + onnxruntime" in seen["neighbours"]
    assert "simplify + tensor_int8 + onnxruntime" in seen["neighbours"]
    assert "tensor_int8:weights=u8 + onnxruntime" not in seen["elsewhere"], "its condition holds"


def test_the_explanation_knows_its_precision_and_its_nodes(seen: dict[str, Any]) -> None:
    assert seen["wanted"] == "int8"
    assert {kind for counts in seen["executed"].values() for kind in counts} == {"int8"}
    products = [name for name in seen["paired"] if "MatMul" in name]
    assert len(products) == 2, "both stand for nodes that the original has"


def test_the_estimate_sees_its_precision(seen: dict[str, Any]) -> None:
    assert seen["asked"] == ["int8"] and seen["estimate"] > 0


def test_the_documents_describe_both(seen: dict[str, Any]) -> None:
    text = seen["documents"]
    assert "### `tensor_int8`:" in text and "### `top3`: Top-3 accuracy" in text
    described = text.partition("### `tensor_int8`:")[2].partition("### ")[0]
    for declared in ("Lowers to: int8.", "Searched: `weights` (u8).", "Use dynamic_int8."):
        assert declared in described


def test_the_store_records_it(seen: dict[str, Any]) -> None:
    assert seen["parameters"]["tensor_int8"] == "True"
    assert seen["parameters"]["tensor_int8.weights"] == "s8"
    assert seen["choices"] == ["s8", "u8"]


def test_an_evalset_is_judged_by_the_metric(seen: dict[str, Any]) -> None:
    stored, judged, value, verdict = seen["metric"]
    assert stored == judged == "top3"
    assert 0 < value <= 1 and verdict


def test_the_contracts_test_both(checkout: Path) -> None:
    names = "tensor_int8 or top3"
    suites = [f"tests/contracts/test_{kind}.py" for kind in ("passes", "metrics", "ingredients")]
    text = run(checkout, "-m", "pytest", "-vv", *suites, "-k", names).stdout
    for test in ("result_is_valid_opens_and_agrees", "perfect_answers_score_best", "searched"):
        assert test in text
    assert "passed" in text
