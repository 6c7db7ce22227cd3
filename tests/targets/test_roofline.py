"""The roofline says of a graph what its estimate does, operator by operator."""

import pytest

from optim.recipe import Recipe
from optim.targets import all_targets
from optim.targets.estimate import bounds, estimate
from optim.targets.measured import all_evidence
from optim.targets.roofline import roofline

EVIDENCE = all_evidence()["genoa"]
GRAPHS = sorted({row.graph for row in EVIDENCE.rows})[:6]
MODELLED = [target for target in all_targets().values() if target.modelled]


@pytest.mark.parametrize("target", MODELLED, ids=lambda target: target.name)
@pytest.mark.parametrize("graph", GRAPHS)
def test_operators_and_what_a_run_costs_add_up_to_the_estimate(graph, target):
    analysis, recipe = EVIDENCE.graph(graph), Recipe.parse("onnxruntime")
    found, whole = roofline(analysis, target, recipe), estimate(analysis, target, recipe)
    if whole.refused:
        assert found is None
        return
    assert found is not None
    seconds = sum(work.seconds for work in found.works) + 1e-6 * found.run_us
    assert 1e3 * seconds == pytest.approx(whole.value)
    said = bounds(analysis, target, recipe)
    assert {row.name: work.bound for work in found.works for row in work.rows} == said
    for work in found.works:
        if work.dtype and work.bytes:
            intensity = work.flops / work.bytes
            roof = min(found.peaks[work.dtype], intensity * max(found.reachable, found.bandwidth))
            assert work.flops / work.seconds <= roof * 1.000001


def test_threads_raise_the_roof_of_a_cpu_only():
    analysis = EVIDENCE.graph(GRAPHS[0])
    for name, higher in (("genoa", True), ("nvidia_t4", False)):
        one, four = (
            roofline(analysis, all_targets()[name], Recipe.parse(f"onnxruntime:threads={n}"))
            for n in (1, 4)
        )
        assert one and four
        assert (four.peaks["fp32"] > one.peaks["fp32"]) == higher
