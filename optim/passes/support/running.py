"""Outputs of a model that a pass looks at, by ONNX Runtime."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from optim.arrays import Array, Feeds
from optim.passes.support.tools import quiet

if TYPE_CHECKING:
    import onnx


def outputs_of(model: "onnx.ModelProto", samples: Sequence[Feeds]) -> Iterator[dict[str, Array]]:
    """The outputs by name, sample by sample. Raises what ONNX Runtime raises."""
    with quiet():
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    names = [value.name for value in session.get_outputs()]
    for sample in samples:
        yield dict(zip(names, session.run(names, sample), strict=True))
