"""Every command has a module and a function in it, and only what a command needs is imported."""

import argparse
import importlib
import subprocess
import sys

import pytest

from optim.cli import DONE_BY, main
from optim.cli.grammar import parser
from optim.settings import settings


def test_every_command_is_done_by_a_module() -> None:
    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    assert set(commands.choices) == set(DONE_BY)


@pytest.mark.parametrize("command", DONE_BY)
def test_its_module_has_the_function(command: str) -> None:
    assert callable(getattr(importlib.import_module(f"optim.cli.{DONE_BY[command]}"), command))


@pytest.mark.parametrize("command", ["inspect", "parts"])
def test_what_needs_no_study_does_not_wait_for_its_libraries(command: str) -> None:
    """Seconds of imports, of a command that answers at once."""
    heavy = "{'sqlalchemy', 'optuna', 'distributed', 'torch', 'scipy.stats'}"
    code = f"import sys, optim.cli.{DONE_BY[command]}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("setting", ["PASSWORD_FILE", "METRICS_TOKEN_FILE"])
def test_a_server_whose_secret_cannot_be_read_does_not_begin(
    setting: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"OPTIM_{setting}", "/no/such/file")
    settings.cache_clear()
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("it was started"))
    assert main(["serve"]) == 2
    assert "/no/such/file" in capsys.readouterr().err
    monkeypatch.undo()
    settings.cache_clear()
