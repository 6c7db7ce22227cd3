"""Where a presentation stands in this session: its stop, how far a replay is, its room."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import streamlit as st

from optim.showing.story import Stop, has_place
from optim.studies.study import Study
from optim.studies.trial import Trial
from ui.server.rooms import Shown, plain_code, rooms
from ui.text import key_of

PRESENT, FOLLOW = "present", "follow"
_LEAVING = "present_leaving"
_MOST_STEPS = 40


def presenting() -> bool:
    """Whether the address asks for presenter mode."""
    return st.query_params.get(PRESENT) == "1"


def begin() -> None:
    """From now on, present."""
    st.query_params[PRESENT] = "1"


def left() -> bool:
    """Whether presenter mode was left; then the address says so."""
    if not st.session_state.pop(_LEAVING, False):
        return False
    for name in (PRESENT, FOLLOW):
        st.query_params.pop(name, None)
    return True


@dataclass(frozen=True)
class Place:
    """What is on the screen: the stop's index, and how many trials are revealed in a replay."""

    at: int
    revealed: int | None = None


class Presentation:
    """One study's presentation in this session; a follower's is where its presenter's is."""

    def __init__(self, study: Study, trials: Sequence[Trial], way: Sequence[Stop]) -> None:
        self._study, self.way = study, way
        self.came = sorted(filter(has_place, trials), key=lambda t: (t.created, t.number))
        self._keys = {name: key_of(f"present_{name}", study.name) for name in ("stop", "replay")}

    @property
    def code(self) -> str:
        """Of the room that is followed; empty where none is."""
        return plain_code(st.query_params.get(FOLLOW, ""))

    @property
    def followed(self) -> Shown | None:
        """What the presenter shows who is followed; None where nobody is, or has left."""
        shown = rooms().shown(self.code) if self.code else None
        return shown if shown and shown.study == self._study.name else None

    def place(self, pick: int | None) -> Place:
        """Where it stands; at the pick where nobody has moved yet."""
        shown = self.followed
        number = shown.number if shown else st.session_state.get(self._keys["stop"])
        revealed = shown.revealed if shown else st.session_state.get(self._keys["replay"])
        return Place(self._index(number, self._index(pick, 0)), revealed)

    def _index(self, number: int | None, otherwise: int) -> int:
        found = (i for i, stop in enumerate(self.way) if stop.number == number)
        return next(found, otherwise)

    def move(self, at: int) -> None:
        """Stand at another stop; a replay ends."""
        if 0 <= at < len(self.way):
            self.stand_at(self.way[at].number)

    def stand_at(self, number: int) -> None:
        """Stand at the stop of a trial, if it has one."""
        if any(stop.number == number for stop in self.way):
            st.session_state[self._keys["stop"]] = number
            st.session_state.pop(self._keys["replay"], None)

    def leave(self) -> None:
        """Back to the Explore page, once this run has been drawn."""
        self.replay(None)
        st.session_state[_LEAVING] = True

    def replay(self, revealed: int | None) -> None:
        """Reveal so many trials; None, or more than there are, ends the replay."""
        if revealed is None or revealed > len(self.came):
            st.session_state.pop(self._keys["replay"], None)
        else:
            st.session_state[self._keys["replay"]] = revealed

    def further(self, revealed: int) -> int:
        """How many are revealed after one step more; a long replay takes several at a time."""
        step = ceil(len(self.came) / _MOST_STEPS)
        last = len(self.came)
        return last if revealed < last < revealed + step else revealed + step
