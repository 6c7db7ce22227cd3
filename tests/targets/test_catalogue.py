"""Finding targets; this machine."""

import pytest

from optim.errors import InputError
from optim.machine.environment import cpu_flags, cpu_name
from optim.targets import LOCAL, Figure, all_targets, find_target


def test_this_machine_comes_first_with_its_cpu_named() -> None:
    assert next(iter(all_targets())) == LOCAL
    local = find_target(LOCAL)
    assert cpu_name() in local.title
    assert set(local.instruction_sets) <= cpu_flags()


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"cray1.*nvidia_t4"):
        find_target("cray1")


def test_a_figure_needs_a_source_and_a_positive_number() -> None:
    for bad in ({"value": 1.0, "source": ""}, {"value": 0.0, "source": "some datasheet, p. 1"}):
        with pytest.raises(ValueError, match="source|value"):
            Figure.model_validate(bad)


def test_a_name_is_its_file_and_a_title_is_its_own() -> None:
    names = list(all_targets())
    assert len({target.title for target in all_targets().values()}) == len(names)
    assert all(target.name == name for name, target in all_targets().items())
