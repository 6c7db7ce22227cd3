"""A network that one node ruins in 8 bits: a channel of its input is hundreds of times the rest."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from support.pass_models import Weights, model

FEATURES, HIDDEN, CLASSES, SAMPLES = 32, 64, 8, 96
LOUD = 400.0
RUINED = "third"


def outlier_mlp() -> onnx.ModelProto:
    """Four products; the third reads the loud channel, which its weights make small again."""
    w, node = Weights(11), helper.make_node
    random = np.random.default_rng(11)
    sizes = (FEATURES, HIDDEN, HIDDEN, HIDDEN, CLASSES)
    matrices = [
        random.standard_normal((a, b)).astype(np.float32) * (2 / a) ** 0.5
        for a, b in zip(sizes, sizes[1:], strict=False)
    ]
    matrices[1][:, 0] *= LOUD
    matrices[2][0] /= LOUD
    names = ("first", "second", RUINED, "last")
    nodes, value = [], "x"
    for name, matrix in zip(names, matrices, strict=True):
        w.constant(f"{name}_w", matrix)
        w.constant(f"{name}_b", random.standard_normal(matrix.shape[1]).astype(np.float32) / 10)
        last = name == "last"
        made = "y" if last else f"{name}_sum"
        nodes.append(node("Gemm", [value, f"{name}_w", f"{name}_b"], [made], name=name))
        if not last:
            nodes.append(node("Relu", [made], [f"{name}_out"], name=f"{name}_relu"))
            value = f"{name}_out"
    return model(nodes, w, {"x": (1, FEATURES)}, {"y": (1, CLASSES)})


def write_outlier_mlp(folder: Path) -> tuple[Path, Path]:
    """The model and inputs for it without labels: it is judged by fidelity."""
    onnx.save(outlier_mlp(), folder / "outlier.onnx")
    inputs = np.random.default_rng(12).standard_normal((SAMPLES, FEATURES)).astype(np.float32)
    np.savez(folder / "outlier.npz", x=inputs)
    return folder / "outlier.onnx", folder / "outlier.npz"
