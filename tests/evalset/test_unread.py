"""Inputs that a model declares and never reads: an EvalSet need not have them."""

from pathlib import Path

import numpy as np
import onnx
import pandas
import pytest
from support.evalset_models import keep

from optim.errors import InputError
from optim.evalset import load_evalset
from optim.model import Model

pytestmark = pytest.mark.usefixtures("home")


def idle(folder: Path, *, batch: int = 1) -> Model:
    """x[batch, 4] and two inputs that no node reads -> y[batch, 3]."""
    return keep(
        folder,
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        [
            ("training", onnx.TensorProto.BOOL, [] if batch == 1 else [batch, 1]),
            ("x", onnx.TensorProto.FLOAT, [batch, 4]),
            ("types", onnx.TensorProto.INT64, [batch, 5]),
        ],
        [("y", onnx.TensorProto.FLOAT, [batch, 3])],
        {"w": np.eye(4, 3, dtype=np.float32)},
    )


@pytest.mark.parametrize("name", ["x", "data", "table"])
@pytest.mark.parametrize("batch", [1, 8])
def test_they_get_zeros_and_that_is_said(name: str, batch: int, tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    samples = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
    np.savez(path, **{name: samples}, labels=np.arange(40) % 3)
    if name == "table":  # as a table, which has a column for what is read alone
        path = tmp_path / "given.csv"
        table = pandas.DataFrame(samples, columns=list("abcd")).assign(label=np.arange(40) % 3)
        table.to_csv(path, index=False)
    model = idle(tmp_path, batch=batch)
    evalset = load_evalset(path, model)
    feeds = evalset.feeds("validation", 1)[0]
    assert {spec.name: feeds[spec.name].shape for spec in model.inputs} == {
        spec.name: spec.shape for spec in model.inputs
    }
    assert not feeds["types"].any() and feeds["x"].any()
    assert sum("never reads; it gets zeros" in note for note in evalset.notes) == 2


def test_what_is_read_is_still_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    np.savez(path, types=np.zeros((4, 5), np.int64), training=np.zeros(4, bool))
    with pytest.raises(InputError, match="no array for the input 'x'"):
        load_evalset(path, idle(tmp_path))
