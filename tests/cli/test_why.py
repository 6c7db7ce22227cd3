"""`python -m optim why`: JSON for machines, a screenful for people."""

import json
from pathlib import Path

import pytest
from support.study_tools import write_classifier

from optim.cli import main
from optim.settings import settings
from optim.studies.listing import list_studies
from optim.studies.study import open_study
from optim.why import explanation
from optim.why.explanations import explained

KEYS = {"code", "nodes", "text", "cost_ms", "cost_ci", "advice", "recipe", "measured"}


@pytest.fixture
def files(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setenv("OPTIM_TRIAL_SECONDS", "0.3")
    monkeypatch.setattr(explanation.probing, "probe", lambda tell, cancelled: None)
    settings.cache_clear()
    model, evalset = write_classifier(tmp_path)
    return str(model), str(evalset)


@pytest.mark.deep
def test_json(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    model, evalset = files
    recipe = "onnxruntime:graph=off"
    assert main(["why", model, "--evalset", evalset, "--recipe", recipe, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recipe"] == recipe and told["trial"]["recipe"] == recipe
    assert "graph_level" in {one["code"] for one in told["findings"]}
    assert all(one.keys() >= KEYS for one in told["findings"])
    study = open_study(list_studies()[0].name)
    kept = explained(study, study.trials()[-1])
    assert kept and kept.model_dump(mode="json")["findings"] == told["findings"], "for the page"
    flow = told["waterfall"]
    changes = sum(bar["change_ms"]["value"] for bar in flow["bars"])
    assert abs(changes - (flow["after_ms"] - flow["before_ms"])) < 1e-9


@pytest.mark.deep
def test_whose_gain_it_is(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    model, evalset = files
    recipe = "simplify + static_int8"
    assert main(["why", model, "--evalset", evalset, "--recipe", recipe, "--shares"]) == 0
    said = capsys.readouterr()
    assert "sub-recipe" in said.err
    assert "together" in said.out and "Shapley" in said.out


@pytest.mark.deep
def test_text(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """With each node before and after, which settings of an engine change too."""
    model, evalset = files
    given = ["--recipe", "onnxruntime:graph=off", "--against", "onnxruntime"]
    assert main(["why", model, "--evalset", evalset, *given]) == 0
    said, _, nodes = capsys.readouterr().out.partition("Node by node, against onnxruntime")
    assert "Where the time went" in said
    assert {"before", "after", "change", "MatMul"} <= {*nodes.split()}


def test_a_recipe_that_fails_is_a_sentence(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = files
    assert main(["why", model, "--recipe", "no_such_pass"]) == 2
    assert "no_such_pass" in capsys.readouterr().err
