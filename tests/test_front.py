"""The front keeps ties, drops what is clearly beaten, and never comes out empty."""

from hypothesis import given
from hypothesis import strategies as st

from optim.front import Point, Span, dominates, front, ties

numbers = st.floats(-1e3, 1e3)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Span(value, low, high)


@st.composite
def exact_points(draw: st.DrawFn) -> list[Point[int]]:
    pairs = draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
    return [Point(i, Span(c, c, c), Span(q, q, q)) for i, (c, q) in enumerate(pairs)]


@given(exact_points())
def test_without_intervals_it_is_the_pareto_set(points: list[Point[int]]) -> None:
    def beaten(p: Point[int]) -> bool:
        return any(
            q.cost.value <= p.cost.value
            and q.loss.value <= p.loss.value
            and (q.cost.value, q.loss.value) != (p.cost.value, p.loss.value)
            for q in points
        )

    assert front(points) == {p.key for p in points if not beaten(p)}
    assert front(points)


@given(spans(), spans(), spans(), spans())
def test_nothing_dominates_what_dominates_it(a: Span, b: Span, c: Span, d: Span) -> None:
    p, q = Point("p", a, b), Point("q", c, d)
    assert not (dominates(p, q) and dominates(q, p))
    assert not dominates(p, p)


@given(spans())
def test_negated_twice_is_itself(span: Span) -> None:
    assert span.negated().negated() == span
    assert span.negated().low <= span.negated().value <= span.negated().high


def test_overlapping_points_are_ties_and_both_on_the_front() -> None:
    fast = Point("fast", Span(1.0, 0.9, 1.1), Span(0.1, 0.05, 0.15))
    same = Point("same", Span(1.05, 0.95, 1.15), Span(0.1, 0.05, 0.15))
    slow = Point("slow", Span(2.0, 1.9, 2.1), Span(0.1, 0.05, 0.15))
    assert front([fast, same, slow]) == {"fast", "same"}
    assert ties([fast, same, slow], "fast") == {"same"}


@given(st.lists(st.tuples(spans(), spans()), min_size=1, max_size=8))
def test_with_intervals_it_is_never_empty(pairs: list[tuple[Span, Span]]) -> None:
    assert front([Point(i, cost, loss) for i, (cost, loss) in enumerate(pairs)])
