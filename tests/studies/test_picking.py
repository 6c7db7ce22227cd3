"""The pick never rests on a point estimate, on chance, or on what is unsound."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.findings import EVEN, Interval
from optim.studies.goal import Goal
from optim.studies.picking import Facts, loss_shown, pick, samples_wanted, standing

GOAL = Goal(max_loss=0.01)


def span(value: float, share: float = 0.02) -> Interval:
    return Interval(value=value, low=value * (1 - share), high=value * (1 + share))


def loss(value: float, reach: float) -> Interval:
    return Interval(value=value, low=value - reach, high=value + reach)


ORIGINAL = Facts("onnxruntime", 1, True, EVEN, EVEN, loss(0, 0), samples=1000, whole=True)
FAST = Facts("fast", 1, False, span(2), span(2), loss(0.001, 0.002), samples=1000, whole=True)


def picked(*others: Facts, goal: Goal = GOAL, compared: int = 1) -> str:
    found = pick([ORIGINAL, *others], goal, cores=4, compared=compared)
    assert found
    return found.name


def test_the_fastest_that_is_shown_to_be_faster_and_within_the_loss() -> None:
    faster = replace(FAST, name="faster", gain=span(3), alike=span(3))
    assert picked(FAST) == "fast" and picked(FAST, faster) == "faster"
    assert picked(FAST, replace(faster, loss=loss(0.02, 0.002))) == "fast"
    assert picked(FAST, replace(faster, sound=False)) == "fast"
    assert picked(FAST, replace(faster, loss=None)) == "fast"


@pytest.mark.parametrize(("value", "low"), [(1.07, 0.97), (2.74, 0.9), (1.0, 0.99)])
def test_a_chance_reading_is_not_picked(value: float, low: float) -> None:
    lucky = Interval(value=value, low=low, high=value * 1.3)
    assert picked(replace(FAST, gain=lucky, alike=lucky)) == "onnxruntime"


def test_the_best_of_many_must_be_shown_more_clearly() -> None:
    barely = replace(FAST, gain=span(1.04, 0.03), alike=span(1.04, 0.03))
    assert picked(barely) == "fast" and picked(barely, compared=30) == "onnxruntime"


def test_threads_are_compared_like_with_like() -> None:
    threads = replace(ORIGINAL, name="onnxruntime:threads=2", threads=2, gain=span(1.7))
    engine = replace(FAST, name="engine", threads=2, gain=span(1.72), alike=span(1.01, 0.03))
    assert picked(threads, engine) == "onnxruntime:threads=2"
    unshown = replace(threads, gain=Interval(value=1.35, low=0.66, high=2.5))
    assert picked(unshown) == "onnxruntime"
    assert picked(threads, goal=Goal(cores=1)) == "onnxruntime"


def test_more_threads_are_taken_only_where_what_they_bring_is_shown() -> None:
    two = replace(FAST, name="two", threads=2, gain=span(2.2, 0.13), alike=span(3.7, 0.2))
    assert picked(replace(FAST, gain=span(2.12, 0.09), alike=span(2.12, 0.09)), two) == "fast"
    assert picked(replace(FAST, gain=span(1.3, 0.09), alike=span(1.3, 0.09)), two) == "two"


def test_threads_on_a_crowded_machine_are_not_believed() -> None:
    threads = replace(FAST, name="threads", threads=2, gain=span(20), alike=span(18))
    assert picked(threads) == "threads"
    assert picked(replace(threads, contention=0.8)) == "onnxruntime"
    assert picked(replace(FAST, contention=0.8)) == "fast"  # paired, and of one thread


def test_a_loss_that_few_samples_cannot_show_is_said() -> None:
    few = replace(FAST, loss=loss(0.004, 0.02), samples=300)
    assert picked(few) == "fast"
    said = standing(few, GOAL, 4).why
    assert "could not be shown" in said and "bring about 3,400" in said
    assert picked(replace(few, whole=False)) == "onnxruntime"  # more samples are there
    shown = replace(FAST, name="shown", gain=span(1.98), alike=span(1.98))
    assert picked(few, shown) == "shown"  # as fast, and sure


@pytest.mark.parametrize(
    ("goal", "facts"),
    [
        (Goal(max_latency_ms=1.0), {"p50_ms": 1.2}),
        (Goal(max_memory_mb=50), {"memory_mb": 60.0}),
        (Goal(max_size_mb=5), {"size_mb": 6.0}),
        (Goal(min_quality=0.9), {"quality": 0.89}),
    ],
)
def test_limits_are_kept(goal: Goal, facts: dict[str, float]) -> None:
    beyond = replace(FAST, **facts)
    assert picked(beyond, goal=goal) == "onnxruntime"
    assert standing(beyond, goal, 4).place == "over a limit"
    within = {k: v * (1.1 if k == "quality" else 0.5) for k, v in facts.items()}
    assert picked(replace(FAST, **within), goal=goal) == "fast"


def test_objectives() -> None:
    threads = replace(FAST, name="threads", threads=4, gain=span(4), alike=span(2))
    small = replace(FAST, name="small", gain=span(1), alike=span(1), size_mb=1.0, memory_mb=5.0)
    large = replace(FAST, size_mb=4.0, memory_mb=9.0)
    assert picked(large, threads) == "threads"
    assert picked(large, threads, goal=Goal(objective="throughput")) == "fast"
    assert picked(large, small, goal=Goal(objective="size")) == "small"
    assert picked(large, small, goal=Goal(objective="memory")) == "small"


@given(st.floats(0, 0.0099), st.floats(0.001, 0.1), st.integers(10, 10_000))
def test_so_many_samples_would_show_it(value: float, reach: float, samples: int) -> None:
    wanted = samples_wanted(loss(value, reach), samples, 0.01)
    assert wanted is not None
    assert value + reach * (samples / wanted) ** 0.5 <= 0.01 + 1e-9


def test_more_samples_than_anybody_has_are_not_asked_for() -> None:
    few, far = (
        loss_shown(replace(FAST, loss=loss(0.005, reach), samples=100), Goal(max_loss=0.01))
        for reach in (0.01, 0.1)
    )
    assert "so few: bring about 400." in few
    assert "so few: it takes 40,000, or a larger loss allowed." in far


@given(
    st.lists(
        st.tuples(st.floats(0.2, 5), st.floats(0.001, 0.3), st.floats(-0.02, 0.05)), max_size=8
    )
)
def test_what_is_picked_is_shown_to_be_faster_and_adding_what_is_worse_changes_nothing(
    drawn: list[tuple[float, float, float]],
) -> None:
    field = [
        replace(FAST, name=f"{i}", gain=span(v, s), alike=span(v, s), loss=loss(c, 0.001))
        for i, (v, s, c) in enumerate(drawn)
    ]
    found = pick([ORIGINAL, *field], GOAL, 4)
    assert found and (found.is_original or (found.alike.low > 1 and found.loss))
    assert found.is_original or (found.loss and found.loss.value <= 0.01)
    worse = replace(FAST, name="worse", gain=span(0.5), alike=span(0.5), loss=loss(0.5, 0.001))
    assert pick([ORIGINAL, *field, worse], GOAL, 4) == found
