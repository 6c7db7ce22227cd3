"""Presenter mode: one stop at a time, a replay, a room that others follow."""

import pytest
from streamlit.testing.v1 import AppTest
from support.explored import visited

from optim.showing.story import on_stage, sentence, stops
from optim.studies.study import Study
from ui.server.rooms import rooms
from ui.text import plain


def presenting(study: Study, **more: str) -> AppTest:
    return visited("explore", study, present="1", **more)


def said(page: AppTest) -> list[str]:
    return [str(element.value) for element in page.markdown]


def told(study: Study) -> list[str]:
    return [plain(stop.sentence) for stop in stops(on_stage(study.trials()))]


def at(page: AppTest, study: Study) -> int:
    """Which stop is shown; exactly one is."""
    (found,) = [told(study).index(text) for text in said(page) if text in told(study)]
    return found


def test_there_is_a_chart_and_a_sentence_and_nothing_else(explored: Study) -> None:
    page = presenting(explored)
    assert not page.exception and not page.error
    assert not page.dataframe and not page.sidebar.children
    assert at(page, explored) >= 0
    assert {button.label for button in page.button} >= {"Faster", "Slower", "Replay", "Leave (Esc)"}


def test_the_button_leads_there_and_back(explored: Study) -> None:
    page = visited("explore", explored)
    assert page.dataframe
    page.button(key="present").click().run()
    assert page.query_params["present"] in ("1", ["1"]) and not page.dataframe
    page.button(key="leave").click().run()
    assert "present" not in page.query_params and page.dataframe


def test_the_buttons_walk_the_front_from_end_to_end(explored: Study) -> None:
    page = presenting(explored)
    while not page.button(key="faster").disabled:
        page.button(key="faster").click().run()
    walked = [at(page, explored)]
    while not page.button(key="slower").disabled:
        page.button(key="slower").click().run()
        walked.append(at(page, explored))
    assert walked == list(range(len(told(explored))))


def test_a_replay_reveals_the_trials_as_they_came(explored: Study) -> None:
    page = presenting(explored)
    page.button(key="replay").click().run()
    came = sorted(on_stage(explored.trials()), key=lambda t: (t.created, t.number))
    first = plain(f"1 of {len(came)}. {sentence(came[0])}")
    assert first in said(page)
    page.button(key="replay_end").click().run()
    assert at(page, explored) >= 0


def test_a_replay_ends_where_presenting_ends(explored: Study) -> None:
    page = presenting(explored)
    page.button(key="replay").click().run()
    page.button(key="leave").click().run()
    page.button(key="present").click().run()
    assert at(page, explored) >= 0 and page.button(key="replay")


def test_a_follower_sees_the_presenters_stop(explored: Study) -> None:
    presenter = presenting(explored)
    presenter.button(key="room_open").click().run()
    (code,) = [text for text in said(presenter) if text.startswith("**Code ")]
    follower = presenting(explored, follow=code[7:13])
    assert at(follower, explored) == at(presenter, explored)
    assert follower.button(key="faster").disabled and follower.button(key="slower").disabled
    ways = [way for way in ("slower", "faster") if not presenter.button(key=way).disabled]
    for way in ways[:1]:  # none where one trial is all of the front
        presenter.button(key=way).click().run()
        follower.run()
        assert at(follower, explored) == at(presenter, explored)
    presenter.button(key="room_close").click().run()
    follower.run()
    assert any("presenter has left" in str(text.value) for text in follower.caption)
    assert bool(ways) == any(not follower.button(key=way).disabled for way in ("slower", "faster"))


def test_a_code_is_enough_and_a_wrong_one_is_a_sentence(explored: Study) -> None:
    code, key = rooms().open(explored.name)
    page = presenting(explored)
    page.text_input(key="room_join").set_value("nothing")
    page.button(key="room_follow").click().run()
    assert "No room has the code" in page.error[0].value
    page.text_input(key="room_join").set_value(code.lower())
    page.button(key="room_follow").click().run()
    assert page.query_params["follow"] in (code, [code])
    rooms().close(code, key)


@pytest.mark.parametrize("follow", ["ABCDEF", "x" * 300, "</script>"])
def test_an_unknown_room_leaves_the_page_to_its_visitor(explored: Study, follow: str) -> None:
    page = presenting(explored, follow=follow)
    assert not page.exception
    assert any("presenter has left" in str(text.value) for text in page.caption)
