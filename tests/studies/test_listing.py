"""Studies as a list: found by words, renamed, deleted and brought back."""

import pytest
from support.study_tools import brought, study

from optim.errors import InputError
from optim.recipe import Recipe
from optim.studies.listing import (
    delete_study,
    list_studies,
    rename_study,
    restore_study,
    searched,
)
from optim.studies.study import Study, create_study, open_study

__all__ = ["brought", "study"]  # fixtures


def test_a_renamed_study_keeps_its_name_in_links(study: Study) -> None:
    rename_study(study.name, "  The one   for Monday ")
    assert open_study(study.name).title == "The one for Monday"
    assert [info.title for info in list_studies()] == ["The one for Monday"]
    create_study(study.model, study.evalset, "Another")
    assert open_study(study.name).title == "The one for Monday"


@pytest.mark.parametrize("title", ["", "  ", "x" * 81])
def test_a_title_is_neither_empty_nor_endless(study: Study, title: str) -> None:
    with pytest.raises(InputError, match="1 to 80 characters"):
        rename_study(study.name, title)
    with pytest.raises(InputError, match="no study named"):
        rename_study("none", "x")


def test_a_deleted_study_is_nowhere_until_it_is_restored(study: Study) -> None:
    number = study.add(Recipe.baseline())
    delete_study(study.name)
    assert list_studies() == []
    assert [info.name for info in list_studies(deleted=True)] == [study.name]
    with pytest.raises(InputError, match="was deleted"):
        open_study(study.name)
    restore_study(study.name)
    assert [info.trials for info in list_studies()] == [1]
    assert [trial.number for trial in open_study(study.name).trials()] == [number]


def test_what_is_brought_again_after_it_was_deleted_begins_anew(study: Study) -> None:
    old = study.add(Recipe.baseline())
    rename_study(study.name, "Old")
    delete_study(study.name)
    again = create_study(study.model, study.evalset, "New")
    assert (again.name, again.title, again.trials()) == (study.name, "New", [])
    new = again.add(Recipe.baseline())
    assert new != old and again.info.trials == 1 and again.info == list_studies()[0]
    again.delete(new)
    assert open_study(study.name).trials() == [] and list_studies()[0].trials == 0


@pytest.mark.parametrize(
    ("words", "found"), [("", True), ("CLASS", True), ("fier cla", True), ("class x9", False)]
)
def test_studies_are_found_by_all_words(study: Study, words: str, found: bool) -> None:
    assert bool(searched(list_studies(), words)) == found
