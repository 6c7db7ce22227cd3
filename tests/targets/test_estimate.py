"""The estimator against measured latencies, and what it makes of real graphs."""

from math import exp, log

import pytest

from optim.graph.values import Analysis
from optim.recipe import Recipe
from optim.targets import find_target
from optim.targets.estimate import estimate
from optim.targets.measured import Evidence, all_evidence

EVIDENCE = all_evidence()
each_evidence = pytest.mark.parametrize("evidence", EVIDENCE.values(), ids=lambda e: e.target)


def error_of(evidence: Evidence, use: str) -> list[float]:
    """Factors, one or more, by which the estimates of these networks are off."""
    return [exp(abs(log(row.estimate.value / row.p50_ms))) for row in evidence.compared(use)]


@each_evidence
def test_no_network_has_two_uses_and_every_row_has_one(evidence: Evidence) -> None:
    uses = [graph for graphs in evidence.use.values() for graph in graphs]
    assert sorted(uses) == sorted({row.graph for row in evidence.rows})
    assert set(evidence.use) == {"fit", "interval", "check"}


@each_evidence
def test_the_stated_coverage_holds_on_networks_used_for_nothing_else(evidence: Evidence) -> None:
    interval = find_target(evidence.target).interval
    assert interval and interval.evidence == evidence.target
    for use in ("interval", "check"):
        errors = error_of(evidence, use)
        inside = sum(error <= interval.factor for error in errors)
        assert inside >= interval.coverage * len(errors), use


def test_two_targets_have_held_out_evidence() -> None:
    held_out = {name: len(error_of(found, "check")) for name, found in EVIDENCE.items()}
    assert held_out["genoa"] >= 15
    assert held_out["nvidia_h100"] >= 5


def test_published_latencies_lie_inside() -> None:
    for name in ("edge_tpu", "kria_kv260"):
        interval = find_target(name).interval
        assert interval
        assert max(error_of(EVIDENCE[name], "fit")) < interval.factor


def graph(name: str) -> Analysis:
    return EVIDENCE["genoa"].graph(name)


def test_quantizing_and_bf16_are_estimated_faster() -> None:
    target = find_target("genoa")
    fp32, bf16, int8 = (
        estimate(graph(name), target, Recipe.parse(recipe)).value
        for name, recipe in (
            ("resnet50", "onnxruntime"),
            ("resnet50", "openvino:precision=bf16"),
            ("resnet50_int8", "onnxruntime"),
        )
    )
    assert int8 < bf16 < fp32


def test_bf16_on_a_t4_is_refused_by_name() -> None:
    recipe = Recipe.parse("openvino:precision=bf16")
    found = estimate(graph("resnet50"), find_target("nvidia_t4"), recipe)
    assert "NVIDIA T4 does not compute in bf16" in found.refused


def test_an_operator_that_an_fpga_lacks_is_refused_by_name() -> None:
    found = estimate(graph("bert_mini_int8"), find_target("kria_kv260"), Recipe.baseline())
    assert "LayerNormalization" in found.refused or "does not compute" in found.refused


def test_threads_beyond_the_cores_are_said() -> None:
    found = estimate(graph("mlp"), find_target("raspberry_pi_5"), Recipe.baseline(threads=16))
    assert any("4 cores" in note for note in found.notes)
