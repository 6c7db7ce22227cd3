from pathlib import Path

import pytest

from optim.ingest import child
from optim.model import Model, store_model
from optim.settings import settings

MAX_BYTES = 50_000_000


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own for every test, and limits that a test can wait for."""
    monkeypatch.setenv("OPTIM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPTIM_STEP_SECONDS", "120")
    monkeypatch.setenv("OPTIM_STEP_MEMORY_MB", "2048")
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def bring(tmp_path):
    """What `ingest` does, without the child process: for the many files that cannot hurt."""
    count = 0

    def run(path: Path, dims=None, specs=(), evalset="", max_bytes=MAX_BYTES) -> Model:
        nonlocal count
        count += 1
        folder = tmp_path / f"work{count}"
        folder.mkdir()
        got = child.bring(str(path), str(folder), max_bytes, dims or {}, list(specs), str(evalset))
        return store_model(
            folder / "model.onnx", path.stem, got["source"], got["dims"],
            notes=tuple(got["notes"]), described=got["described"],
        )  # fmt: skip

    return run


@pytest.fixture
def save(tmp_path):
    """Write a proto or bytes to a file and give its path."""

    def write(content, name="net.onnx") -> Path:
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.SerializeToString()
        path.write_bytes(data)
        return path

    return write
