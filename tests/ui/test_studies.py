"""The list of studies on the start page, as somebody uses it."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest
from support.explored import visited
from support.study_tools import brought, study

from optim.evalset import synthesize
from optim.recipe import Recipe
from optim.studies.listing import list_studies, rename_study
from optim.studies.study import Study, create_study, open_study
from ui.state import queue
from ui.text import key_of

pytestmark = pytest.mark.slow

__all__ = ["brought", "study"]  # fixtures


@pytest.fixture
def kept(study: Study) -> Iterator[Study]:
    yield study
    queue.clear()


def labels(page: AppTest) -> list[str]:
    """Of the links to studies; their titles are in bold."""
    said = (link.proto.label.replace("\\", "") for link in page.get("page_link"))
    return [label.removeprefix("**").replace("** ·", " ·") for label in said]


def key(what: str, of: Study) -> str:
    return f"{what}:{key_of('study', of.name)}"


def test_a_study_is_renamed(kept: Study) -> None:
    page = visited("start")
    page.text_input(key=key("title", kept)).set_value("For *Monday*")
    page.button(key=key("rename", kept)).click().run()
    assert labels(page)[0].startswith("For *Monday* · 0 trials")
    assert "For \\*Monday\\*" in visited("explore", kept).subheader[0].value


def test_a_deleted_study_ends_what_runs_in_it_and_can_be_restored(kept: Study) -> None:
    number = kept.add(Recipe.baseline())
    page = visited("start")
    page.button(key=key("delete", kept)).click().run()
    assert not labels(page) and list_studies() == []
    gone = visited("explore", kept)
    assert "was deleted" in gone.error[0].value and gone.get("page_link")
    page.button(key=key("restore", kept)).click().run()
    assert labels(page)[0].startswith("classifier · 1 trial ·")
    assert open_study(kept.name).trial(number).state == "cancelled"


def test_all_studies_are_listed_and_found_by_words(kept: Study) -> None:
    for count in range(9, 18):
        made = create_study(kept.model, synthesize(kept.model, count))
        rename_study(made.name, f"With {count} samples")
    page = visited("start")
    assert len(labels(page)) == 8
    page.text_input(key="find_study").set_value("samples 11").run()
    assert [label.split(" ·")[0] for label in labels(page)] == ["With 11 samples"]
    page.text_input(key="find_study").set_value("nothing").run()
    assert not labels(page)
    assert "None of the 10 studies" in "".join(str(c.value) for c in page.caption)
    page.text_input(key="find_study").set_value("").run()
    next(b for b in page.button if b.label == "Show all 10 studies").click().run()
    assert len(labels(page)) == 10
