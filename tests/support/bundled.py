"""The models that the `onnx` package brings for testing engines, in samples that a seed gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx

from optim.errors import OptimError
from optim.ingest.child import bring
from optim.ingest.first_run import made_up
from optim.ingest.specs import InputSpec
from optim.model.proto import MODEL_FILE, read_proto, real_inputs
from support.building import Through

_EXACT = ("simplify", "fuse_transformer")
_MAX_BYTES = 100_000_000


class Found(NamedTuple):
    """What became of a pass on a model: `kind` is right, wrong, refused, inside or unusable."""

    model: str
    recipe: str
    kind: str
    text: str = ""


def tried(name: str, path: Path, recipes: tuple[str, ...], folder: Path) -> Iterator[Found]:
    """Each recipe on one model, brought first as users bring theirs."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    try:
        bring(str(path), str(work), _MAX_BYTES, {}, [], "")
    except OptimError:
        return  # it is no model for anybody here
    model = read_proto(work / MODEL_FILE)
    feeds = [made_up([_spec(v) for v in real_inputs(model.graph)], seed) for seed in range(4)]
    for recipe in recipes:
        yield _one(name, model, recipe, work, feeds)


def _spec(value: onnx.ValueInfoProto) -> InputSpec:
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    return InputSpec(value.name, dtype, tuple(d.dim_value for d in tensor.shape.dim))


def _one(name: str, model: onnx.ModelProto, recipe: str, work: Path, feeds: list[dict]) -> Found:
    try:
        done = Through(model, recipe, work, feeds)
    except OptimError as error:
        inside = "not known here" in error.what or "broke its promise" in error.what
        return Found(name, recipe, "inside" if inside else "refused", str(error))
    except Exception as error:  # what the guard should have caught
        return Found(name, recipe, "inside", repr(error))
    if not done.modified:
        return Found(name, recipe, "right", "no change")
    try:
        agreement = done.agreement()
    except ValueError as error:  # outputs whose length depends on the data
        return Found(name, recipe, "right", f"not compared: {error}")
    limit = 0.999 if recipe in _EXACT else 0.9
    right = agreement > limit or np.isnan(agreement)  # outputs that are all zero
    return Found(name, recipe, "right" if right else "wrong", f"{agreement:.3f}")
