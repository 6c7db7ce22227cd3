"""The Serve page: one button, and a curve that stays."""

from collections.abc import Iterator

import pytest
from support.explored import visited
from support.study_tools import wait_for

from optim.load.loads import Loads
from optim.studies.study import Study
from ui.state import loads, queue
from ui.text import key_of

pytestmark = pytest.mark.slow


@pytest.fixture
def running() -> Iterator[Loads]:
    yield loads()
    loads.clear()
    queue.clear()


@pytest.mark.deep
def test_a_trial_is_loaded_and_the_curve_is_there_for_all(
    explored: Study, running: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optim.load.measuring.SHARES", (0.05, 0.1, 0.2))
    monkeypatch.setattr("optim.load.measuring._LONGEST_S", 1.0)
    page = visited("serve", explored, trial="1")
    assert page.info[0].value.startswith("Press Load it")
    page.selectbox(key="serve-compare").select("REST against gRPC").run()
    page.button(key="load").click().run()
    assert page.button(key="stop")
    wait_for(lambda: not running.of(explored, 1).under_way)
    assert not running.of(explored, 1).error
    other = visited("serve", explored, trial="1")  # another session, or this one after a reload
    assert [curve.serving for curve in running.of(explored, 1).curves] == ["rest", "grpc"]
    said = "\n".join(one.value for one in other.markdown)
    assert (
        "**REST, 1 session, no batches**" in said and "**gRPC, 1 session" in said and "p99" in said
    )
    table = other.dataframe[0].value
    assert len(table) == 6 and (table["requests"] > 0).all()


def test_it_can_be_stopped(explored: Study, running: Loads) -> None:
    page = visited("serve", explored, trial="2")
    page.button(key="load").click().run()
    page.button(key="stop").click().run()
    wait_for(lambda: not running.of(explored, 2).under_way)
    page.run()
    assert "stopped" in page.warning[0].value
    assert page.button(key="load")


def test_settings_of_ones_own_are_read(explored: Study, running: Loads) -> None:
    page = visited("serve", explored, trial="0")
    page.selectbox(key="serve-compare").select("Two of my own").run()
    page.slider(key="serve-A-rest.sessions").set_value(3).run()
    assert not page.exception
    assert "REST, 3 sessions, no batches" in "\n".join(one.value for one in page.markdown)


def test_the_pick_is_served_until_a_person_chooses(
    explored: Study, running: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the pick comes while the page is open."""
    now, box = [0], key_of("serve", explored.name)
    monkeypatch.setattr("ui.export.picked", lambda trials, _: trials[now[0]])
    page = visited("serve", explored)
    assert page.selectbox(key=box).value == 0
    now[0] = 2
    page.run()
    assert page.selectbox(key=box).value == 2
    page.selectbox(key=box).set_value(1).run()
    page.run()
    assert page.selectbox(key=box).value == 1
    assert page.query_params["trial"] in ("1", ["1"])
