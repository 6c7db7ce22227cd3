"""A real bundle."""

from pathlib import Path

import pytest
from support.explored import explored

from optim.bundles.bundle import export
from optim.studies.study import Study

__all__ = ["explored"]


@pytest.fixture(scope="package")
def bundle(explored: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(explored, explored.trial(0), tmp_path_factory.mktemp("loaded") / "bundle")
