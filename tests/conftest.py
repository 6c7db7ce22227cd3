"""What tests of several modules need."""

import hypothesis
import pytest

from optim.settings import settings

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder of the test's own."""
    monkeypatch.setenv("OPTIM_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()
