"""A small graph, step by step: as written, constants folded, operators fused, by a real engine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from optim import sandbox
from optim.home.scratch import scratch
from optim.learning.drawing import Box, coloured, graph
from optim.learning.picture import Panel, Picture
from optim.runtimes.base import runtime_of

if TYPE_CHECKING:
    import onnx

_LEVELS = {
    "off": ("As written", "Nothing is rewritten."),
    "basic": (
        "Folded",
        "What depends on constants alone was computed once, when the model was loaded; the batch "
        "normalization went into the weights of the convolution before it.",
    ),
    "extended": (
        "Fused",
        "What follows a product is done while its result is still in the registers: one operator "
        "in place of two, and one tensor less to write and to read.",
    ),
}
_CHANNELS, _SIDE = 8, 16


class EngineSteps(Picture):
    """The engine's own graph at each of its levels."""

    title: ClassVar[str] = "Folding and fusion, step by step"

    def draw(self) -> tuple[Panel, ...]:
        with scratch("picture") as folder:
            files = sandbox.Files(writable=(folder,))
            found = sandbox.call(steps, {"folder": str(folder)}, where="picture", files=files)
        colours = coloured([node["op"] for nodes in found.values() for node in nodes])
        counts = [len(nodes) for nodes in found.values()]
        panels = []
        for (level, nodes), before in zip(found.items(), [counts[0], *counts], strict=False):
            title, says = _LEVELS[level]
            boxes = [Box(n["name"], n["op"], n["reads"], n["writes"]) for n in nodes]
            change = f" {before} nodes became {len(nodes)}." if before != len(nodes) else ""
            about = f"Asked of ONNX Runtime (graph={level}): {len(nodes)} nodes. {says}{change}"
            panels.append(Panel(title, graph(boxes, colours), about))
        return tuple(panels)


def steps(folder: str) -> dict[str, list[dict[str, Any]]]:
    """The child's side: the graph that the engine runs at each level."""
    import onnx

    path = Path(folder, "small.onnx")
    onnx.save(_small(), path)
    return {
        level: [
            {"name": n.name, "op": n.op, "reads": n.reads, "writes": n.writes}
            for n in runtime_of(f"onnxruntime:graph={level}").engine_graph(path)
        ]
        for level in _LEVELS
    }


def _small() -> "onnx.ModelProto":
    """A convolution with its normalization, a scale made of constants, and a residual."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    shape = [1, _CHANNELS, _SIDE, _SIDE]
    constants = {
        "w1": rng.normal(size=(_CHANNELS, _CHANNELS, 3, 3)),
        "w2": rng.normal(size=(_CHANNELS, _CHANNELS, 3, 3)),
        "two": np.full((1, _CHANNELS, 1, 1), 2.0),
        "three": np.full((1, _CHANNELS, 1, 1), 3.0),
        **{name: rng.random(_CHANNELS) + 0.5 for name in ("scale", "shift", "mean", "var")},
    }
    pads = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    norm = ["scale", "shift", "mean", "var"]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c1"], "conv1", **pads),
        helper.make_node("BatchNormalization", ["c1", *norm], ["n1"], "norm"),
        helper.make_node("Relu", ["n1"], ["r1"], "relu1"),
        helper.make_node("Add", ["two", "three"], ["five"], "sum_of_constants"),
        helper.make_node("Sqrt", ["five"], ["root"], "root_of_constants"),
        helper.make_node("Mul", ["r1", "root"], ["m1"], "scale_by_constant"),
        helper.make_node("Conv", ["m1", "w2"], ["c2"], "conv2", **pads),
        helper.make_node("Relu", ["c2"], ["r2"], "relu2"),
        helper.make_node("Identity", ["r2"], ["i2"], "nothing"),
        helper.make_node("Add", ["i2", "x"], ["y"], "residual"),
    ]
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(v.astype(np.float32), n) for n, v in constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
