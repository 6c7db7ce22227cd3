"""The models that the `onnx` package brings for testing engines, through every pass and engine.

Each goes the way that a person's goes: brought, given inputs, built, judged, all in children.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import onnx

from fuzz.journal import Journal
from optim.build import built
from optim.errors import InputError, OptimError
from optim.evalset import EvalSet, synthesize
from optim.ingest import ingest
from optim.judging.quality import quality_of
from optim.model import Model
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.running.warming import warm
from optim.runtimes.base import BASELINE_RUNTIME, all_runtimes
from optim.sandbox import wait_until_warm

DATA = Path(onnx.__file__).parent / "backend/test/data"
_SAMPLES = 8
FOLDERS = ("simple", "pytorch-converted", "pytorch-operator")  # `light` has nets of 500 MB
_LEFT_OUT = ("nncf_int8", "recover", "true_length", "inductor", "torch")
"""They take up to minutes for each model: they train, compile or search."""

Outcome = Literal["right", "far off, and said", "refused", "wrong"]


@dataclass(frozen=True)
class Found:
    """What became of a recipe on a model; `said` is the sentence of a refusal or what is wrong."""

    model: str
    recipe: str
    outcome: Outcome
    said: str = ""

    def __str__(self) -> str:
        return f"{self.model}, {self.recipe}: {self.said}"


def stored(seed: int, count: int) -> list[tuple[str, Path]]:
    """A seeded sample of the models that lie in the package as files."""
    paths = [p for name in FOLDERS for p in sorted((DATA / name).glob("*/model.onnx"))]
    chosen = random.Random(seed).sample(paths, min(count, len(paths)))
    return [(path.parent.name, path) for path in chosen]


def generated(seed: int, count: int, folder: Path) -> Iterator[tuple[str, Path]]:
    """A seeded sample of the models of the package's node tests, written into the folder."""
    from onnx.backend.test.case.node import collect_testcases

    cases = sorted(collect_testcases(), key=lambda case: case.name)
    for case in random.Random(seed).sample(cases, min(count, len(cases))):
        path = folder / f"{case.name}.onnx"
        path.write_bytes(case.model.SerializeToString())
        yield case.name, path


def recipes() -> list[str]:
    """Every pass as it comes, and every engine that is installed."""
    passes = [
        name
        for name, kind in all_passes().items()
        if name not in _LEFT_OUT and not kind.requirements and not kind.missing()
    ]
    engines = [
        name
        for name, kind in all_runtimes().items()
        if name not in (BASELINE_RUNTIME, *_LEFT_OUT)
        and not kind.requirements
        and not kind.missing()
    ]
    return [*(f"{name} + {BASELINE_RUNTIME}" for name in passes), *engines]


def swept(seed: int, count: int, seconds: float, folder: Path, journal: Journal) -> list[Found]:
    """Every recipe on `count` stored and `count` generated models, or as many as time allows.

    What the journal has is not tried again.
    """
    warm()
    wait_until_warm()
    until, found = time.monotonic() + seconds, list[Found]()
    pairs = zip_longest(stored(seed, count), generated(seed, count, folder))
    for name, path in (one for pair in pairs for one in pair if one):
        records = journal.records(name, partial(tried, name, path), until)
        found += [Found(**record) for record in records]
    return found


def tried(name: str, path: Path) -> list[Found]:
    """Each recipe on one model."""
    try:
        model = ingest(path, name=name)
        evalset = synthesize(model, _SAMPLES)
    except InputError as error:
        return [Found(name, "brought", _kind(error), str(error))]
    except Exception as error:  # what a person would see as a traceback
        return [Found(name, "brought", "wrong", repr(error))]
    return [_one(name, model, evalset, Recipe.parse(recipe)) for recipe in recipes()]


def _one(name: str, model: Model, evalset: EvalSet, recipe: Recipe) -> Found:
    try:
        made = built(model, recipe, evalset).model
        quality = quality_of(made, model, recipe, evalset)
    except OptimError as error:
        return Found(name, recipe.spelling, _kind(error), str(error))
    except Exception as error:  # what a person would see as a traceback
        return Found(name, recipe.spelling, "wrong", repr(error))
    if not quality.sound:
        return Found(name, recipe.spelling, "far off, and said", quality.verdict)
    return Found(name, recipe.spelling, "right")


def _kind(error: OptimError) -> Outcome:
    """A refusal names what it is; a promise that was broken or an unknown failure does not."""
    wrong = ("does not know (", "broke its promise", "took longer than the limit")
    return "wrong" if any(words in error.what for words in wrong) else "refused"
