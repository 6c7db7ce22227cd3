"""Values of a model that a pass looks at, its outputs or inner ones, by ONNX Runtime."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array, Feeds
from optim.model.proto import copy_of, real_inputs, write_proto
from optim.passes.support.tools import quiet

if TYPE_CHECKING:
    import onnx


_TENSOR = re.compile(r"tensor\((\w+)\)")


def outputs_of(model: "onnx.ModelProto", samples: Iterable[Feeds]) -> Iterator[dict[str, Array]]:
    """The outputs by name, sample by sample. Raises what ONNX Runtime raises."""
    names = [value.name for value in model.graph.output]
    session = _opened(copy_of(model))
    for sample in samples:
        yield dict(zip(names, session.run(names, sample), strict=True))


def observed(
    model: "onnx.ModelProto", samples: Iterable[Feeds], names: Sequence[str]
) -> Iterator[dict[str, Array]]:
    """For each sample its inputs and these values of the main graph, as they are without fusions.

    Raises what ONNX Runtime raises.
    """
    given = {value.name for value in real_inputs(model.graph)}
    inner = [name for name in names if name not in given]
    session = _opened(_with_outputs(model, inner), "ORT_DISABLE_ALL") if inner else None
    for sample in samples:
        fed = {name: value for name, value in sample.items() if name in given}
        made = session.run(inner, fed) if session else []
        yield {**fed, **dict(zip(inner, made, strict=True))}


def record_types(model: "onnx.ModelProto") -> None:
    """Record, in place, the type and shape of each value of the main graph, by ONNX Runtime.

    It knows its own operators; its script for that (`symbolic_shape_infer`) knows some of them.
    """
    from onnx import TensorProto, helper

    made = [name for node in model.graph.node for name in node.output if name]
    session = _opened(_with_outputs(model, made), "ORT_DISABLE_ALL")
    declared = {value.name for value in model.graph.output}
    del model.graph.value_info[:]
    for value in session.get_outputs():
        if value.name not in declared and (kind := _TENSOR.fullmatch(value.type)):
            number = TensorProto.DataType.Value(kind[1].upper())
            shape = value.shape or None  # it says the same of no axes and of unknown ones
            made_of = helper.make_tensor_value_info(value.name, number, shape)
            model.graph.value_info.append(made_of)


def answers(model: "onnx.ModelProto", samples: Iterable[Feeds]) -> Array:
    """All outputs of each sample as one row of float64; what is not finite is made so."""
    runs = outputs_of(model, samples)
    rows = [np.concatenate([np.ravel(value) for value in run.values()]) for run in runs]
    return np.nan_to_num(np.array(rows, np.float64))


def _with_outputs(model: "onnx.ModelProto", names: Sequence[str]) -> "onnx.ModelProto":
    import onnx

    probe = copy_of(model)
    del probe.graph.output[:]
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return probe


def _opened(model: "onnx.ModelProto", level: str = "ORT_ENABLE_ALL") -> Any:
    """A session of a model, which is changed by it."""
    with tempfile.TemporaryDirectory() as folder:  # by path: messages end at 2 GB
        write_proto(model, path := Path(folder, "model.onnx"))
        return quiet_session(str(path), level)


def quiet_session(source: str | bytes, level: str = "ORT_DISABLE_ALL") -> Any:
    """A session on one thread that says nothing. Raises what ONNX Runtime raises.

    Args:
        source: the path of a model, or its bytes.
        level: of graph optimization, as ONNX Runtime calls it.
    """
    with quiet():
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
