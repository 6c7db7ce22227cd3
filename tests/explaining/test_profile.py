"""The runtime's profile joined to the graph, and the cached analysis, on a real sample."""

from pathlib import Path

import pytest

from optim.errors import StepError
from optim.evalset import synthesize
from optim.explaining.profile import join_profile, profile_of
from optim.graph import analysis_of
from optim.graph.values import Analysis, NodeRow
from optim.ingest import ingest
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import NodeTime
from optim.settings import settings


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Model:
    patch = pytest.MonkeyPatch()
    patch.setenv("OPTIM_HOME", str(tmp_path_factory.mktemp("home")))
    settings.cache_clear()
    yield ingest("sample:fashion")
    patch.undo()
    settings.cache_clear()


def test_the_analysis_is_made_once(sample: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    first = analysis_of(sample)
    assert first.flops > 1e6 and not first.notes
    monkeypatch.setattr("optim.sandbox.call", lambda *a, **k: pytest.fail("made again"))
    assert analysis_of(sample) == first


def test_a_broken_file_is_one_sentence(sample: Model, tmp_path: Path) -> None:
    broken = sample.model_copy(update={"digest": "0" * 64})
    with pytest.raises(StepError, match="analyse"):
        analysis_of(broken)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_time_lands_on_the_rows_that_it_was_spent_on(sample: Model, runtime: str) -> None:
    analysis = analysis_of(sample)
    times = profile_of(sample, Recipe.parse(runtime).runtime, synthesize(sample, 4).digest)
    profiled = join_profile(analysis, times)
    assert sum(node.share for node in profiled) == pytest.approx(1)
    flops = sum(row.flops for node in profiled for row in node.rows if row.op == "Conv")
    assert flops == sum(row.flops for row in analysis.nodes if row.op == "Conv")
    dearest = max(profiled, key=lambda node: node.microseconds)
    assert any(row.op == "Conv" for row in dearest.rows)
    assert dearest.gflops_per_second > 0.1
    assert any(len(node.rows) > 1 for node in profiled), "nothing was fused"


@pytest.mark.parametrize(("run_us", "kept", "asked"), [(10, 15, 2), (1, 15, 3), (None, 90, 1)])
def test_a_profile_far_longer_than_the_run_is_taken_again(
    sample: Model, monkeypatch: pytest.MonkeyPatch, run_us: float | None, kept: float, asked: int
) -> None:
    """What the child answers is given; that real ones are read is tested above."""
    sums = iter([90.0, 15.0, 40.0])
    taken: list[float] = []

    def answer(*_: object, **__: object) -> list[dict[str, object]]:
        taken.append(next(sums))
        return [{"name": "a", "op": "Conv", "microseconds": taken[-1], "nodes": []}]

    digest = synthesize(sample, 4).digest
    monkeypatch.setattr("optim.sandbox.call", answer)
    (node,) = profile_of(sample, Recipe.parse("onnxruntime").runtime, digest, run_us=run_us)
    assert (node.microseconds, len(taken)) == (kept, asked)


def test_a_node_without_rows_keeps_its_time() -> None:
    rows = (NodeRow(name="a", op="Conv", flops=2000), NodeRow(name="b", op="Relu", flops=10))
    times = [
        NodeTime("fused", "FusedConv", 3.0, ("a", "b")),
        NodeTime("reorder", "Reorder", 1.0),
    ]
    found = join_profile(Analysis.model_construct(nodes=rows), times)
    assert [node.share for node in found] == [0.75, 0.25]
    assert found[0].rows == rows and found[0].flops == 2010
    assert found[1].rows == ()


def test_recurrent_nodes_that_run_under_another_name_are_the_graphs_in_order() -> None:
    """OpenVINO forgets what the model called them."""
    rows = tuple(NodeRow(name=name, op="LSTM", flops=2000) for name in ("low", "high"))
    times = [NodeTime(f"LSTMSequence_{n}", "RNNSeq", 3.0) for n in (83, 137)]
    graph = Analysis.model_construct(nodes=rows)
    assert [node.rows for node in join_profile(graph, times)] == [(rows[0],), (rows[1],)]
    one_more = [*times, NodeTime("LSTMSequence_200", "RNNSeq", 3.0)]
    assert not any(node.rows for node in join_profile(graph, one_more))


def test_attention_that_runs_as_one_has_both_of_its_products() -> None:
    """OpenVINO leaves out the name of the first; two plain products are never one."""
    ops = ("MatMul", "Div", "Softmax", "MatMul")
    values = ["q", "s", "d", "p", "y"]
    rows = tuple(
        NodeRow(name=f"{op}_{i}", op=op, flops=9, reads=(values[i],), writes=(values[i + 1],))
        for i, op in enumerate(ops)
    )
    graph = Analysis.model_construct(nodes=rows, weights=(), inputs=("q: 1",), outputs=("y: 1",))
    for op, kept in (("Subgraph", rows), ("FullyConnected", rows[1:])):
        times = [NodeTime("y", op, 3.0, ("Div_1", "Softmax_2", "MatMul_3"))]
        (found,) = join_profile(graph, times)
        assert found.rows == kept
