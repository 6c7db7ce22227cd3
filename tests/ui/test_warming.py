"""A server that has started brings what pages need into memory, and fails at nothing."""

import subprocess
import sys

import pytest

from ui.server import warming

_WARMED = """
import sys
from ui.server.warming import warm_pages
warm_pages()
missing = {"pandas", "optuna", "ui.graph_figures", "distributed"} - sys.modules.keys()
assert not missing and "ui.main" not in sys.modules, missing
"""


@pytest.mark.deep
def test_what_pages_import_is_there_before_anybody_asks(home: object) -> None:
    done = subprocess.run([sys.executable, "-c", _WARMED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_what_fails_is_left_to_the_page(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warming, "_modules", lambda: ["ui.there_is_no_such_module"])
    with caplog.at_level("INFO"):
        warming.warm_pages()
    assert "not everything was warmed" in caplog.text
