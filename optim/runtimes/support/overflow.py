"""Which products of bytes overflow on this machine, engine by engine: not guessed from the CPU's
flags but tried against exact arithmetic, once per machine and version of the engine, and kept.

x86 CPUs with AVX2 and without VNNI multiply unsigned by signed bytes with `vpmaddubsw`, which adds
two neighbouring products in 16 bits and saturates (Intel, Software Developer's Manual, PMADDUBSW;
ONNX Runtime, "Quantize ONNX models": "When to use reduce-range").
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from pydantic import BaseModel

from optim import sandbox
from optim.arrays import Array
from optim.errors import OptimError
from optim.home import kept
from optim.home.scratch import scratch
from optim.machine.environment import machine_id
from optim.part import Product
from optim.runtimes.base import all_runtimes

if TYPE_CHECKING:
    import onnx

MOST_U8 = 255
HIGHEST, LOWEST = 32767, -32768  # of 16 bits with a sign
PRODUCTS: tuple[Product, ...] = get_args(Product)
_REVISION = 1
"""Another one where the try itself is another."""
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Variables that keep engines from instructions which the CPU has."""
_SIZE = 64  # rows, columns and summed products: enough for a vector kernel
_STEP = 16384.0  # of an 8-bit output: the largest sums just fit
_NEAR = 0.05  # share of the largest sum; what saturates is off by a half


class Overflow(BaseModel):
    """The products that an engine gets wrong on a machine."""

    products: tuple[Product, ...]


def saturates_here(runtime: str) -> bool:
    """Whether products of unsigned by signed bytes, the usual ones, overflow in this runtime."""
    return "u8s8" in overflows_here(runtime)


def overflows_here(runtime: str) -> frozenset[Product]:
    """The products that overflow on this machine in the runtime of this name, as it comes.

    Tried in a child, some tenths of a second, and kept. None in a runtime that is not installed.
    Raises StepError where the child fails.
    """
    if all_runtimes()[runtime].missing():
        return frozenset()
    kind = all_runtimes()[runtime]
    packages = dict(zip(kind.packages, kind.versions(), strict=False))
    limits = [os.environ.get(name, "") for name in _LIMITS]
    key = json.dumps([_REVISION, runtime, packages, machine_id(), limits])
    return frozenset(kept(Overflow, "saturation", key, lambda: _tried(runtime)).products)


def _tried(runtime: str) -> Overflow:
    with scratch("overflow") as folder:
        argument = {"runtime": runtime, "folder": str(folder)}
        given = sandbox.Files(writable=(folder,))
        engine = all_runtimes()[runtime]()
        found = engine.call(overflowing, argument, where="overflow", files=given)
    return Overflow.model_validate({"products": found})


def overflowing(runtime: str, folder: str) -> list[Product]:
    """Child: the products whose sums at the extremes are far from exact arithmetic.

    Each is tried in the forms that the quantizers write. What an engine refuses is no overflow.
    """
    return [one for one in PRODUCTS if _overflows(runtime, one, Path(folder))]


def _overflows(runtime: str, product: Product, folder: Path) -> bool:
    engine = all_runtimes()[runtime]()
    given = np.full((_SIZE, _SIZE), MOST_U8 if product[0] == "u" else 127, np.float32)
    weights = np.full((_SIZE, _SIZE), 127, np.int64)
    weights[:, ::2] = -128
    exact = given.astype(np.int64) @ weights
    for number, model in enumerate(_forms(product, weights)):
        path = folder / f"{product}{number}.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            session = engine.open(path)
            (answer,) = session.run({"x": given}).values()
            session.close()
        except OptimError:
            continue
        if np.abs(answer - exact).max() > _NEAR * np.abs(exact).max():
            return True
    return False


def _forms(product: Product, weights: Array) -> Iterator["onnx.ModelProto"]:
    """QDQ around MatMul and around Conv, and MatMulInteger; scales of 1, so that all is exact."""
    from onnx import TensorProto, helper

    def node(op: str, inputs: str, output: str, **more: int) -> "onnx.NodeProto":
        return helper.make_node(op, inputs.split(), [output], **more)

    bytes_of_x = [node("QuantizeLinear", "x one zero", "q")]
    floats = [*bytes_of_x, node("DequantizeLinear", "q one zero", "d")]
    floats.append(node("DequantizeLinear", "w one zero_w", "v"))
    yield _model([*floats, node("MatMul", "d v", "y")], product, weights)
    kind = TensorProto.UINT8 if product[0] == "u" else TensorProto.INT8
    integer = [node("Cast", "x", "q", to=kind), node("MatMulInteger", "q w zero zero_w", "i")]
    yield _model([*integer, node("Cast", "i", "y", to=TensorProto.FLOAT)], product, weights)
    image = [node("Transpose", "x", "t"), node("Reshape", "t image", "p")]
    image += [
        node("QuantizeLinear", "p one zero", "q"),
        node("DequantizeLinear", "q one zero", "d"),
    ]
    image += [node("DequantizeLinear", "f one zero_w", "v"), node("Conv", "d v", "c")]
    image += [node("QuantizeLinear", "c step middle", "r")]  # else it would stay in floats
    image += [node("DequantizeLinear", "r step middle", "s")]
    image += [node("Reshape", "s square", "u"), node("Transpose", "u", "y")]
    yield _model(image, product, weights)


def _model(nodes: list["onnx.NodeProto"], product: Product, weights: Array) -> "onnx.ModelProto":
    """A model of x [rows, summed] and y [rows, columns]; weights of numbers from -128 to 127."""
    from onnx import TensorProto, helper, numpy_helper

    types = {"u8": np.uint8, "s8": np.int8}
    activation, weight = types[product[:2]], types[product[2:]]
    middle = {np.uint8: 128, np.int8: 0}
    stored = (weights + middle[weight]).astype(weight)
    constants = {
        "w": stored,
        "f": stored.T.reshape(_SIZE, _SIZE, 1, 1),
        "one": np.float32(1),
        "step": np.float32(_STEP),
        "zero": activation(0),
        "middle": activation(middle[activation]),
        "zero_w": weight(middle[weight]),
        "image": np.array([1, _SIZE, 8, _SIZE // 8]),
        "square": np.array([_SIZE, _SIZE]),
    }
    shape = [_SIZE, _SIZE]
    read = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "overflow",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items() if n in read],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
