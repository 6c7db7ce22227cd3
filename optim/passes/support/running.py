"""Outputs of a model that a pass looks at, by ONNX Runtime."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optim.arrays import Array, Feeds
from optim.model.proto import copy_of, write_proto
from optim.passes.support.tools import quiet

if TYPE_CHECKING:
    import onnx


def outputs_of(model: "onnx.ModelProto", samples: Sequence[Feeds]) -> Iterator[dict[str, Array]]:
    """The outputs by name, sample by sample. Raises what ONNX Runtime raises."""
    with quiet(), tempfile.TemporaryDirectory() as folder:  # by path: messages end at 2 GB
        import onnxruntime as ort

        write_proto(copy_of(model), path := Path(folder, "model.onnx"))
        options = ort.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    for sample in samples:
        yield dict(zip(names, session.run(names, sample), strict=True))
