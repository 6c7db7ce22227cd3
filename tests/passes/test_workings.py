"""What builds of one Model work out alike is worked out once, whatever else differs."""

import os
from pathlib import Path

import pytest
from support import pass_models

from optim.passes.support import tools
from optim.passes.support.workings import Workings, taken_over, used, worked_out


@pytest.fixture
def workings(tmp_path: Path) -> Workings:
    found = Workings(tmp_path / "known", tmp_path / "new")
    found.made()
    return found


def _refuse() -> bytes:
    pytest.fail("it was worked out again")


def test_it_is_found_by_what_it_depends_on(workings: Workings) -> None:
    with used(workings):
        assert worked_out(["a", b"b"], lambda: b"first") == b"first"
        assert worked_out(["a", b"b"], _refuse) == b"first"
        assert worked_out(["ab"], lambda: b"second") == b"second"
    assert worked_out(["a", b"b"], lambda: b"outside") == b"outside"


def test_a_later_build_finds_what_was_taken_over(workings: Workings, tmp_path: Path) -> None:
    with used(workings):
        worked_out(["a"], lambda: b"first")
    taken_over(workings)
    later = Workings(workings.known, tmp_path / "later")
    later.made()
    with used(later):
        assert worked_out(["a"], _refuse) == b"first"
    assert not any(later.new.iterdir())


def test_only_the_newest_are_kept(workings: Workings) -> None:
    for number in range(20):
        (workings.known / f"old{number}").write_bytes(b"")
        os.utime(workings.known / f"old{number}", (number, number))
    with used(workings):
        worked_out(["a"], lambda: b"new")
    taken_over(workings)
    assert len([*workings.known.iterdir()]) == 12
    with used(workings):
        worked_out(["a"], _refuse)


def test_only_files_are_taken_over(workings: Workings) -> None:
    (workings.new / "folder").mkdir()
    taken_over(workings)
    assert not any(workings.known.iterdir())


def test_a_model_is_slimmed_once(workings: Workings, monkeypatch: pytest.MonkeyPatch) -> None:
    model = pass_models.load("cnn")
    with used(workings):
        first = tools.slimmed(model)
        other = tools.slimmed(model, skip=())
        monkeypatch.setattr(tools, "_slim", lambda model, options: pytest.fail("slimmed again"))
        assert tools.slimmed(model) == first
        assert tools.slimmed(model, skip=()) == other
