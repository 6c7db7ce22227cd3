"""Small ONNX models, good and hostile, for the tests of bringing a model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
INT64 = TensorProto.INT64


def value(name, shape, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs, outputs, initializers=(), *, opset=17, domains=(), functions=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, functions=list(functions))


def linear(rows=("batch",), columns=4, seed=0):
    """y = x @ w, with 4 KB of weights so that they can be external data."""
    w = np.random.default_rng(seed).standard_normal((columns, 256)).astype(np.float32)
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        [value("x", [*rows, columns])],
        [value("y", [*rows, 256])],
        [numpy_helper.from_array(w, "w")],
    )


def relu(shape=(1, 3), name="relu", op="Relu", domain="", opset=17, dtype=FLOAT):
    node = helper.make_node(op, ["x"], ["y"], name=name, domain=domain)
    domains = [domain] if domain else []
    ends = value("x", shape, dtype), value("y", shape, dtype)
    return model([node], [ends[0]], [ends[1]], opset=opset, domains=domains)


def huge_constant():
    """x + a constant of 10^12 elements, made by an operator of a few bytes."""
    size = numpy_helper.from_array(np.array([10**12], np.int64), "size")
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["c"], name="huge"),
        helper.make_node("ReduceSum", ["c"], ["s"], name="sum", keepdims=0),
        helper.make_node("Add", ["x", "s"], ["y"], name="add"),
    ]
    return model(nodes, [value("x", [1])], [value("y", [1])], [size])


def greedy(gigabytes=3):
    """Writes gigabytes of memory in steps that each succeed."""
    size = numpy_helper.from_array(np.array([250_000_000], np.int64), "size")
    nodes = [helper.make_node("Expand", ["x", "size"], ["e0"], name="expand")]
    for i in range(gigabytes):
        nodes.append(helper.make_node("Exp", [f"e{i}"], [f"e{i + 1}"], name=f"exp{i}"))
    nodes.append(helper.make_node("Sum", [f"e{i}" for i in range(gigabytes + 1)], ["s"], name="s"))
    nodes.append(helper.make_node("ReduceSum", ["s"], ["y"], name="sum", keepdims=1))
    return model(nodes, [value("x", [1])], [value("y", [1])], [size])


def endless_loop():
    """A Loop of 2^62 iterations."""
    constants = [
        numpy_helper.from_array(np.array(2**62, np.int64), "trips"),
        numpy_helper.from_array(np.array(True), "go"),
    ]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_in"], ["go_out"]),
            helper.make_node("Sin", ["v_in"], ["v_out"]),
        ],
        "body",
        [value("i", [], INT64), value("go_in", [], TensorProto.BOOL), value("v_in", [1])],
        [value("go_out", [], TensorProto.BOOL), value("v_out", [1])],
    )
    loop = helper.make_node("Loop", ["trips", "go", "x"], ["y"], name="forever", body=body)
    return model([loop], [value("x", [1])], [value("y", [1])], constants)


def endless_recursion():
    """A function that calls itself."""
    function = helper.make_function(
        "local",
        "again",
        ["a"],
        ["b"],
        [helper.make_node("again", ["a"], ["b"], domain="local")],
        [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)],
    )
    node = helper.make_node("again", ["x"], ["y"], domain="local", name="call")
    return model(
        [node], [value("x", [1])], [value("y", [1])], domains=["local"], functions=[function]
    )


def doubling_functions(count):
    """Functions of which each calls the one before it twice."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    first = helper.make_node("Relu", ["a"], ["b"])
    functions = [helper.make_function("local", "f0", ["a"], ["b"], [first], imports)]
    for number in range(1, count):
        calls = [
            helper.make_node(f"f{number - 1}", [given], [made], domain="local")
            for given, made in (("a", "m"), ("m", "b"))
        ]
        functions.append(helper.make_function("local", f"f{number}", ["a"], ["b"], calls, imports))
    node = helper.make_node(f"f{count - 1}", ["x"], ["y"], domain="local")
    return model(
        [node], [value("x", [1])], [value("y", [1])], domains=["local"], functions=functions
    )


def trap():
    """The least integer divided by -1, which the processor answers with a signal."""
    least = numpy_helper.from_array(np.array([-(2**63)], np.int64), "least")
    nodes = [
        helper.make_node("Neg", ["x"], ["minus"], name="minus"),
        helper.make_node("Div", ["least", "minus"], ["y"], name="ratio"),
    ]
    return model(nodes, [value("x", [1], INT64)], [value("y", [1], INT64)], [least])


def with_external_data(proto, folder: Path, location="weights.bin") -> Path:
    """Save with the weights in a file beside the model."""
    path = folder / "net.onnx"
    onnx.save(
        proto,
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=location,
        size_threshold=16,
    )
    return path


def relocated(path: Path, change: Callable[[str, str], str]) -> None:
    """Change what a saved model says of its external data: (key, value) -> value."""
    proto = onnx.load(path, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            entry.value = change(entry.key, entry.value)
    path.write_bytes(proto.SerializeToString())
