"""Facts of machines and engines read as words, whatever a file says of them."""

from optim.machine.environment import environment
from optim.showing.recorded import recorded


def test_every_fact_of_this_machine_has_a_name_of_its_own() -> None:
    facts = environment()
    told = dict(recorded(facts))
    assert len(told) == len(facts)
    assert not [title for title in told if title in facts or not title[0].isupper()]
    assert told["Memory"] == f"{facts['memory_gb']} GiB"


def test_sizes_and_cores_read_with_their_units() -> None:
    assert recorded({"model_bytes": "826000", "pinned_to": ""}) == [
        ("Size of the original", "826 kB"),
        ("Timed on the cores numbered", "any"),
    ]


def test_what_a_stranger_wrote_is_shown_as_it_is() -> None:
    assert recorded({"model_bytes": "many", "of_mine": "7"}) == [
        ("Size of the original", "many"),
        ("of mine", "7"),
    ]
