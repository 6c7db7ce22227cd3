"""What a child may read of the folders that programs lie in, and what of it is hidden."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from optim.sandbox import walls
from optim.sandbox.importable import installed, opened


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with modules, a home folder and secrets, as deep as they come."""
    for name in (".streamlit/secrets.toml", "lib/one.py", "lib/data/home/files/other", "lib/two/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def within(path: Path, folders: list[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def test_what_is_hidden_is_left_out_and_all_beside_it_stays(app: Path) -> None:
    hidden = [app / ".streamlit", app / "lib/data/home"]
    allowed = [*opened([app], hidden)]
    files = [path for path in app.rglob("*") if path.is_file()]
    readable = {path for path in files if within(path, allowed)}
    assert {path.name for path in readable} == {"one.py", "x"}
    assert [*opened([app / "lib/data/home/files"], hidden)] == []
    assert [*opened([app / "lib/two"], hidden)] == [app / "lib/two"]


def test_links_hide_nothing_and_open_nothing(app: Path) -> None:
    (app / "lib/link").symlink_to(app / ".streamlit")
    (app / "elsewhere").symlink_to(app / "lib")
    allowed = [*opened([app / "elsewhere"], [app / ".streamlit", app / "lib/data"])]
    assert not within(app / ".streamlit/secrets.toml", [path.resolve() for path in allowed])
    assert within(app / "lib/two/x", [path.resolve() for path in allowed])


def test_the_program_is_readable_wherever_the_home_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where somebody has put the environment into the home folder."""
    monkeypatch.setattr(walls, "settings", lambda: SimpleNamespace(home=Path(sys.base_prefix)))
    assert within(Path(str(json.__file__)), [*opened(installed(), walls.hidden())])
