"""GPTQ (Frantar et al. 2022, arXiv:2210.17323) for weights that are packed in blocks already.

Rounding one row of a weight leaves an error, which the rows not yet rounded make up for, as the
second moments of the inputs say. Scales and zero points stay those of rounding to nearest; ONNX
Runtime 1.32's own GPTQ rounds anew after it, and gives back what plain rounding gives.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array, Feeds
from optim.model.proto import copy_of
from optim.passes.support.running import outputs_of

if TYPE_CHECKING:
    import onnx

_DAMPING = 0.01  # share of the mean diagonal, as in the paper
_MOST_SAMPLES = 64


def moments(
    model: "onnx.ModelProto", products: Sequence["onnx.NodeProto"], samples: Sequence[Feeds]
) -> dict[str, Array]:
    """Second moments [K, K] of what each product reads, by the name of that value."""
    import onnx

    probe = copy_of(model)
    inputs = {value.name for value in probe.graph.input}
    wanted = dict.fromkeys(node.input[0] for node in products)
    del probe.graph.output[:]
    names = [name for name in wanted if name not in inputs]
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    some = samples[:_MOST_SAMPLES]
    found: dict[str, Array] = {}
    runs = outputs_of(probe, some) if names else ({} for _ in some)
    for sample, outputs in zip(some, runs, strict=True):
        for name in wanted:
            rows = np.asarray(outputs.get(name, sample.get(name)), np.float64)
            rows = rows.reshape(-1, rows.shape[-1])
            found[name] = found.get(name, 0.0) + rows.T @ rows
    return found


def round_again(
    packed: "onnx.ModelProto",
    weights: Mapping[str, Array],
    seconds: Mapping[str, Array],
) -> int:
    """Round the weights of MatMulNBits nodes by GPTQ, in place; how many.

    Args:
        weights: the float weight [K, N] of each node by the name of its packed input.
        seconds: moments of each node's input by that value's name.
    """
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in packed.graph.initializer}
    done = 0
    for node in packed.graph.node:
        if node.op_type != "MatMulNBits" or node.input[0] not in seconds:
            continue
        size = {a.name: a.i for a in node.attribute}
        scales = numpy_helper.to_array(tensors[node.input[2]]).reshape(size["N"], -1)
        zeros = _zero_points(node, tensors, size["bits"], scales.shape)
        scale, zero = (
            np.repeat(values, size["block_size"], axis=1)[:, : size["K"]].astype(np.float64)
            for values in (scales, zeros)
        )
        weight = np.asarray(weights[node.input[1]], np.float64).T
        codes = _rounded(weight, seconds[node.input[0]], scale, zero, 2 ** size["bits"] - 1)
        old = numpy_helper.to_array(tensors[node.input[1]])
        new = _packed(codes, old.shape, size["bits"], size["block_size"])
        tensors[node.input[1]].CopyFrom(numpy_helper.from_array(new, node.input[1]))
        done += 1
    return done


def _rounded(weight: Array, second: Array, scale: Array, zero: Array, largest: int) -> Array:
    """Integers [N, K] of a weight [N, K], one column after another."""
    left, codes = weight.copy(), np.zeros(weight.shape, np.uint8)
    idle = np.diag(second) == 0
    second = second + np.diag(idle.astype(np.float64))
    damped = second + _DAMPING * np.mean(np.diag(second)) * np.eye(len(second))
    inverse = np.linalg.cholesky(np.linalg.inv(damped)).T
    for at in range(weight.shape[1]):
        step = np.where(scale[:, at] == 0, 1.0, scale[:, at])
        code = np.clip(np.round(left[:, at] / step + zero[:, at]), 0, largest)
        codes[:, at] = code.astype(np.uint8)
        error = (left[:, at] - (code - zero[:, at]) * step) / inverse[at, at]
        left[:, at + 1 :] -= np.outer(error, inverse[at, at + 1 :])
    return codes


def _zero_points(
    node: "onnx.NodeProto",
    tensors: "Mapping[str, onnx.TensorProto]",
    bits: int,
    shape: tuple[int, ...],
) -> Array:
    """One for each block [N, blocks]; the middle where the node has none."""
    from onnx import numpy_helper

    if len(node.input) < 4 or not node.input[3]:
        return np.full(shape, 2 ** (bits - 1), np.uint8)
    stored = numpy_helper.to_array(tensors[node.input[3]]).reshape(shape[0], -1)
    return _unpacked(stored)[:, : shape[1]] if bits == 4 else stored


def _unpacked(stored: Array) -> Array:
    """Two numbers of each byte along the last axis, the lower half first."""
    return np.stack([stored & 15, stored >> 4], axis=-1).reshape(*stored.shape[:-1], -1)


def _packed(codes: Array, shape: tuple[int, ...], bits: int, block: int) -> Array:
    """Codes [N, K] as MatMulNBits stores them: [N, blocks, bytes of a block]."""
    whole: Array = np.zeros((codes.shape[0], shape[1] * block), np.uint8)
    whole[:, : codes.shape[1]] = codes
    if bits == 4:
        whole = np.bitwise_or(whole[:, ::2], whole[:, 1::2] << 4)
    return np.ascontiguousarray(whole.reshape(shape))
