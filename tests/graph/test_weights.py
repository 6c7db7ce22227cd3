"""What is in a graph's constant tensors, and what its nodes carry beside tensors."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from support.onnx_models import linear, model, value

from optim.graph.analysis import analyse
from optim.graph.weights import weigh


def test_zeros_are_counted_and_content_is_told_apart_whatever_its_name(tmp_path: Path) -> None:
    half = np.array([[0, 1], [2, 0]], np.float32)
    tensors = {"a": half, "b": half, "c": half.T.copy(), "d": half.astype(np.int32)}
    nodes = [helper.make_node("Add", ["x", name], [f"y_{name}"]) for name in ("a", "b", "c")]
    weights = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    outputs = [value(f"y_{name}", [2, 2]) for name in ("a", "b", "c")]
    onnx.save(model(nodes, [value("x", [2, 2])], outputs, weights), tmp_path / "m.onnx")
    found = weigh(tmp_path / "m.onnx").tensors
    assert {(one.elements, one.zeros) for one in found.values()} == {(4, 2)}
    assert found["a"].digest == found["b"].digest
    assert len({one.digest for one in found.values()}) == 3


def test_weights_in_a_file_beside_the_model_are_read(tmp_path: Path) -> None:
    onnx.save(linear(), tmp_path / "in.onnx")
    beside = tmp_path / "beside.onnx"
    onnx.save(linear(), beside, save_as_external_data=True, location="w.data", size_threshold=0)
    assert weigh(beside) == weigh(tmp_path / "in.onnx")


def test_attributes_are_in_words_and_long_ones_are_told_apart(tmp_path: Path) -> None:
    def split(sizes: list[int]) -> str:
        names = [f"y{i}" for i in range(len(sizes))]
        node = helper.make_node("Split", ["x"], names, split=sizes, axis=1)
        outputs = [value(name, [1, size]) for name, size in zip(names, sizes, strict=True)]
        onnx.save(model([node], [value("x", [1, sum(sizes)])], outputs, opset=11), path)
        return analyse(path).nodes[0].attributes

    path = tmp_path / "m.onnx"
    assert split([1, 2]) == "axis=1, split=[1,2]"
    long, other = split([1] * 60), split([1] * 59 + [2])
    assert long[:80] == other[:80] and long != other and len(long) < 120


def test_the_exporters_own_record_of_modules_is_kept(tmp_path: Path) -> None:
    made = linear(rows=(1,))
    scopes = "['', 'layers.0', 'layers.0.attention', 'linear_3']"
    made.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    onnx.save(made, tmp_path / "m.onnx")
    assert analyse(tmp_path / "m.onnx").nodes[0].scope == ("layers.0", "layers.0.attention")
    for hostile in ("[" * 500, "__import__('os')", "{1: 2}", "'text'"):
        made.graph.node[0].metadata_props[0].value = hostile
        onnx.save(made, tmp_path / "m.onnx")
        assert analyse(tmp_path / "m.onnx").nodes[0].scope == ()
