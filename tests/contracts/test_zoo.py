"""Every pass on small odd graphs: an answer within what it promises, or a refusal by name."""

from functools import cache
from pathlib import Path

import onnx
import pytest
from support import zoo
from support.building import Through

from optim.errors import OptimError
from optim.model.proto import copy_of, read_proto, write_proto
from optim.passes.base import all_passes
from optim.recipe import Recipe

# Operator sets between the oldest and the newest take a minute of their own.
DEEP = {f"opset_{n}" for n in zoo.BETWEEN}
KINDS = [pytest.param(k, marks=pytest.mark.deep) if k in DEEP else k for k in zoo.ZOO]
PASSES = {name: cls for name, cls in all_passes().items() if not cls.missing()}


@cache
def made(kind: str) -> onnx.ModelProto:
    return zoo.ZOO[kind]()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(PASSES))
def test_it_keeps_the_answers_or_refuses_by_name(name: str, kind: str, tmp_path: Path) -> None:
    recipe = str(Recipe.parse(name))
    try:
        done = Through(made(kind), recipe, tmp_path, zoo.samples(made(kind)))
    except OptimError as refused:
        assert refused.where == name
        assert refused.what and refused.next_step
        assert "not known here" not in refused.what, "a library's own failure is no refusal"
        return
    assert done.agreement() >= PASSES[name].tolerance
    assert done.notes


def test_weights_beside_the_model_are_read_with_it(tmp_path: Path) -> None:
    """So that no pass sees where they lay."""
    write_proto(copy_of(made("loop")), tmp_path / "model.onnx", spill_bytes=0)
    assert read_proto(tmp_path / "model.onnx") == made("loop")
