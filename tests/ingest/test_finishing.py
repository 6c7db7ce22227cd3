"""Models that are older than ONNX Runtime's operators are raised when they are brought."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper

from optim.errors import InputError
from optim.ingest import ingest
from optim.ingest.shapes import varying_shapes
from optim.runtimes.base import BASELINE_RUNTIME, all_runtimes

pytestmark = pytest.mark.usefixtures("home")
RANDOM = np.random.default_rng(2)
WEIGHT = RANDOM.standard_normal((4, 3, 1, 1)).astype(np.float32)
BIAS = RANDOM.standard_normal(4).astype(np.float32)


def old(path: Path, opset: int, listed: bool = True, **attributes: int) -> Path:
    """x[1, 3, 2, 2] -> y: Conv and an Add of a vector along the channels, as opset 6 has it."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Add", ["c", "b"], ["y"], **attributes),
    ]
    weights = {"w": WEIGHT, "b": BIAS}
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 2, 2])]
    if listed:
        inputs += [helper.make_tensor_value_info(n, 1, list(w.shape)) for n, w in weights.items()]
    graph = helper.make_graph(
        nodes,
        "old",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 2, 2])],
        [numpy_helper.from_array(w, n) for n, w in weights.items()],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3), path
    )
    return path


@pytest.mark.parametrize("opset", [5, 6])
def test_what_no_kernel_runs_is_raised_and_answers_right(opset: int, tmp_path: Path) -> None:
    model = ingest(old(tmp_path / "old.onnx", opset, broadcast=1, axis=1))
    assert model.opset == 7 and f"at opset {opset}, so it was raised to 7" in model.notes[-1]
    x = RANDOM.standard_normal((1, 3, 2, 2)).astype(np.float32)
    session = all_runtimes()[BASELINE_RUNTIME]().open(model.path)
    expected = np.einsum("oi,nihw->nohw", WEIGHT[:, :, 0, 0], x) + BIAS[:, None, None]
    assert session.run({"x": x})["y"] == pytest.approx(expected, rel=1e-4)


def test_what_runs_as_it_is_stays(tmp_path: Path) -> None:
    path = old(tmp_path / "old.onnx", 6, broadcast=1, axis=1)
    made = onnx.load(path)
    del made.graph.node[1], made.graph.input[2], made.graph.initializer[1]
    made.graph.node[0].output[0] = "y"
    onnx.save(made, path)
    assert ingest(path).opset == 6


def test_what_no_opset_helps_is_refused_for_its_own_reason(tmp_path: Path) -> None:
    path = old(tmp_path / "old.onnx", 6, broadcast=1, axis=3)  # no such channels
    with pytest.raises(InputError, match="'Add'"):
        ingest(path)


def test_weights_that_an_old_file_does_not_list_as_inputs_are_taken(tmp_path: Path) -> None:
    path = old(tmp_path / "old.onnx", 6, listed=False, broadcast=1, axis=1)
    assert [spec.name for spec in ingest(path).inputs] == ["x"]


def test_a_scan_makes_known_shapes_where_each_of_its_steps_does() -> None:
    def with_step(step: str) -> set[str]:
        graph = onnx.parser.parse_graph(
            f"""g (float[1,4] x, float[6,4] known) => (float far) {{
              last, far = Scan<num_scan_inputs=1, body = b (float[1,4] one, float[4] row)
                => (float[1,4] same, float off) {{
                  same = Identity(one)
                  gap = Sub(one, row)
                  off = {step}
                }}>(x, known)
            }}"""
        )
        return varying_shapes(graph)

    assert not with_step("ReduceMean<axes=[1]>(gap)")
    assert "far" in with_step("NonZero(gap)")
