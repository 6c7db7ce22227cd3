"""Rooms: who may show, who may look, and that they end."""

import pytest
from starlette.applications import Starlette
from support.asking import served

from ui.server import accounts
from ui.server.rooms import Rooms, Shown, plain_code, room_url, rooms
from ui.server.routes import routes


class Clock:
    """Hours that pass when a test says so."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_room_shows_what_its_presenter_shows() -> None:
    held = Rooms()
    code, key = held.open("study")
    assert held.shown(code) == Shown("study")
    assert held.show(code, key, 3, None)
    assert held.show(code, key, 3, None)  # nothing new
    assert held.shown(code) == Shown("study", 3, None, changes=1)
    assert held.shown(f" {code.lower()} ") == held.shown(code)
    held.close(code, key)
    assert held.shown(code) is None


def test_only_the_key_shows_and_closes() -> None:
    held = Rooms()
    code, _ = held.open("study")
    assert not held.show(code, "guess", 3, None)
    held.close(code, "guess")
    assert held.shown(code) == Shown("study")
    assert not held.show("ABCDEF", "guess", 3, None)


def test_rooms_end_by_themselves_and_are_never_too_many() -> None:
    clock = Clock()
    held = Rooms(clock)
    first, key = held.open("study")
    clock.seconds += 3600
    held.show(first, key, 1, None)
    clock.seconds += 7.5 * 3600
    assert held.shown(first)
    clock.seconds += 3600
    assert held.shown(first) is None
    codes = []
    for _ in range(300):
        clock.seconds += 1
        codes.append(held.open("study")[0])
    alive = [code for code in codes if held.shown(code)]
    assert alive == codes[-200:]
    assert len({*codes}) == len(codes)


@pytest.mark.parametrize("text", ["", "abc def", "  q2w3e4  ", "x" * 500])
def test_codes_are_read_however_they_are_typed(text: str) -> None:
    assert len(plain_code(text)) <= 6 and plain_code(text) == plain_code(text.lower())


def test_the_route_says_no_more_than_that_something_changed() -> None:
    code, key = rooms().open("a-study")
    with served(Starlette(routes=routes())) as ask:
        before = ask(room_url(code)).text
        rooms().show(code, key, 4, None)
        assert ask(room_url(code)).text != before
        rooms().close(code, key)
        assert ask(room_url(code)).text == ask(room_url("NOSUCH")).text == "closed"
    assert room_url(code).startswith(accounts.GUARDED)
