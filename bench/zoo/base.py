"""What every model of the zoo is: a name, and how its ONNX file and its EvalSet are made, once."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np

from bench.procedure import Subject, subjects
from optim.arrays import Array
from optim.errors import InputError
from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.ingest.samples import list_samples

SEED = 0
_MODEL, _EVALSET = "model.onnx", "evalset.npz"


@dataclass(frozen=True)
class Entry:
    """A model of the zoo.

    `make` gets the cache's folder (for data that several models use) and an empty folder, in which
    it writes the model (`model_file`) and the EvalSet (`write_evalset`). `summary` says what the
    model is and what its EvalSet is made of.
    """

    name: str
    summary: str
    make: Callable[[Path, Path], None]


def entries() -> dict[str, Entry]:
    """Every model of the zoo by name."""
    package = Path(__file__).parent
    modules = (import_module(f"bench.zoo.{one.name}") for one in iter_modules([str(package)]))
    found = [module.ENTRY for module in modules if hasattr(module, "ENTRY")]
    return {entry.name: entry for entry in sorted(found, key=lambda one: one.name)}


def made(name: str, cache: Path) -> Path:
    """The folder of the model `name`, which is made, seeded, unless it is there already.

    Raises InputError where the zoo has none of this name.
    """
    folder, partial = cache / "models" / name, cache / "models" / f"{name}.partial"
    if not folder.exists():
        entry = entries().get(name)
        if entry is None:
            there = f"It has {', '.join(entries())}."
            raise InputError(f"The zoo has no {name!r}.", there, "model")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _seed()
        entry.make(cache, partial)
        partial.rename(folder)
    return folder


def subject(name: str, cache: Path) -> Subject:
    """The sample or model of the zoo of this name, brought as a user brings it."""
    if name in {sample.name for sample in list_samples()}:
        return next(subjects([name]))
    folder = made(name, cache)
    model = ingest(model_file(folder), name=name, evalset=folder / _EVALSET)
    return Subject(name, model, load_evalset(folder / _EVALSET, model))


def model_file(folder: Path) -> Path:
    """Where a model's ONNX file lies."""
    return folder / _MODEL


def write_evalset(
    folder: Path,
    inputs: dict[str, Array],
    calibration: int,
    labels: Array | None = None,
    metric: str = "",
) -> None:
    """Write an EvalSet whose first `calibration` samples are for calibration alone.

    Args:
        inputs: array of [samples, ...] by the input's name.
        labels: [samples, ...]; none where the original's answers are the reference.
        metric: its name; empty where the product is to infer it.
    """
    count = len(next(iter(inputs.values())))
    more = {} if labels is None else {"labels": labels}
    more |= {"metric": np.array(metric)} if metric else {}
    mask = np.arange(count) < calibration
    np.savez_compressed(folder / _EVALSET, calibration=mask, **more, **inputs)  # type: ignore[arg-type]


def _seed() -> None:
    import torch

    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # others work beside it
