"""Make inputs from a model's input types, where a user has none. Reading the graph runs in a child.

Floats are standard normal, whole numbers stay inside the tables they index, masks are ones.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from optim.arrays import Array
from optim.evalset import npz, stored
from optim.evalset.casting import may_be_setting, numpy_dtype, setting
from optim.evalset.lookups import tables
from optim.evalset.unzipping import check_size
from optim.metrics.choosing import infer_metric
from optim.model import TensorSpec

_SEED = 0
_TRY_SECONDS = 1.0
_NOTE = (
    "The inputs were synthesized from the model's input types, so quality is only fidelity to the "
    "original, not accuracy."
)


def convert(path: str, inputs: list[dict[str, Any]], samples: int, max_mb: int, out: str) -> None:
    """Child: synthesize `samples` samples for the model at `path` and store them at `out`."""
    specs = npz.as_specs(inputs)
    sizes = [numpy_dtype(s).itemsize * int(np.prod(s.shape, dtype=np.int64)) for s in specs]
    check_size(samples * sum(sizes), max_mb)
    graph = onnx.load(path, load_external_data=False).graph
    random = np.random.default_rng(_SEED)
    values = {spec.name: _values(spec, samples, graph, random) for spec in specs}
    odd = [spec for spec in specs if _of_unknown_use(spec, graph)]
    for whole in (1, 0) if odd else ():
        if _all_run(path, values, samples):
            break
        values |= {spec.name: _one_for_all(spec, samples, whole) for spec in odd}
    metric = infer_metric(None, ()).name
    contents = stored.Contents(values, metric, synthetic=True, notes=(_NOTE,))
    stored.write(contents, Path(out))


def _values(
    spec: TensorSpec, samples: int, graph: onnx.GraphProto, random: np.random.Generator
) -> Array:
    shape, dtype = (samples, *spec.shape), numpy_dtype(spec)
    table = min((table.rows for table in tables(spec.name, graph)), default=0)
    if dtype.kind == "f" and not table:
        return random.standard_normal(shape).astype(dtype)
    if "mask" in spec.name.lower():
        return np.ones(shape, dtype)
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    most = 2**11 if dtype.kind == "f" else np.iinfo(dtype).max  # a float16 counts so far
    if table:
        return random.integers(0, min(table, most), shape).astype(dtype)
    limits = np.iinfo(dtype)
    if dtype.itemsize == 1:
        return random.integers(limits.min, limits.max, shape, endpoint=True, dtype=dtype)
    return random.integers(0, 2, shape).astype(dtype)


def _of_unknown_use(spec: TensorSpec, graph: onnx.GraphProto) -> bool:
    """Whether an input may be a size, an axis or a ratio, of which a model takes few values."""
    if numpy_dtype(spec).kind in "iu":
        return "mask" not in spec.name.lower() and not any(tables(spec.name, graph))
    return may_be_setting(spec.dtype, spec.shape)


def _all_run(path: str, values: Mapping[str, Array], samples: int) -> bool:
    """Whether the model takes the samples, as many as are tried in a second or so."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    until = time.monotonic() + _TRY_SECONDS
    try:
        for place in range(samples):
            session.run(None, {name: array[place] for name, array in values.items()})
            if time.monotonic() > until:
                break
    except Exception:  # its exceptions share no base class
        return False
    return True


def _one_for_all(spec: TensorSpec, samples: int, whole: int) -> Array:
    """One value that most models take, for every sample."""
    return np.repeat(setting(spec.dtype, spec.shape, whole)[None], samples, axis=0)
