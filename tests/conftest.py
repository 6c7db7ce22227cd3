"""What tests of several modules need."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from optim.running.warming import warm
from optim.settings import settings

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


_HOME = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """No test, nor what runs while they are collected, touches the home folder of who runs them.

    A trial is timed for a moment, unless a test says for how long. Workers side by side have
    folders for temporary files of their own, and so do not wait until the others have timed
    something: what a test asserts is never how long it took.
    """
    config.stash[_HOME] = Path(tempfile.mkdtemp(prefix="no-home-"))
    os.environ["OPTIM_HOME"] = str(config.stash[_HOME])
    os.environ["OPTIM_TRIAL_SECONDS"] = "0.1"
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(dir=config.stash[_HOME])


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder of the test's own."""
    monkeypatch.setenv("OPTIM_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def warmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Children are forked from a process that has imported what they need, as a server's are.

    A child that imports it all anew costs a second or two of a core, and there are hundreds.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTIM_HOME", str(tmp_path_factory.mktemp("warmed")))
        settings.cache_clear()
        warm()
    settings.cache_clear()
    yield
