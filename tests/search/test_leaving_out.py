"""Nested sets of nodes to leave in float: most noise away for the least time."""

from hypothesis import given
from hypothesis import strategies as st

from optim.judging.sensitivity import Rounding
from optim.search.leaving_out import LeftOut, nested, thinned

NAMES = [f"/layer/{i}" for i in range(8)]
roundings = st.lists(
    st.builds(
        Rounding,
        nodes=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple),
        noise=st.floats(0, 1),
    ),
    max_size=12,
)
saved = st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1e4), max_size=8)


@given(roundings, saved)
def test_sets_grow_cost_more_and_leave_less_noise(given: list[Rounding], us: dict) -> None:
    sets = nested(given, us)
    for before, after in zip(sets, sets[1:], strict=False):
        assert set(before.nodes) < set(after.nodes)
        assert set(after.nodes) == set(before.nodes) | set(after.added)
        assert before.lost_us <= after.lost_us
        assert after.noise <= before.noise
    if sets:
        assert sets[-1].noise <= 1.1e-3


@given(roundings, saved)
def test_only_nodes_of_the_graph_are_named(given: list[Rounding], us: dict) -> None:
    known = {name for one in given for name in one.nodes}
    assert all(set(one.nodes) <= known for one in nested(given, us))


@given(roundings, saved, st.floats(0, 1e4))
def test_a_harmless_node_changes_nothing(given: list[Rounding], us: dict, its: float) -> None:
    harmless = Rounding(nodes=("harmless",), noise=0.0)
    assert nested([*given, harmless], {**us, "harmless": its}) == nested(given, us)


@given(roundings, saved)
def test_the_order_in_which_roundings_come_changes_no_set(given: list[Rounding], us: dict) -> None:
    a, b = nested(given, us), nested(given[::-1], us)
    assert [one.nodes for one in a[:1]] == [one.nodes for one in b[:1]]


def test_of_equal_noise_the_cheap_node_goes_first_and_of_equal_time_the_loud_one() -> None:
    equal = [Rounding(nodes=(n,), noise=0.5) for n in ("dear", "cheap")]
    assert nested(equal, {"dear": 900, "cheap": 100})[0].added == ("cheap",)
    unequal = [Rounding(nodes=(n,), noise=x) for n, x in (("quiet", 0.1), ("loud", 0.4))]
    assert nested(unequal, {"quiet": 100, "loud": 100})[0].added == ("loud",)


def test_a_scale_that_two_nodes_share_is_left_with_both() -> None:
    sets = nested([Rounding(nodes=("a", "b"), noise=0.9), Rounding(nodes=("b",), noise=0.1)], {})
    assert sets[0].nodes == ("a", "b")
    assert sets[0].noise == 0


@given(roundings, saved)
def test_thinned_sets_halve_the_noise_and_keep_the_last(given: list[Rounding], us: dict) -> None:
    sets = nested(given, us)
    few = thinned(sets)
    assert few == [one for one in sets if one in few]
    assert few[-1:] == sets[-1:]
    halved: list[LeftOut] = few[:-1]
    assert all(b.noise <= a.noise / 2 for a, b in zip(halved, halved[1:], strict=False))
