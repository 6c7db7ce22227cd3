"""A recipe's passes on a model, prepared, guarded and checked as the build does it."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import onnx

from optim.arrays import Feeds
from optim.build.guard import guarded
from optim.build.promise import check_runs, kept
from optim.build.readying import ready, tidied
from optim.model.proto import copy_of, write_proto
from optim.passes.base import Calibration, Context
from optim.recipe import Recipe
from optim.runtimes.support.openvino_compiling import compiled
from support import pass_models


class Through:
    """What a recipe makes of a model. Raises what the build would."""

    def __init__(
        self, made: onnx.ModelProto, recipe: str, folder: Path, feeds: list[Feeds]
    ) -> None:
        self.original, self.feeds = made, feeds
        given = folder / "given.onnx"
        write_proto(copy_of(made), given)
        passes = Recipe.parse(recipe).passes
        self.model, notes = ready(given, passes, feeds[0])
        said = [*notes]
        self.modified = False
        for one in passes:
            before = self.model.SerializeToString(deterministic=True)
            with guarded(one, self.model, []):
                context = Context(calibration=Calibration(feeds))
                check = partial(check_runs, original=given, sample=feeds[0])
                outcome, doubts = kept(one, self.model, context, check)
                said += [*outcome.notes, *doubts]
            same = self.model.SerializeToString(deterministic=True) == before
            assert same, "a pass changed its input"
            self.model = tidied(outcome.model)
            self.modified |= outcome.modified
        self.notes = " ".join(said)

    def agreement(self) -> float:
        """Cosine similarity to the original's answers on ONNX Runtime."""
        expected = pass_models.outputs(self.original, self.feeds)
        return pass_models.cosine(pass_models.outputs(self.model, self.feeds), expected)

    def agreement_on_openvino(self) -> float:
        """Of OpenVINO's answers to the original's on ONNX Runtime."""
        import openvino

        core = openvino.Core()
        engine = compiled(core, core.read_model(self.model.SerializeToString()), {})
        got = np.array([np.ravel(_first(engine(dict(feeds)))) for feeds in self.feeds])
        return pass_models.cosine(got, pass_models.outputs(self.original, self.feeds))


def _first(outputs: Mapping[object, np.ndarray]) -> np.ndarray:
    return next(iter(outputs.values()))
