"""Rooms: what a presenter shows, so that other browsers can show the same. In memory, bounded.

Whoever knows a room's code may look; only who opened it, by a key that stays in that session,
changes what is shown. A room holds the number of a trial and nothing else of the study.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that are read for another
_CODE_LENGTH = 6
_MOST = 200
_SECONDS = 8 * 3600
_URL = "/news-of-rooms"


@dataclass(frozen=True)
class Shown:
    """What is on the presenter's screen: the trial stood at, and how many trials are revealed
    where a replay runs. `changes` counts up."""

    study: str
    number: int | None = None
    revealed: int | None = None
    changes: int = 0


@dataclass
class _Room:
    key: str
    shown: Shown
    touched: float


class Rooms:
    """The rooms of one server. Thread-safe. Those that nobody has touched for hours are closed,
    and the longest untouched one where there are too many."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._rooms: dict[str, _Room] = {}
        self._lock = threading.Lock()

    def open(self, study: str) -> tuple[str, str]:
        """A new room: its code, for everybody, and its key, for the presenter."""
        with self._lock:
            self._sweep()
            code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
            key = secrets.token_urlsafe(24)
            self._rooms[code] = _Room(key, Shown(study), self._now())
            return code, key

    def show(self, code: str, key: str, number: int | None, revealed: int | None) -> bool:
        """Show something in a room. False where it is closed or the key is another's."""
        with self._lock:
            room = self._rooms.get(code)
            if room is None or not secrets.compare_digest(room.key, key):
                return False
            room.touched = self._now()
            seen = room.shown
            if (seen.number, seen.revealed) != (number, revealed):
                room.shown = replace(
                    seen, number=number, revealed=revealed, changes=seen.changes + 1
                )
            return True

    def shown(self, code: str) -> Shown | None:
        """What a room shows; None where there is none of this code, or no more."""
        with self._lock:
            self._sweep(keep=_MOST)
            room = self._rooms.get(plain_code(code))
            return room.shown if room else None

    def close(self, code: str, key: str) -> None:
        """End a room; followers are told so."""
        with self._lock:
            room = self._rooms.get(code)
            if room and secrets.compare_digest(room.key, key):
                del self._rooms[code]

    def _sweep(self, keep: int = _MOST - 1) -> None:
        now = self._now()
        for code, room in list(self._rooms.items()):
            if now - room.touched > _SECONDS:
                del self._rooms[code]
        for code in sorted(self._rooms, key=lambda one: self._rooms[one].touched):
            if len(self._rooms) <= keep:
                break
            del self._rooms[code]


@cache
def rooms() -> Rooms:
    """The rooms of this server."""
    return Rooms()


def plain_code(text: str) -> str:
    """A code as it was given out, however it was typed."""
    return "".join(text.upper().split())[:_CODE_LENGTH]


def room_url(code: str) -> str:
    """Where a follower's page asks whether something else is shown."""
    return f"{_URL}/{code}"


def stamp_of_room(code: str) -> str:
    """A text that changes with what a room shows, and when it closes."""
    shown = rooms().shown(code)
    return f"{shown.study} {shown.changes}" if shown else "closed"


async def answer(request: Request) -> Response:
    """The route: the room's present stamp."""
    stamp = stamp_of_room(request.path_params["code"])
    return PlainTextResponse(stamp, headers={"Cache-Control": "no-store"})
