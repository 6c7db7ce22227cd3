"""Values inside of a graph on samples, each graph run as it is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optim.arrays import Array
from optim.model.proto import write_proto

if TYPE_CHECKING:
    import onnx


def read_out(
    proto: "onnx.ModelProto",
    names: Sequence[str],
    feeds: Sequence[Mapping[str, Array]],
    folder: Path,
) -> dict[str, list[Array]]:
    """Each named value, sample by sample; inputs and inner ones alike.

    Adds to the outputs of `proto`. Raises what the engine raises for a graph that it cannot run.
    """
    import onnxruntime as ort
    from onnx import ValueInfoProto

    inner = [name for name in names if not feeds or name not in feeds[0]]
    given = {value.name for value in proto.graph.output}
    proto.graph.output.extend(ValueInfoProto(name=name) for name in inner if name not in given)
    write_proto(proto, folder / "read_out.onnx")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(folder / "read_out.onnx", options, ["CPUExecutionProvider"])
    found: dict[str, list[Array]] = {name: [] for name in names}
    for sample in feeds:
        values = dict(zip(inner, session.run(inner, dict(sample)), strict=True))
        for name in names:
            found[name].append(sample[name] if name in sample else values[name])
    return found
