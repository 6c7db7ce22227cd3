"""What is made of weights alone, whatever form the nodes are held in."""

from hypothesis import given
from hypothesis import strategies as st

from optim.model.wiring import made_of

NAMES = st.sampled_from("abcdefgh")
NODES = st.lists(st.tuples(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=2)), max_size=12)


def test_a_chain_is_followed_and_stops_at_what_moves() -> None:
    nodes = [(["w"], ["v"]), (["v", ""], ["u"]), (["u", "x"], ["y"]), ([], ["constant"])]
    assert made_of(["w"], nodes) == {"w", "v", "u"}


@given(given=st.sets(NAMES), nodes=NODES)
def test_everything_found_rests_on_what_was_given(
    given: set[str], nodes: list[tuple[list[str], list[str]]]
) -> None:
    found = made_of(given, nodes)
    assert given <= found
    makers = [writes for reads, writes in nodes if reads and found >= set(reads)]
    assert found - given <= {name for writes in makers for name in writes}
