"""Steps that together take too much memory."""

from pathlib import Path
from typing import NoReturn

import pytest
from support import evalset_models

from optim import sandbox
from optim.errors import CrowdedError
from optim.ingest import STEP, ingest
from optim.ingest.finishing import STAGE_FILE


@pytest.mark.usefixtures("home")
def test_crowded_memory_is_no_fault_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(*_: object, files: sandbox.Files, **__: object) -> NoReturn:
        (files.writable[0] / STAGE_FILE).write_text("reading the file")
        raise CrowdedError("All together used too much.", "Retry it later.", STEP)

    path = evalset_models.classifier(tmp_path).path
    monkeypatch.setattr(sandbox, "call", crowded)
    with pytest.raises(CrowdedError, match="Retry it later"):
        ingest(path, name="m")
