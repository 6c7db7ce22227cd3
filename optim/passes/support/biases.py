"""Bias correction: rounding moves the mean of a channel, and a bias can move it back.

The mean error of each output channel over calibration samples, of the node alone (its inputs in
float), goes into the node's bias (Nagel et al. 2019, "Data-Free Quantization Through Weight
Equalization and Bias Correction"; the empirical form). It costs a run nothing.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array, Feeds
from optim.model.proto import copy_of, sort_nodes
from optim.passes.support.tools import quiet

if TYPE_CHECKING:
    import onnx

_MOST_SAMPLES = 32
_CHANNELS = {"Conv": 1, "ConvTranspose": 1, "Gemm": -1}
_INSERTED = ("QuantizeLinear", "DequantizeLinear")
_TWIN = "__twin"


def corrected(
    model: "onnx.ModelProto",
    quantized: "onnx.ModelProto",
    names: Iterable[str],
    feeds: Sequence[Feeds],
) -> "onnx.ModelProto":
    """The float model with biases that make up for the mean errors of what was made of it.

    Args:
        quantized: in QDQ form, its nodes and values called as in `model`.
        names: of the nodes to correct; those without a bias of their own kind are left.
    """
    chosen = set(names)
    nodes = {n.name: n for n in model.graph.node if n.name in chosen and n.op_type in _CHANNELS}
    twins = _with_twins(model, quantized, nodes)
    result = copy_of(model)
    for name, shift in _mean_errors(twins, nodes, feeds[:_MOST_SAMPLES]).items():
        _shift(result, name, shift)
    return result


def _with_twins(
    model: "onnx.ModelProto", quantized: "onnx.ModelProto", nodes: dict[str, Any]
) -> "onnx.ModelProto":
    """The float model; beside each of the nodes its rounded twin, which reads values in float."""
    result, makers = copy_of(model), {o: n for n in quantized.graph.node for o in n.output}
    graph, added = result.graph, set[str]()
    known = {tensor.name for tensor in graph.initializer}
    graph.initializer.extend(t for t in quantized.graph.initializer if t.name not in known)

    def rounded(value: str) -> str:
        maker = makers.get(value)
        if maker is None or maker.op_type not in _INSERTED:
            return value
        if value not in added:
            added.add(value)
            twin = graph.node.add()
            twin.CopyFrom(maker)
            twin.name = value + _TWIN
            twin.input[0], twin.output[0] = rounded(maker.input[0]), value + _TWIN
        return value + _TWIN

    for node in [n for n in quantized.graph.node if n.name in nodes]:
        twin = graph.node.add()
        twin.CopyFrom(node)
        twin.name = node.name + _TWIN
        twin.input[0], twin.input[1] = rounded(node.input[0]), rounded(node.input[1])
        twin.input[2:] = nodes[node.name].input[2:]
        twin.output[0] = node.name + _TWIN
    del graph.output[:], graph.value_info[:]
    pairs = [
        (nodes[n.name].output[0], n.name + _TWIN) for n in quantized.graph.node if n.name in nodes
    ]
    graph.output.extend(type(model.graph.output[0])(name=name) for pair in pairs for name in pair)
    sort_nodes(graph)
    return result


def _mean_errors(
    twins: "onnx.ModelProto", nodes: dict[str, Any], feeds: Sequence[Feeds]
) -> dict[str, Array]:
    """Node -> for each channel, what its twin lacks on average."""
    with quiet():
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        session = ort.InferenceSession(
            twins.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    names = [output.name for output in session.get_outputs()]
    sums: dict[str, Array] = {}
    for sample in feeds:
        values = dict(zip(names, session.run(None, dict(sample)), strict=True))
        for name, node in nodes.items():
            if name + _TWIN in values:
                error = values[node.output[0]] - values[name + _TWIN]
                sums[name] = sums.get(name, 0) + _by_channel(error, _CHANNELS[node.op_type])
    return {name: total / len(feeds) for name, total in sums.items()}


def _by_channel(error: Array, axis: int) -> Array:
    channels = np.moveaxis(error.astype(np.float64), axis, 0)
    mean: Array = channels.reshape(len(channels), -1).mean(axis=1)
    return mean


def _shift(model: "onnx.ModelProto", name: str, shift: Array) -> None:
    """Add to a node's bias, in place; one that is shared or not there becomes one of its own."""
    from onnx import numpy_helper

    node = next(n for n in model.graph.node if n.name == name)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    bias = node.input[2] if len(node.input) > 2 else ""
    if bias and bias not in stored:
        return
    before = numpy_helper.to_array(stored[bias]) if bias else np.zeros(len(shift), np.float32)
    new = f"{name}_corrected_bias"
    if before.shape != shift.shape or new in stored or not np.isfinite(shift).all():
        return
    tensor = numpy_helper.from_array((before + shift).astype(before.dtype), new)
    model.graph.initializer.append(tensor)
    del node.input[2:]
    node.input.append(new)
