"""An EvalSet says what the numbers of a sample are called."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from support.study_tools import use_home
from support.why_cases import embedded

from optim.errors import InputError
from optim.evalset import adopt_evalset, load_evalset
from optim.ingest import ingest

NAMES = tuple(f"column {i}" for i in range(8))


def test_names_are_kept_and_others_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(tmp_path / "home", monkeypatch)
    onnx.save(embedded(8), tmp_path / "model.onnx")
    path, x = tmp_path / "evalset.npz", np.ones((12, 1, 8), np.int64)
    np.savez(path, x=x, features=np.array(NAMES))
    model = ingest(tmp_path / "model.onnx", evalset=path)
    evalset = load_evalset(path, model)
    assert evalset.features == NAMES
    assert adopt_evalset(evalset.path, model).features == NAMES
    for wrong in (np.array(NAMES[:7]), np.arange(8)):
        np.savez(path, x=x, features=wrong)
        with pytest.raises(InputError, match=r"one name for each number of a sample, shape \[8\]"):
            load_evalset(path, model)
