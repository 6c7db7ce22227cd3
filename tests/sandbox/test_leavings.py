"""What a child leaves is read as what it is: files of its own, and an answer of one form."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optim.errors import InputError, StepError
from optim.home.removing import remove_tree
from optim.sandbox import leavings, limits
from optim.sandbox.leavings import answer_in, believed, plain, text_in
from optim.sandbox.limits import check_written


def test_links_out_and_what_is_no_file_are_taken_away(tmp_path: Path) -> None:
    secret, given = tmp_path / "secret", tmp_path / "given"
    secret.write_text("password")
    (given / "deep").mkdir(parents=True)
    (given / "result").write_text("kept")
    (given / "again").symlink_to("result")
    (given / "model.onnx").symlink_to(secret)
    (given / "by way of").symlink_to("model.onnx")
    (given / "deep" / "folder").symlink_to(tmp_path)
    with plain((given, given / "gone")):
        os.mkfifo(given / "deep" / "stage")
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(given / "deep" / "s"))
    left = sorted(str(path.relative_to(given)) for path in given.rglob("*"))
    assert left == ["again", "deep", "result"]
    assert secret.read_text() == "password" and (given / "again").read_text() == "kept"


def test_devices_are_never_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a folder in place of the machine's, which this test would ruin if it failed."""
    devices, link = tmp_path / "dev", tmp_path / "link"
    (devices / "shm").mkdir(parents=True)
    (devices / "stdin").symlink_to("/proc/self/fd/0")
    link.symlink_to(devices)
    monkeypatch.setattr(leavings, "_DEVICES", devices)
    with plain((devices, devices / "shm", link)):
        pass
    assert (devices / "stdin").is_symlink()


def test_they_go_where_the_child_fails_too(tmp_path: Path) -> None:
    with pytest.raises(InputError), plain((tmp_path,)):
        os.mkfifo(tmp_path / "stage")
        raise InputError("It hangs.", "Stop it.")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[" * 100_000, "null", "[]", "{}", "\xff", '{"error": 1}', '{"error": {}}'),
        '{"error": {"kind": [], "what": "a", "next_step": "b", "where": "c"}}',
        '{"value": 1, "error": {"kind": "a", "what": "", "next_step": "", "where": ""}}',
    ],
)
def test_an_answer_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(StepError, match="result cannot be read"):
        answer_in(tmp_path / "result.json", "a step")


ERROR = '{"error": {"kind": "a", "what": "b", "next_step": "c", "where": "d"}}'


@pytest.mark.parametrize("text", ['{"value": null}', ERROR])
def test_an_answer_is_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(text)
    assert answer_in(tmp_path / "result.json", "a step")


def test_of_a_child_that_may_still_run_files_of_its_own_alone_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("halfway there")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    assert text_in(tmp_path / "file", 7) == "halfway"
    assert {text_in(tmp_path / name, 7) for name in ("link", "pipe", "gone", ".")} == {""}


@pytest.mark.parametrize("answer", [None, 5, [], {}, {"source": 1, "notes": 3}])
def test_a_value_that_no_child_of_ours_answers_is_one_sentence(answer: Any) -> None:
    with pytest.raises(StepError, match="result cannot be read"), believed("model"):
        Path("/nowhere", answer["source"]).read_text()
    with pytest.raises(InputError, match="Not sound"), believed("model"):
        raise InputError("Not sound.", "Bring another.")


def test_folders_too_deep_for_a_stack_or_a_path_go(tmp_path: Path) -> None:
    """`os.walk` and `shutil.rmtree` end in a RecursionError, and every later step with them."""
    deep, below = tmp_path / "deep", 1500
    deep.mkdir()
    code = f"import os\nfor _ in range({below}): os.mkdir('ddd'); os.chdir('ddd')"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=deep)
    with plain((deep,)):
        pass
    assert len([*deep.rglob("*")]) < 100
    remove_tree(deep)
    assert not deep.exists()


def test_a_child_that_fills_its_folder_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "within").mkdir()
    (tmp_path / "within" / "large").write_bytes(b"x" * 8192)
    check_written((tmp_path,), "here")
    monkeypatch.setattr(limits, "MOST_WRITTEN_BYTES", 4096)
    with pytest.raises(StepError, match="files and was stopped"):
        check_written((tmp_path,), "here")
