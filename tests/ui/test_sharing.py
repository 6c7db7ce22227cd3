"""Sharing a study in the page: what is offered, taken in, and what is said where it cannot be."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from support.explored import RECIPES, opened, visited
from support.study_tools import use_home

from optim.home.files import file_path
from optim.recipe import Recipe
from optim.settings import settings
from optim.sharing.study_file import IMPORTED, ZIP_SUFFIX
from optim.sharing.taking_in import take_in
from optim.sharing.writing import write_study
from optim.studies.choice import telling_here
from optim.studies.listing import list_studies
from optim.studies.study import Study, open_study
from optim.targets import LOCAL
from ui.sharing import whole
from ui.state import queue


def shared(study: Study) -> AppTest:
    return opened("pages/export.py", study)


def labels(page: AppTest) -> set[str]:
    return {button.proto.label for button in page.get("download_button")}


def said(page: AppTest) -> str:
    return "\n".join(str(one.value) for kind in ("caption", "info") for one in page.get(kind))


def test_all_kinds_are_offered(explored: Study) -> None:
    page = shared(explored)
    assert {"HTML report", "CSV", "JSON", "Recipes"} <= labels(page)
    assert page.button(key="make_study") and page.tabs[1].label == "Share the whole study"


def test_without_a_browser_on_the_server_it_says_what_to_do(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "browser", lambda: None)
    page = shared(explored)
    assert "print it to a PDF" in said(page)
    assert not [button for button in page.button if button.key == "pdf"]


def test_a_pdf_is_made_with_one_click_and_taken_with_another(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "browser", lambda: "chromium")
    monkeypatch.setattr(whole, "pdf_of", lambda html: b"%PDF-" + html[:10].encode())
    page = shared(explored)
    assert "Download the PDF" not in labels(page)
    page.button(key="pdf").click().run()
    assert not page.exception and "Download the PDF" in labels(page)


def test_the_study_file_is_made_and_linked(explored: Study) -> None:
    page = shared(explored)
    page.button(key="make_study").click().run()
    (link,) = [one.proto.body for one in page.get("html") if "Download the study" in one.proto.body]
    digest = link.partition("/bundles/")[2][:64]
    assert file_path(digest, ZIP_SUFFIX).exists() and explored.name in link


def test_recipes_of_a_file_are_queued_once(explored: Study) -> None:
    page = shared(explored)
    text = f"# mine\n{RECIPES[0]}\nonnxruntime:threads=2\n"
    page.file_uploader(key="recipes_in").set_value(("r.txt", text.encode(), "text/plain")).run()
    assert "2 recipes, 1 of them are here already" in said(page)
    assert page.button(key="queue_recipes").label == "Measure it"
    page.button(key="queue_recipes").click().run()
    (new,) = [t for t in explored.trials() if t.recipe == Recipe.parse("onnxruntime:threads=2")]
    queue().cancel(explored, new.number)
    explored.delete(new.number)


def test_a_bad_recipe_is_a_sentence_and_nothing_is_queued(explored: Study) -> None:
    page = shared(explored)
    bad = ("r.txt", b"onnxruntime\nnothing_like_it\n", "text/plain")
    page.file_uploader(key="recipes_in").set_value(bad).run()
    assert "line 2" in page.error[0].value and not page.exception
    assert not [button for button in page.button if button.key == "queue_recipes"]


def test_export_opens_before_anything_is_measured(explored: Study) -> None:
    """And says what is open."""
    with pytest.MonkeyPatch.context() as patch:
        waiting = [
            trial.model_copy(
                update={"state": "waiting", "summary": None, "quality": None, "slices": ()}
            )
            for trial in explored.trials()
        ]
        patch.setattr(Study, "trials", lambda self: waiting)
        page = visited("export", explored)
    assert "Nothing has been measured on this machine yet" in said(page)
    assert "4 of 4 trials under way or waiting" in said(page)
    assert "HTML report" in labels(page)


@pytest.fixture
def elsewhere(explored: Study, tmp_path: Path) -> Iterator[bytes]:
    """A study file, in a home folder where nothing is known."""
    sent = write_study(explored, tmp_path / "study.zip").read_bytes()
    queue.clear()
    with pytest.MonkeyPatch.context() as patch:
        use_home(tmp_path / "elsewhere", patch)
        yield sent
        queue.clear()
    settings.cache_clear()


def test_a_study_is_opened_on_the_start_page(explored: Study, elsewhere: bytes) -> None:
    page = visited("start")
    chosen = ("study.zip", elsewhere, "application/zip")
    page.file_uploader(key="study_file.file").set_value(chosen).run()
    page.button(key="study_file_open").click().run()
    assert not page.exception and not page.error
    study = open_study(explored.name)
    came = [trial for trial in study.trials() if trial.origin == IMPORTED]
    assert len(came) == 3 and all(trial.target != LOCAL for trial in came)
    asked = [trial for trial in study.trials() if trial.origin == "import"]
    assert Recipe.baseline() in [trial.recipe for trial in asked if trial.target == LOCAL]
    assert {trial.target for trial in asked} == {LOCAL, "nvidia_t4"}


def test_what_came_from_elsewhere_has_its_verdict_and_is_measured_here_by_a_click(
    explored: Study, elsewhere: bytes, tmp_path: Path
) -> None:
    (tmp_path / "study.zip").write_bytes(elsewhere)
    taken = take_in(tmp_path / "study.zip")
    page = visited("explore", taken.study)
    told = "\n".join(one.value for one in page.markdown)
    assert taken.machines[0].partition(",")[0] in told.replace("\\", "")
    page.button(key="verdict:here").click().run()
    assert not page.exception
    asked = {t.recipe for t in taken.study.trials() if t.target == LOCAL}
    assert asked == set(telling_here(explored.trials()))
    assert not [button for button in page.button if button.key == "verdict:here"]


def test_what_is_no_study_is_one_sentence(elsewhere: bytes) -> None:
    page = visited("start")
    page.file_uploader(key="study_file.file").set_value(
        ("study.zip", elsewhere[:500], "application/zip")
    ).run()
    page.button(key="study_file_open").click().run()
    assert "damaged or incomplete" in page.error[0].value and not page.exception
    assert list_studies() == []
