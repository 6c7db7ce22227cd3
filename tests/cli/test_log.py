"""A command's log is a file: a terminal has sentences alone."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.study_tools import use_home

from optim.cli.log import log_path, log_to_file


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use_home(tmp_path / "home", monkeypatch)
    handler = log_to_file()
    yield
    logging.getLogger("optim.sandbox").removeHandler(handler)
    handler.close()


@pytest.mark.usefixtures("kept")
def test_what_a_library_says_is_kept_and_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    log_path().parent.mkdir()
    logging.getLogger("optim.sandbox.calling").warning("model: %s", "RuntimeError: Unknown builtin")
    assert "RuntimeError: Unknown builtin" in log_path().read_text()
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("kept")
def test_a_home_that_cannot_be_written_fails_no_command(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("optim.sandbox.calling").warning("said")  # there is no such folder yet
    assert not log_path().exists() and capfd.readouterr().err == ""
