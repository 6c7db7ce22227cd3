"""Whether a model bound to one sample also takes many: tried in a child, not guessed."""

from pathlib import Path

import numpy as np

from optim import sandbox
from optim.bundles.deployment import Deployed
from optim.errors import OptimError
from optim.model.proto import DATA_FILE, MODEL_FILE

_ROWS = 3
_SAME = 1e-3
"""Of an output's range: what rounding in another order may make of it."""


def free_axis(of: Deployed, folder: Path) -> bool:
    """Write the model with a free first axis to `folder`; False, and nothing is written, where it

    answers rows together otherwise than alone, or cannot be bound so.
    """
    given = {"path": str(of.path), "example": str(of.example), "out": str(folder)}
    readable = (of.path.parent, of.example.parent)
    try:
        same = sandbox.call(
            write_and_compare,
            given,
            where="export",
            files=sandbox.Files(readable=readable, writable=(folder,)),
        )
    except OptimError:
        same = False
    if same is not True:
        for name in (MODEL_FILE, DATA_FILE):
            (folder / name).unlink(missing_ok=True)
    return same is True


def write_and_compare(path: str, example: str, out: str) -> bool:
    """Child function: whether each of some rows is answered together as it is alone."""
    import onnxruntime as ort

    from optim.model.rebinding import write_free

    written = Path(out, MODEL_FILE)
    write_free(Path(path), written)
    bound, free = (
        ort.InferenceSession(file, providers=["CPUExecutionProvider"]) for file in (path, written)
    )
    with np.load(example, allow_pickle=False) as arrays:
        one = {spec.name: arrays[spec.name] for spec in bound.get_inputs()}
    rng = np.random.default_rng(0)
    rows = [{name: _varied(value, rng) for name, value in one.items()} for _ in range(_ROWS)]
    alone = [bound.run(None, row) for row in rows]
    together = free.run(None, {name: np.concatenate([row[name] for row in rows]) for name in one})
    return all(
        _same(np.concatenate(a), t) for a, t in zip(zip(*alone, strict=True), together, strict=True)
    )


def _varied(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another sample: numbers shaken; whole numbers, which may be indices, as they are."""
    if value.dtype.kind != "f":
        return value
    return (value * rng.uniform(0.5, 1.5, value.shape)).astype(value.dtype)


def _same(alone: np.ndarray, together: np.ndarray) -> bool:
    if alone.shape != together.shape:
        return False
    spread = float(np.ptp(alone.astype(np.float64))) or 1.0
    return float(np.abs(alone.astype(np.float64) - together).max()) <= _SAME * spread
