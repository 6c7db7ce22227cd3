"""Whether content is told from names, order and documentation."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from support import pass_models

from optim.model.compare import changed
from optim.model.proto import copy_of


@pytest.fixture(params=["cnn", "lstm", "branching", "spam"])
def model(request: pytest.FixtureRequest) -> onnx.ModelProto:
    return copy_of(pass_models.load(request.param))


def test_a_copy_is_unchanged(model: onnx.ModelProto) -> None:
    assert not changed(model, copy_of(model))


def test_names_order_of_weights_and_documentation_are_no_content(model: onnx.ModelProto) -> None:
    twin = copy_of(model)
    renamed = {t.name: f"renamed_{t.name}" for t in twin.graph.initializer}
    weights = list(reversed(model.graph.initializer))
    del twin.graph.initializer[:]
    twin.graph.initializer.extend(weights)
    for tensor in twin.graph.initializer:
        tensor.name = renamed[tensor.name]
    _rename(twin.graph, renamed)
    twin.producer_name, twin.doc_string = "someone else", "words"
    assert not changed(model, twin)


def _rename(graph: onnx.GraphProto, renamed: dict[str, str]) -> None:
    for index, node in enumerate(graph.node):
        node.name = f"node {index}"
        node.input[:] = [renamed.get(name, name) for name in node.input]
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                _rename(attribute.g, renamed)


def test_a_weight_stored_otherwise_is_the_same(model: onnx.ModelProto) -> None:
    twin = copy_of(model)
    tensor = next(t for t in twin.graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
    tensor.float_data[:] = numpy_helper.to_array(tensor).ravel()
    tensor.ClearField("raw_data")
    assert not changed(model, twin)


def test_one_changed_weight_is_seen(model: onnx.ModelProto) -> None:
    twin = copy_of(model)
    tensor = next(t for t in twin.graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
    values = numpy_helper.to_array(tensor).copy()
    values.ravel()[0] += np.float32(1e-3)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    assert changed(model, twin)


def test_one_changed_attribute_is_seen() -> None:
    model = pass_models.cnn()
    twin = copy_of(model)
    twin.graph.node[0].attribute[0].ints[0] = 0
    assert changed(model, twin)


def test_rewired_nodes_are_seen() -> None:
    model = pass_models.cnn()
    twin = copy_of(model)
    twin.graph.node[4].input[1] = "c1"
    assert changed(model, twin)


def test_another_branch_is_seen() -> None:
    model = pass_models.branching()
    twin = copy_of(model)
    choice = next(node for node in twin.graph.node if node.op_type == "If")
    branch = next(a for a in choice.attribute if a.name == "else_branch")
    branch.g.node[0].op_type = "Sigmoid"
    assert changed(model, twin)


def test_another_opset_is_seen(model: onnx.ModelProto) -> None:
    twin = copy_of(model)
    twin.opset_import[0].version += 1
    assert changed(model, twin)
