"""The graph that an engine runs, as rows, mapped to the model's."""

from pathlib import Path

import pytest
from support.study_tools import write_classifier

from optim.errors import StepError
from optim.explaining.engine_graph import as_rows, engine_graph_of
from optim.graph import analysis_of
from optim.ingest import ingest
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import EngineNode

RUNTIMES = ("onnxruntime", "openvino")


@pytest.fixture
def model(home: Path, tmp_path: Path) -> Model:
    return ingest(write_classifier(tmp_path)[0])


@pytest.mark.parametrize("name", RUNTIMES)
def test_an_engine_tells_its_graph_in_a_child(name: str, model: Model) -> None:
    analysis = analysis_of(model)
    found = engine_graph_of(model, Recipe.parse(name).runtime, analysis)
    assert sum(row.flops for row in found.nodes) == analysis.flops
    match = found.match(analysis)
    assert set(match.before) == {row.name for row in analysis.nodes}
    assert set(match.after) == {row.name for row in found.nodes}
    assert {one.change for one in match.matches} <= {"same", "fused", "added", "removed"}


def test_without_optimizations_it_is_the_models(model: Model) -> None:
    analysis = analysis_of(model)
    runtime = Recipe.parse("onnxruntime:graph=off").runtime
    match = engine_graph_of(model, runtime, analysis).match(analysis)
    assert {one.change for one in match.matches} == {"same"}


def test_what_cannot_be_opened_is_a_sentence(model: Model) -> None:
    analysis = analysis_of(model)
    model.path.write_bytes(b"\x08\x07nonsense")
    with pytest.raises(StepError, match="cannot open this model"):
        engine_graph_of(model, Recipe.parse("onnxruntime").runtime, analysis)


def test_fused_added_and_removed(model: Model) -> None:
    analysis = analysis_of(model)
    first, relu, second = (row.name for row in analysis.nodes)
    nodes = [
        EngineNode("fused", "FusedMatMul", ("x",), ("a",), (first, relu)),
        EngineNode("reorder", "Reorder", ("a",), ("b",)),
        EngineNode("again", "Relu", ("b",), ("c",), (relu,)),  # claimed before: once is enough
    ]
    found = as_rows(nodes, analysis)
    assert found.nodes[0].flops == sum(row.flops for row in analysis.nodes[:2])
    changes = {(one.before, one.after): one.change for one in found.match(analysis).matches}
    assert changes == {
        ((first, relu), ("fused",)): "fused",
        ((), ("reorder",)): "added",
        ((), ("again",)): "added",
        ((second,), ()): "removed",
    }
