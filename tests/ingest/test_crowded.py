"""Steps that together take too much memory."""

from pathlib import Path

import pytest
from support import evalset_models

from optim.errors import CrowdedError
from optim.ingest import ingest


@pytest.mark.usefixtures("home")
def test_crowded_memory_is_no_fault_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = evalset_models.classifier(tmp_path).path
    monkeypatch.setenv("OPTIM_STEPS_MEMORY_MB", "1")
    with pytest.raises(CrowdedError, match=r"together, more than .*Retry it when others"):
        ingest(path, name="m")
