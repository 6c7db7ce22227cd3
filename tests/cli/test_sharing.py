"""Handing a study on from the command line: report, slide, one file out and in."""

import json
from pathlib import Path

import pytest
from support.browsers import needs_chromium
from support.explored import explored
from support.study_tools import use_home

from optim.cli import main
from optim.settings import settings
from optim.studies.study import Study

pytestmark = pytest.mark.slow

__all__ = ["explored"]  # fixture


def test_a_report_is_written_for_a_study_by_its_title(explored: Study, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    for name in (explored.name, "classifier", explored.name[:14]):
        out.unlink(missing_ok=True)
        assert main(["report", name, "--out", str(out)]) == 0
        assert "<!doctype html>" in out.read_text()[:20]


@needs_chromium
@pytest.mark.deep
@pytest.mark.parametrize(("ending", "begins"), [("pdf", b"%PDF-"), ("png", b"\x89PNG")])
def test_a_report_is_printed_and_drawn(
    explored: Study, tmp_path: Path, ending: str, begins: bytes
) -> None:
    out = tmp_path / f"r.{ending}"
    assert main(["report", "classifier", "--out", str(out)]) == 0
    assert out.read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["report", "nobody"], "There is no study named 'nobody'"),
        (["report", "classifier", "--out", "r.doc"], "A report is no .doc"),
        (["report", "classifier", "--out", "/dev/null/r.html"], "cannot be written"),
        (["study", "import", "nothing.zip"], "There is no file 'nothing.zip'"),
        (["study", "export", "nobody", "x.zip"], "There is no study named 'nobody'"),
    ],
)
def test_what_is_wrong_is_one_line(
    explored: Study, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert main(argv) != 0
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_study_goes_out_and_comes_in(
    explored: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "study.zip")
    assert main(["study", "export", "classifier", file]) == 0
    with pytest.MonkeyPatch.context() as patch:
        use_home(tmp_path / "elsewhere", patch)
        assert main(["study", "list", "--json"]) == 0 and json.loads(capsys.readouterr().out) == []
        assert main(["study", "import", file, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["study"] == explored.name
        assert told["added"] == 3 and len(told["machines"]) == 1
        assert main(["study", "list"]) == 0 and explored.name in capsys.readouterr().out
        assert main(["study", "import", file]) == 0
        assert "there already" in capsys.readouterr().out
    settings.cache_clear()
