"""A lesson: one Markdown file whose front matter names its picture, question and experiment.

The program's own lie in `lessons/`; those of a trainer in the folder that the settings name. What
cannot be read there is told in a sentence, and the others are taught all the same.
"""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationError,
    model_validator,
)

from optim import reading
from optim.errors import InputError, OptimError
from optim.learning.experiment import Experiment, all_experiments
from optim.learning.glossary import find_term, marked
from optim.learning.named import made, sentence
from optim.learning.picture import Picture, all_pictures
from optim.learning.question import Question
from optim.names import legible
from optim.settings import settings

_OWN = Path(__file__).parent / "lessons"
_MOST_BYTES, _MOST_FILES = 100_000, 200
_NAME = r"^[a-z0-9][a-z0-9_-]{0,59}$"
_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)


class Source(BaseModel):
    """Where a lesson's facts come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=5, max_length=300)
    url: str = Field(pattern=r"^https?://\S+$")


def _picture(value: Any) -> Any:
    return value if isinstance(value, Picture) else _named(value, all_pictures(), "picture")


def _experiment(value: Any) -> Any:
    found = all_experiments()
    return value if isinstance(value, Experiment) else _named(value, found, "experiment")


def _named(value: Any, known: Any, what: str) -> Any:
    try:
        return made(value, known, what)
    except InputError as error:
        raise ValueError(f"{error.what} {error.next_step}".strip()) from None


class Lesson(BaseModel):
    """What one file teaches. Lessons are taught in the order of their `rank`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=_NAME)
    title: str = Field(min_length=2, max_length=80)
    rank: int = 1000
    summary: str = Field(min_length=5, max_length=200)
    picture: Annotated[InstanceOf[Picture], BeforeValidator(_picture)]
    question: Question
    experiment: Annotated[InstanceOf[Experiment], BeforeValidator(_experiment)]
    take_home: tuple[str, str]
    """Two sentences."""
    sources: tuple[Source, ...] = Field(min_length=1)
    text: str = Field(min_length=20)
    """Markdown; `[[quantization]]` is a word of the glossary."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.question.figure not in self.experiment.figures:
            known = ", ".join(self.experiment.figures)
            raise ValueError(
                f"the experiment {self.experiment.name} finds no {self.question.figure!r}; "
                f"it finds {known}"
            )
        for word in self.words:
            find_term(word)
        return self

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the glossary in its text, each once."""
        return tuple(dict.fromkeys(word for word, _ in marked(self.text)))


@dataclass(frozen=True)
class Unreadable:
    """A trainer's file that is no lesson: `why` is a sentence."""

    file: str
    why: str


def all_lessons() -> dict[str, Lesson]:
    """Every lesson by name in the order they are taught; a trainer's replaces one of its name."""
    found = {**_own(), **{one.name: one for one in _brought() if isinstance(one, Lesson)}}
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))


def unreadable_lessons() -> list[Unreadable]:
    """The trainer's files that are no lessons."""
    return [one for one in _brought() if isinstance(one, Unreadable)]


def find_lesson(name: str) -> Lesson:
    """The lesson of this name. Raises InputError."""
    found = all_lessons()
    if name not in found:
        raise InputError(
            f"There is no lesson named {legible(name, 60)!r}.", f"Lessons: {', '.join(found)}."
        )
    return found[name]


def read_lesson(path: Path) -> Lesson:
    """The lesson in a file. Raises InputError with what is wrong with it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _wrong(path, f"it is larger than {_MOST_BYTES / 1000:.0f} kB")
        written = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, f"it cannot be read ({type(error).__name__})") from None
    parts = _FRONT.match(written)
    if not parts:
        raise _wrong(path, "it does not begin with a front matter between two lines of ---")
    try:
        return Lesson.model_validate(
            {**_fields(parts[1]), "name": path.stem, "text": parts[2].strip()}
        )
    except ValidationError as error:
        raise _wrong(path, sentence(error)) from None
    except OptimError as error:
        raise _wrong(path, f"{error.what} {error.next_step}") from None


def _fields(front: str) -> dict[str, Any]:
    fields = reading.from_yaml(front)
    if not isinstance(fields, dict):
        raise InputError("Its front matter is no mapping.", "Write `title: ...` and the rest.")
    return fields


def _wrong(path: Path, why: str) -> InputError:
    return InputError(
        f"{path.name} is no lesson: {why.rstrip('.')}.", "CONTRIBUTING.md shows one.", "lesson"
    )


@cache
def _own() -> dict[str, Lesson]:
    return {path.stem: read_lesson(path) for path in sorted(_OWN.glob("*.md"))}


def _brought() -> list[Lesson | Unreadable]:
    """What lies in the trainer's folder: read again only where a file has changed."""
    folder = settings().lessons
    if not folder or not folder.is_dir():
        return []
    paths = sorted(folder.glob("*.md"))[:_MOST_FILES]
    return [_read(path, path.stat().st_mtime_ns) for path in paths]


@cache
def _read(path: Path, _changed: int) -> Lesson | Unreadable:
    try:
        return read_lesson(path)
    except InputError as error:
        return Unreadable(path.name, error.what)
