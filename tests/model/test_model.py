import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from optim.errors import InputError
from optim.model import Model, TensorSpec, load_model, store_model
from optim.model.proto import DATA_FILE, all_tensors, describe, read_proto, write_proto

pytestmark = pytest.mark.usefixtures("home")


def product(seed=0):
    weights = np.random.default_rng(seed).standard_normal((300, 400)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["p"], name="product"),
            helper.make_node("NonZero", ["p"], ["y"], name="nonzero"),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 300])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [2, None])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(path):
    return ort.InferenceSession(str(path)).run(None, {"x": np.ones((1, 300), np.float32)})[0]


def test_a_stored_model_is_loaded_as_it_was_stored(tmp_path):
    write_proto(product(), tmp_path / "model.onnx")
    model = store_model(tmp_path / "model.onnx", "net", "onnx", {"batch": 1}, notes=("odd",))
    assert load_model(model.digest) == model
    assert model.inputs == (TensorSpec(name="x", dtype="float32", shape=(1, 300)),)
    assert model.outputs == (TensorSpec(name="y", dtype="int64", shape=(2, -1)),)
    assert (model.opset, model.node_count, model.dims) == (17, 2, {"batch": 1})
    assert model.size_bytes == model.path.stat().st_size
    assert model.notes == ("odd",)


def test_the_same_bytes_are_one_model(tmp_path, home):
    write_proto(product(), tmp_path / "model.onnx")
    first = store_model(tmp_path / "model.onnx", "net", "onnx", {})
    again = store_model(tmp_path / "model.onnx", "other name", "onnx", {})
    assert again == first
    write_proto(product(seed=1), tmp_path / "model.onnx")
    assert store_model(tmp_path / "model.onnx", "net", "onnx", {}).digest != first.digest
    assert len(list((home / "models").iterdir())) == 2


def test_large_weights_go_beside_the_model_and_come_back(tmp_path):
    write_proto(product(), tmp_path / "model.onnx", spill_bytes=1000)
    assert (tmp_path / DATA_FILE).stat().st_size == 300 * 400 * 4
    assert (tmp_path / "model.onnx").stat().st_size < 1000
    model = store_model(tmp_path / "model.onnx", "net", "onnx", {})
    assert model.size_bytes > 300 * 400 * 4
    assert read_proto(model.path) == product()
    write_proto(product(), tmp_path / "plain.onnx")
    np.testing.assert_array_equal(run(model.path), run(tmp_path / "plain.onnx"))


def test_the_digest_covers_the_external_data(tmp_path):
    digests = set()
    for seed in (0, 1):
        write_proto(product(seed), tmp_path / "model.onnx", spill_bytes=1000)
        digests.add(store_model(tmp_path / "model.onnx", "net", "onnx", {}).digest)
    assert len(digests) == 2


def test_writing_without_spilling_removes_older_external_data(tmp_path):
    write_proto(product(), tmp_path / "model.onnx", spill_bytes=1000)
    write_proto(product(), tmp_path / "model.onnx")
    assert not (tmp_path / DATA_FILE).exists()


def test_tensors_are_found_in_attributes_subgraphs_and_functions():
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(1), "in"))],
        "branch", [], [helper.make_tensor_value_info("c", TensorProto.DOUBLE, [1])],
        [numpy_helper.from_array(np.ones(1), "branch")],
    )  # fmt: skip
    function = helper.make_function(
        "f", "f", [], ["o"],
        [helper.make_node("Constant", [], ["o"], value=numpy_helper.from_array(np.ones(1), "fn"))],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    proto = product()
    proto.graph.node.append(
        helper.make_node("If", ["b"], ["z"], then_branch=inner, else_branch=inner)
    )
    proto.functions.append(function)
    names = [tensor.name for tensor in all_tensors(proto) if tensor.name]
    assert sorted(names) == ["branch", "branch", "fn", "in", "in", "w"]


def test_unknown_and_malformed_digests_are_refused():
    with pytest.raises(InputError, match="no stored model"):
        load_model("0" * 64)
    with pytest.raises(InputError, match="SHA-256"):
        load_model("../../secret")


def test_inputs_with_a_default_are_not_inputs(tmp_path):
    proto = product()
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [300, 400]))
    onnx.save(proto, tmp_path / "model.onnx")
    assert [spec["name"] for spec in describe(str(tmp_path / "model.onnx"))["inputs"]] == ["x"]


def test_a_model_is_a_frozen_value():
    spec = TensorSpec(name="x", dtype="float32", shape=(1,))
    model = Model(
        digest="0" * 64, name="n", inputs=(spec,), outputs=(spec,), opset=17, size_bytes=1,
        dims={}, source="onnx", node_count=1,
    )  # fmt: skip
    with pytest.raises(ValueError, match="frozen"):
        model.name = "other"
