"""A judgement in words."""

from dataclasses import replace

from optim.judging.paired import Difference
from optim.judging.verdicts import Facts, verdict, warnings
from optim.metrics.base import find_metric

WORSE = Difference(value=0.3, baseline=0.2, low=0.05, high=0.15, p_value=0.0)
FACTS = Facts(
    metric=find_metric("mae"),
    found=WORSE,
    n=200,
    total=200,
    labelled=True,
    synthetic=False,
    identical=False,
    collapse="",
    drifted="",
    undefined=0,
    class_count=0,
)


def test_a_larger_error_is_told_as_a_share_of_the_originals_where_that_says_something():
    assert "0.1 (50 %) worse" in verdict(FACTS)
    for next_to_nothing in (5e-6, 0.0):
        found = replace(WORSE, value=0.3 + next_to_nothing, baseline=next_to_nothing)
        said = verdict(replace(FACTS, found=found))
        assert f"0.3 (the original's own is {next_to_nothing:.4g}) worse" in said


def test_outputs_far_off_are_not_told_beside_a_loss_that_the_metric_may_hold():
    drifted = replace(FACTS, drifted="The output 'y' is far from the original's")
    said = {one.code: one.text for one in warnings(drifted)}["outputs_drifted"]
    assert "may hold" not in said and "is far from the original's: what else" in said
    alike = Difference(value=0.2, baseline=0.2, low=-0.01, high=0.01, p_value=1.0)
    said = {one.code: one.text for one in warnings(replace(drifted, found=alike))}
    assert "may hold" in said["outputs_drifted"]
