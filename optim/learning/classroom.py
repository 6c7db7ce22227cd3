"""Classes: a trainer's code, learners who join by it, their guesses, all in the server's memory.

Bounded and expiring: so many classes, so many learners in each, so long a name. Nobody but who
opened a class has its key, and nothing leaves the server or outlives it.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from optim.errors import InputError
from optim.learning.lesson import Lesson, find_lesson
from optim.names import legible

MOST_CLASSES, MOST_LEARNERS, LONGEST_NAME = 50, 500, 40
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that looks like another
_CODE_LENGTH = 6
_SECONDS = 4 * 3600
_OVER = "Ask whoever teaches for the code of a class that is open."


@dataclass
class _Learner:
    name: str
    guess: float | None = None


@dataclass
class _Class:
    code: str
    key: str
    lesson: str
    until: float
    learners: dict[str, _Learner] = field(default_factory=dict)
    run: int | None = None
    """The number of the run that decides; None while guesses are taken."""
    changes: int = 0


@dataclass(frozen=True)
class Seen:
    """A class as its members see it: how many there are, the guesses without who made them."""

    code: str
    lesson: str
    learners: int
    guesses: tuple[float, ...]
    run: int | None
    changes: int

    @property
    def guessing(self) -> bool:
        """Whether guesses are still taken."""
        return self.run is None


class Classes:
    """The classes of a server. Thread-safe; what is unknown or over raises InputError.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._classes: dict[str, _Class] = {}
        self._lock = threading.RLock()

    def open(self, lesson: Lesson) -> tuple[str, str]:
        """Open a class for a lesson. Returns its code for all, and its key for the trainer."""
        with self._lock:
            self._forget()
            if len(self._classes) >= MOST_CLASSES:
                raise InputError(
                    f"There are {MOST_CLASSES} classes open, the most that this server keeps.",
                    "End one, or wait: each is over four hours after it was opened.",
                    "class",
                )
            code = self._new_code()
            key = secrets.token_urlsafe(16)
            until = self._clock() + _SECONDS
            self._classes[code] = _Class(code, key, lesson.name, until)
            return code, key

    def seen(self, code: str) -> Seen:
        """The class with this code, in capitals or not."""
        with self._lock:
            found = self._find(code)
            guesses = (one.guess for one in found.learners.values())
            return Seen(
                found.code,
                found.lesson,
                len(found.learners),
                tuple(guess for guess in guesses if guess is not None),
                found.run,
                found.changes,
            )

    def is_trainer(self, code: str, key: str) -> bool:
        """Whether this is the key of the class."""
        return secrets.compare_digest(self._find(code).key.encode(), key.encode(errors="replace"))

    def names(self, code: str, key: str) -> list[tuple[str, float | None]]:
        """Who has joined under a name, and their guesses: for the trainer alone."""
        found = self._mine(code, key)
        return [(one.name, one.guess) for one in list(found.learners.values()) if one.name]

    def join(self, code: str, name: str = "") -> str:
        """Join a class. Returns what the learner is known by, which is in no one's address else."""
        with self._lock:
            found = self._find(code)
            if len(found.learners) >= MOST_LEARNERS:
                raise InputError(f"{MOST_LEARNERS} have joined this class already.", _OVER, "class")
            learner = secrets.token_urlsafe(12)
            found.learners[learner] = _Learner(legible(name.strip(), LONGEST_NAME))
            found.changes += 1
            return learner

    def has(self, code: str, learner: str) -> bool:
        """Whether this learner has joined."""
        return learner in self._find(code).learners

    def guess_of(self, code: str, learner: str) -> float | None:
        """What a learner has guessed."""
        found = self._find(code).learners.get(learner)
        return found.guess if found else None

    def guess(self, code: str, learner: str, guess: float) -> None:
        """Keep a learner's guess, the latest one, as long as guesses are taken."""
        with self._lock:
            found = self._find(code)
            if found.run is not None:
                raise InputError("It is being measured: guesses are closed.", "", "class")
            if learner not in found.learners:
                raise InputError("You have not joined this class.", "Join it first.", "class")
            if not find_lesson(found.lesson).question.accepts(guess):
                raise InputError("That is none of the answers.", "Choose one of them.", "class")
            found.learners[learner].guess = guess
            found.changes += 1

    def decide(self, code: str, key: str, run: int) -> None:
        """Close the guesses: the run of this number decides."""
        with self._lock:
            found = self._mine(code, key)
            found.run = run
            found.changes += 1

    def teach(self, code: str, key: str, lesson: Lesson) -> None:
        """Go on with another lesson: guesses are taken anew, whoever has joined stays."""
        with self._lock:
            found = self._mine(code, key)
            found.lesson, found.run = lesson.name, None
            for learner in found.learners.values():
                learner.guess = None
            found.changes += 1

    def close(self, code: str, key: str) -> None:
        """End a class, and forget all of it."""
        with self._lock:
            del self._classes[self._mine(code, key).code]

    def _mine(self, code: str, key: str) -> _Class:
        if not self.is_trainer(code, key):
            raise InputError("Only who opened this class may do that.", "", "class")
        return self._find(code)

    def _find(self, code: str) -> _Class:
        with self._lock:
            self._forget()
            found = self._classes.get(code.strip().upper()[: 2 * _CODE_LENGTH])
        if found is None:
            raise InputError(f"There is no class with the code {legible(code, 12)!r}.", _OVER)
        return found

    def _forget(self) -> None:
        now = self._clock()
        for code in [code for code, one in self._classes.items() if one.until < now]:
            del self._classes[code]

    def _new_code(self) -> str:
        while True:
            code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
            if code not in self._classes:
                return code
