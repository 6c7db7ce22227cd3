"""`install`, where it does not come to its end."""

import pytest

from optim.cli import FAILED, main, parts


def test_an_installation_that_is_stopped_says_what_is_there_now(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: object
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(parts, "make", stopped)
    assert main(["install", "tvm"]) == FAILED
    assert "Stopped. Nothing of Apache TVM was installed." in capsys.readouterr().err
