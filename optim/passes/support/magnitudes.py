"""How large the values inside a network get on calibration samples.

A CPU without half-precision arithmetic computes a "16-bit" network in 32 bits, so an overflow that
hardware with such arithmetic would suffer shows nowhere here. What the values reach in 32 bits
tells.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array, Feeds
from optim.model.proto import copy_of, real_inputs
from optim.passes.support.tools import quiet

if TYPE_CHECKING:
    import onnx

_MOST_SAMPLES = 16


def values_beyond(
    model: "onnx.ModelProto", feeds: Sequence[Feeds], limit: float
) -> dict[str, float]:
    """The float values of the main graph, inputs too, that leave +-`limit`: name -> how large.

    Infinities are left out: every float type has them, and masks use them. Empty where ONNX
    Runtime cannot run the graph as it is written.
    """
    largest: dict[str, float] = {}
    with suppress(Exception):  # an engine's, of no particular type; its own run will tell
        names = [name for node in model.graph.node for name in node.output if name]
        for values in observed(model, feeds[:_MOST_SAMPLES], names):
            for name, value in values.items():
                largest[name] = max(largest.get(name, 0.0), _magnitude(value))
    return {name: size for name, size in largest.items() if size > limit}


def nodes_touching(model: "onnx.ModelProto", values: dict[str, float]) -> list[str]:
    """Names of the nodes that read or write one of the values, in the graph's order."""
    nodes = model.graph.node
    return [node.name for node in nodes if values.keys() & {*node.input, *node.output}]


def observed(
    model: "onnx.ModelProto", feeds: Iterable[Feeds], names: Sequence[str]
) -> Iterator[dict[str, Array]]:
    """For each sample its inputs and these values of the main graph, as ONNX Runtime has them."""
    given = {value.name for value in real_inputs(model.graph)}
    inner = [name for name in names if name not in given]
    session = _opened(model, inner) if inner else None
    for sample in feeds:
        fed = {name: value for name, value in sample.items() if name in given}
        made = session.run(inner, fed) if session else []
        yield {**fed, **dict(zip(inner, made, strict=True))}


def answers(model: "onnx.ModelProto", feeds: Sequence[Feeds]) -> Array:
    """All outputs of each sample as one row of float64; what is not finite is made so."""
    names = [value.name for value in model.graph.output]
    runs = observed(model, feeds, names)
    rows = [np.concatenate([np.ravel(run[name]) for name in names]) for run in runs]
    return np.nan_to_num(np.array(rows, np.float64))


def _opened(model: "onnx.ModelProto", names: Sequence[str]) -> Any:
    """A session that gives these values of the main graph."""
    import onnx

    with quiet():
        import onnxruntime as ort

        probe = copy_of(model)
        del probe.graph.output[:]
        probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        made = probe.SerializeToString()
        return ort.InferenceSession(made, options, providers=["CPUExecutionProvider"])


def _magnitude(value: Array) -> float:
    """The largest finite absolute value of a float array; 0 of anything else."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return 0.0
    finite = value[np.isfinite(value)]
    return float(np.abs(finite).max(initial=0.0))
