"""What IREE is not asked to compile."""

import onnx
import pytest

from optim.errors import StepError
from optim.runtimes.iree import Iree

TREES = (
    '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]>'
    "g (float[1,4] x) => (float[1,1] y) "
    "{ a = ai.onnx.ml.TreeEnsembleRegressor(x) y = Identity(a) }"
)


def test_trees_are_refused_by_their_name(tmp_path) -> None:
    """IREE itself complains of the Identity that reads them."""
    onnx.save(onnx.parser.parse_model(TREES), tmp_path / "model.onnx")
    with pytest.raises(StepError, match="it has no TreeEnsembleRegressor"):
        Iree().open(tmp_path / "model.onnx")
