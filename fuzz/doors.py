"""The doors a file comes in by: what opens it, what a sound one is, and how it is spoiled."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fuzz import annotated, mutations
from fuzz.sound import sound_files
from optim.bundles.replay import replay
from optim.evalset import Preprocessing, load_evalset, load_image_folder
from optim.ingest import ingest, questions
from optim.model import Model
from optim.reading import from_json
from optim.recipe import Recipe
from optim.sharing.recipes import recipes_in
from optim.sharing.taking_in import take_in


@dataclass(frozen=True)
class Door:
    """A kind of file, and what the program does with one. `opened` raises what a person is told."""

    name: str
    file: str
    """Of the sound files, the one that is spoiled; its suffix is kept."""
    opened: Callable[[Path], object]
    ways: tuple[mutations.Mutation, ...]
    weight: int = 4
    """How often it is tried, against the others."""

    def spoiled(self, seed: int, number: int) -> bytes:
        """The file of this case: the same for the same seed, door and number."""
        chance = random.Random(f"{seed}:{self.name}:{number}")
        sound = sound_files()[self.file].read_bytes()
        data = chance.choice(self.ways)(sound, chance)
        return data if data != sound else mutations.flipped(sound, chance)


def _model(path: Path) -> None:
    questions(path)
    ingest(path)


def _scripted(path: Path) -> None:
    questions(path)
    ingest(path, input_specs=["x:float32[1,4]"])


@cache
def _classifier() -> Model:
    return ingest(sound_files()["model.onnx"])


@cache
def _seeing() -> Model:
    return ingest(sound_files()["pictures.onnx"])


def _pictures(path: Path, model: Model | None = None) -> None:
    model = model or _seeing()
    load_image_folder(path, model, Preprocessing.suggested(model))


@cache
def _answering(name: str) -> Model:
    return ingest(sound_files()[name])


def _of_annotated(file: str, model: str) -> Door:
    """A zip of pictures with masks or boxes."""
    name = file.removesuffix(".zip").replace("_", " ")
    return Door(name, file, lambda path: _pictures(path, _answering(model)), _ARCHIVE, 2)


def _json(path: Path) -> None:
    value = from_json(path.read_bytes())
    Recipe.from_stored(value)


_ARCHIVE = (*mutations.BYTES, *[mutations.member_changed] * 6)
DOORS = (
    Door("onnx", "model.onnx", _model, (*mutations.BYTES, *[mutations.fields_changed] * 8), 10),
    Door("onnx in a zip", "model.zip", _model, _ARCHIVE),
    Door("TorchScript", "scripted.pt", _scripted, _ARCHIVE),
    Door("pt2", "exported.pt2", _model, _ARCHIVE),
    Door("npz", "evalset.npz", lambda path: load_evalset(path, _classifier()), _ARCHIVE),
    Door(
        "table",
        "table.csv",
        lambda path: load_evalset(path, _classifier()),
        (*mutations.BYTES, *[mutations.reworded] * 8),
    ),
    Door("zip of images", "pictures.zip", _pictures, _ARCHIVE),
    *(_of_annotated(file, model) for file, (model, _) in annotated.ZIPS.items()),
    Door("bundle", "bundle.zip", replay, (*_ARCHIVE, *[mutations.forged] * 30), 2),
    Door(
        "recipe.yaml",
        "recipe.yaml",
        lambda path: Recipe.from_yaml(path.read_text(errors="replace")),
        (*mutations.BYTES, *[mutations.reworded] * 8),
        2,
    ),
    Door("study file", "study.zip", take_in, _ARCHIVE),
    Door(
        "recipes",
        "recipes.txt",
        lambda path: recipes_in(path.read_bytes()),
        (*mutations.BYTES, *[mutations.reworded] * 8),
        2,
    ),
    Door("recipe.json", "recipe.json", _json, (*mutations.BYTES, *[mutations.reworded] * 8), 2),
)
