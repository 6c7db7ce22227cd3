"""Sound files, one of each kind, made once a run: what is spoiled is close to what works."""

import io
import json
import os
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from fuzz import annotated
from optim.settings import settings

_RANDOM = np.random.default_rng(7)


@cache
def sound_files() -> dict[str, Path]:
    """The files by their names, in a folder beside the home folder."""
    folder = settings().home.parent / "sound"
    folder.mkdir()
    onnx.save(_classifier(), folder / "model.onnx")
    onnx.save(_seeing(), folder / "pictures.onnx")
    _zipped_model(folder)
    _evalset(folder / "evalset.npz")
    _table(folder / "table.csv")
    _pictures(folder / "pictures.zip")
    annotated.write(folder)
    subprocess.run([sys.executable, "-m", "fuzz.torch_net", str(folder)], check=True)
    _bundle(folder)
    return {path.name: path for path in folder.iterdir()}


def _graph(nodes: list[onnx.NodeProto], given: list[int], **weights: object) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "sound",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def _weights(*shape: int) -> np.ndarray:
    return _RANDOM.normal(size=shape).astype(np.float32)


def _classifier() -> onnx.ModelProto:
    """With a branch, whose graph has fields of its own to spoil."""
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(operator, ["h"], [name], name=name)],
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 16])],
        )
        for name, operator in (("then", "Relu"), ("else", "Tanh"))
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"], name="up"),
        helper.make_node("If", ["yes"], ["r"], name="branch", **branches),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], name="down", transB=1),
    ]
    weights = {"w1": _weights(4, 16), "w2": _weights(3, 16), "b2": _weights(3)}
    return _graph(nodes, [1, 4], yes=np.array(True), **weights)


def _seeing() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["y"], name="flat"),
    ]
    return _graph(nodes, [1, 3, 16, 16], w=_weights(3, 3, 3, 3))


def _zipped_model(folder: Path) -> None:
    model = _classifier()
    onnx.save(
        model,
        folder / "kept.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        for name in ("kept.onnx", "weights.bin"):
            archive.write(folder / name, name)


def _evalset(path: Path) -> None:
    labels = _RANDOM.integers(0, 3, size=24)
    np.savez(path, x=_weights(24, 4), labels=labels, metric=np.array("top1"))


def _table(path: Path) -> None:
    """With what people's tables have: numbers of lines, decimal commas, labels that are texts."""
    rows = _RANDOM.normal(size=(40, 4))
    fields = [[str(value).replace(".", ",") for value in row] for row in rows]
    lines = (";".join([str(at), *row, "abc"[at % 3]]) for at, row in enumerate(fields))
    path.write_text("\n".join((";height;width;age;größe;label", *lines)) + "\n")


def _pictures(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(9):
            pixels = _RANDOM.integers(0, 255, size=(16, 16, 3), dtype=np.uint8)
            made, kind = io.BytesIO(), ("png", "jpeg", "bmp")[number % 3]
            Image.fromarray(pixels).save(made, kind)
            archive.writestr(f"class{number % 3}/{number}.{kind}", made.getvalue())


def _bundle(folder: Path) -> None:
    """As the command line makes one; its recipe, also as JSON and as a list; its study."""
    sound = [str(folder / "model.onnx"), "--evalset", str(folder / "evalset.npz")]
    exported = folder.parent / "bundle"
    _optim("measure", *sound, "--recipe", "simplify", "--out", str(exported))
    _optim("study", "export", "model", str(folder / "study.zip"))
    (folder / "recipes.txt").write_text(
        "# two\nsimplify + onnxruntime\nstatic_int8:per_channel=false + openvino\n"
    )
    with zipfile.ZipFile(folder / "bundle.zip", "w") as archive:
        for path in sorted(p for p in exported.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(exported))
    text = (exported / "recipe.yaml").read_text()
    (folder / "recipe.yaml").write_text(text)
    (folder / "recipe.json").write_text(json.dumps(yaml.safe_load(text)))


def _optim(*command: str) -> None:
    """In a home of its own: elsewhere, as far as the one that the study comes to can tell."""
    home = {"OPTIM_HOME": str(settings().home.parent / "elsewhere")}
    whole = [sys.executable, "-m", "optim", *command]
    subprocess.run(whole, check=True, capture_output=True, env=os.environ | home)
