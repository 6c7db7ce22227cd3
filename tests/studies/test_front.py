"""The front keeps ties, drops what is clearly beaten, and never comes out empty."""

from hypothesis import given
from hypothesis import strategies as st

from optim.findings import Interval
from optim.studies.front import Point, front, ties

numbers = st.floats(-1e3, 1e3)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Interval(value=value, low=low, high=high)


def exactly(value: float) -> Interval:
    return Interval(value=value, low=value, high=value)


def around(value: float) -> Interval:
    return Interval(value=value, low=value - 0.1, high=value + 0.1)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
def test_without_intervals_it_is_the_pareto_set(pairs: list[tuple[float, float]]) -> None:
    points = [Point(i, exactly(cost), exactly(loss)) for i, (cost, loss) in enumerate(pairs)]

    def beaten(pair: tuple[float, float]) -> bool:
        return any(q[0] <= pair[0] and q[1] <= pair[1] and q != pair for q in pairs)

    assert front(points) == {i for i, pair in enumerate(pairs) if not beaten(pair)}


@given(st.lists(st.tuples(intervals(), intervals()), min_size=1, max_size=8))
def test_with_intervals_it_is_never_empty(pairs: list[tuple[Interval, Interval]]) -> None:
    assert front([Point(i, cost, loss) for i, (cost, loss) in enumerate(pairs)])


def test_no_points_have_no_front() -> None:
    assert front([]) == set()


def test_overlapping_points_are_ties_and_both_on_the_front() -> None:
    points = [
        Point("fast", around(1.0), around(0.1)),
        Point("same", around(1.05), around(0.1)),
        Point("slow", around(2.0), around(0.1)),
    ]
    assert front(points) == {"fast", "same"}
    assert ties(points, "fast") == {"same"}
