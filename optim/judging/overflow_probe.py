"""Whether an engine's products of bytes overflow on this machine: not guessed from the CPU's flags
but tried against exact arithmetic, once per machine and engine, and kept.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from optim import sandbox
from optim.arrays import Array
from optim.errors import OptimError
from optim.home import kept
from optim.home.scratch import scratch
from optim.machine.environment import environment
from optim.recipe import Recipe

if TYPE_CHECKING:
    import onnx

MOST_U8 = 255
_SIZE = 64  # rows, columns and summed products: enough for a vector kernel


class Probe(BaseModel):
    """Whether the products of an engine overflow on a machine."""

    saturates: bool


def saturates_here(recipe: Recipe) -> bool:
    """Whether products of the recipe's engine overflow on this machine; tried once and kept."""
    engine = recipe.runtime.spelling
    key = json.dumps([engine, environment()])
    return kept(Probe, "saturation", key, lambda: _probed(engine)).saturates


def _probed(engine: str) -> Probe:
    with scratch("probe") as folder:
        argument = {"runtime": engine, "folder": str(folder)}
        given = sandbox.Files(writable=(folder,))
        return Probe(saturates=sandbox.call(probe, argument, where="quality", files=given))


def probe(runtime: str, folder: str) -> bool:
    """Child: whether an engine's u8 x s8 products differ from exact arithmetic at the extremes.

    Two forms are tried, as the quantizers write them. What an engine refuses is no overflow.
    """
    engine = Recipe.parse(runtime).runtime
    given = np.full((_SIZE, _SIZE), MOST_U8, np.float32)
    weights = np.full((_SIZE, _SIZE), 127, np.int8)
    weights[:, ::2] = -128
    exact = given.astype(np.int64) @ weights.astype(np.int64)
    for number, model in enumerate((_qdq_probe(weights), _integer_probe(weights))):
        path = Path(folder, f"probe{number}.onnx")
        path.write_bytes(model.SerializeToString())
        try:
            session = engine.open(path)
            (answer,) = session.run({"x": given}).values()
            session.close()
        except OptimError:
            continue
        if not np.array_equal(answer.astype(np.int64), exact):
            return True
    return False


def _qdq_probe(weights: Array) -> "onnx.ModelProto":
    """x -> QuantizeLinear, DequantizeLinear -> MatMul, with scales of 1, so that all is exact."""
    from onnx import helper

    nodes = [
        helper.make_node("QuantizeLinear", ["x", "one", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "one", "zero"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "one", "zero_w"], ["v"]),
        helper.make_node("MatMul", ["d", "v"], ["y"]),
    ]
    return _model(nodes, weights)


def _integer_probe(weights: Array) -> "onnx.ModelProto":
    """x -> Cast to bytes -> MatMulInteger -> Cast, as the dynamic quantizer writes it."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["x"], ["q"], to=TensorProto.UINT8),
        helper.make_node("MatMulInteger", ["q", "w", "zero", "zero_w"], ["i"]),
        helper.make_node("Cast", ["i"], ["y"], to=TensorProto.FLOAT),
    ]
    return _model(nodes, weights)


def _model(nodes: list["onnx.NodeProto"], weights: Array) -> "onnx.ModelProto":
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "w": weights,
        "one": np.float32(1),
        "zero": np.uint8(0),
        "zero_w": np.int8(0),
    }
    shape = [_SIZE, _SIZE]
    read = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items() if n in read],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
