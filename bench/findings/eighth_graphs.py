"""Graphs of the eighth set that people bring quantized, in half precision or written by hand."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from torch import Tensor, nn

from bench.findings.eighth_models import FloatArray


class Reader(CalibrationDataReader):
    """One sample after the other."""

    def __init__(self, name: str, samples: FloatArray) -> None:
        self.left = iter([{name: one[None]} for one in samples])

    def get_next(self) -> dict[str, FloatArray] | None:
        return next(self.left, None)


def exported(
    net: nn.Module, args: tuple[Tensor, ...], path: Path, names: list[str], dynamo: bool = False
) -> Path:
    """The net as torch writes it, by either exporter."""
    net.eval()
    torch.onnx.export(net, args, str(path), input_names=names, output_names=["out"], dynamo=dynamo)
    return path


def as_trained(net: nn.Module, args: tuple[Tensor, ...], path: Path, names: list[str]) -> Path:
    """The net exported in the mode of training, as by mistake."""
    net.train()
    options = {
        "training": torch.onnx.TrainingMode.TRAINING,
        "do_constant_folding": False,
        "dynamo": False,
    }
    torch.onnx.export(net, args, str(path), input_names=names, output_names=["out"], **options)
    return path


def dynamic(source: Path, path: Path) -> Path:
    """By ONNX Runtime's own tool, all types of operators."""
    quantize_dynamic(source, path, weight_type=QuantType.QUInt8)
    return path


def static(
    source: Path, path: Path, samples: FloatArray, activations: QuantType = QuantType.QUInt8
) -> Path:
    """By ONNX Runtime's own tool, as its documentation shows."""
    name = onnx.load(source).graph.input[0].name
    quantize_static(
        source,
        path,
        Reader(name, samples),
        quant_format=QuantFormat.QDQ,
        activation_type=activations,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    return path


def paired(source: Path, path: Path, scale: float, kinds: tuple[str, ...]) -> Path:
    """Q and DQ behind every node of these kinds, as a trainer's fake quantization leaves them."""
    model = onnx.load(source)
    graph, nodes = model.graph, []
    graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), "fq_scale"))
    graph.initializer.append(numpy_helper.from_array(np.array(128, np.uint8), "fq_zero"))
    ends = {value.name for value in graph.output}
    for node in graph.node:
        nodes.append(node)
        if node.op_type in kinds and node.output[0] not in ends:
            was = node.output[0]
            node.output[0] = was + "_raw"
            nodes.append(
                helper.make_node(
                    "QuantizeLinear", [was + "_raw", "fq_scale", "fq_zero"], [was + "_q"]
                )
            )
            nodes.append(
                helper.make_node("DequantizeLinear", [was + "_q", "fq_scale", "fq_zero"], [was])
            )
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)
    return path


def weights_in_bytes(source: Path, path: Path, kinds: tuple[str, ...]) -> Path:
    """Weights of these kinds as int8 with a DequantizeLinear in front."""
    model = onnx.load(source)
    graph = model.graph
    wanted = {node.input[1] for node in graph.node if node.op_type in kinds}
    kept, lead = [], []
    for weight in graph.initializer:
        if weight.name not in wanted:
            kept.append(weight)
            continue
        values = numpy_helper.to_array(weight)
        scale = np.array(np.abs(values).max() / 127, np.float32)
        kept.append(
            numpy_helper.from_array(np.round(values / scale).astype(np.int8), weight.name + "_i8")
        )
        kept.append(numpy_helper.from_array(scale, weight.name + "_s"))
        kept.append(numpy_helper.from_array(np.array(0, np.int8), weight.name + "_z"))
        parts = [weight.name + end for end in ("_i8", "_s", "_z")]
        lead.append(helper.make_node("DequantizeLinear", parts, [weight.name]))
    nodes = lead + list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.save(model, path)
    return path


def iris(path: Path) -> Path:
    """A scaler and a perceptron of four measurements, as skl2onnx writes a pipeline."""
    rng = np.random.default_rng(1)
    sizes = [4, 8, 8, 3]
    nodes = [
        helper.make_node(
            "Scaler",
            ["X"],
            ["s"],
            domain="ai.onnx.ml",
            offset=[5.8, 3.0, 3.7, 1.2],
            scale=[1.2, 2.3, 0.6, 1.3],
        )
    ]
    constants, last = [], "s"
    for place, (rows, columns) in enumerate(zip(sizes, sizes[1:], strict=False)):
        constants.append(
            numpy_helper.from_array(
                rng.normal(size=(rows, columns)).astype(np.float32), f"coefficient{place}"
            )
        )
        constants.append(
            numpy_helper.from_array(
                rng.normal(size=(1, columns)).astype(np.float32), f"intercepts{place}"
            )
        )
        nodes.append(helper.make_node("MatMul", [last, f"coefficient{place}"], [f"mul{place}"]))
        nodes.append(
            helper.make_node("Add", [f"mul{place}", f"intercepts{place}"], [f"add{place}"])
        )
        last = f"add{place}"
        if place < 2:
            nodes.append(helper.make_node("Relu", [last], [f"next{place}"]))
            last = f"next{place}"
    nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=1))
    graph = helper.make_graph(
        nodes,
        "iris",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 3])],
        constants,
    )
    opsets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path
