"""The door to the home folder: what is kept appears whole, once, and survives what broke it."""

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import BaseModel

from optim.errors import DiskError
from optim.home import disk_errors_told, kept, place, unwritable, written
from optim.home.scratch import scratch


class Value(BaseModel):
    """Something worth keeping."""

    number: int


def test_a_value_is_made_once_for_each_key(home: Path) -> None:
    made: list[int] = []

    def make() -> Value:
        made.append(1)
        return Value(number=len(made))

    assert [kept(Value, "values", key, make).number for key in ("a", "a", "b")] == [1, 1, 2]
    assert kept(Value, "values", "a", make, afresh=True).number == 3
    assert kept(Value, "values", "a", make).number == 3
    assert kept(Value, "others", "a", make).number == 4


@pytest.mark.parametrize("broken", ["", "nonsense", '{"number": "none"}'])
def test_what_cannot_be_read_is_made_again(home: Path, broken: str) -> None:
    kept(Value, "values", "key", lambda: Value(number=1))
    (file,) = place("values").iterdir()
    file.write_text(broken)
    assert kept(Value, "values", "key", lambda: Value(number=2)).number == 2
    assert kept(Value, "values", "key", lambda: Value(number=3)).number == 2


def test_nothing_appears_of_what_was_not_written_to_its_end(home: Path) -> None:
    with pytest.raises(RuntimeError), written(place("sub", "file")) as new:
        new.write_text("half")
        raise RuntimeError
    assert not list(place("sub").iterdir())


def test_a_folder_that_another_wrote_meanwhile_stays(home: Path) -> None:
    with written(place("folder")) as new:
        new.mkdir()
        (new / "mine").touch()
        with written(place("folder")) as faster:
            faster.mkdir()
            (faster / "theirs").touch()
    assert [file.name for file in place("folder").iterdir()] == ["theirs"]
    assert [file.name for file in home.iterdir()] == ["folder"]


def test_many_write_one_file_and_a_reader_sees_one_of_them_whole(home: Path) -> None:
    texts = [str(i) * 100_000 for i in range(10)]

    def write(text: str) -> None:
        with written(place("file")) as new:
            new.write_text(text)
        assert place("file").read_text() in texts

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, texts * 5))


def test_whether_the_home_can_be_written_is_tried(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unwritable() is None and not [*place("scratch").iterdir()]

    def full(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    told = unwritable()
    assert told and "The disk is full" in str(told) and not [*place("scratch").iterdir()]


def test_a_scratch_folder_that_cannot_be_removed_hides_no_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that turns read-only while a step runs: the step's own sentence is told."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(DiskError, match="refuses access"), scratch("step"):  # noqa: PT012
        monkeypatch.setattr(Path, "unlink", refuse)
        with disk_errors_told():
            refuse()
