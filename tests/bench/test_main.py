"""Parts of the evidence one after another: each has its say, whatever became of the others."""

import sys
from types import SimpleNamespace

import pytest

import bench.__main__ as command
from optim.errors import StepError


def part(said):
    def run(options):
        if isinstance(said, Exception):
            raise said
        return f"## A part\n\n{said}", True

    return SimpleNamespace(run=run)


@pytest.mark.parametrize("broken", [StepError("It fell.", "Mend it.", "x"), OSError("no disk")])
def test_a_part_that_does_not_run_says_so_and_the_others_run(broken, monkeypatch, capsys):
    written = []
    monkeypatch.setattr(command, "import_module", {"a": part(broken), "b": part("fine")}.get)
    monkeypatch.setattr(command, "written_into", lambda *given: written.append(given))
    parts = {"serve": "a", "twin": "b"}
    monkeypatch.setattr(command, "PARTS", command.PARTS | parts)
    monkeypatch.setattr(command, "GROUPS", {"serving": parts})
    monkeypatch.setattr(sys, "argv", ["bench", "serving", "--document"])
    assert command.main() == 1
    said = capsys.readouterr().out
    assert "## serve\n\nIt did not run" in said and str(broken).split(".")[0] in said
    assert said.endswith("fine\n\n**The claim holds.**\n")
    assert [name for name, _ in written] == ["twin"], "a report that is none is written nowhere"
