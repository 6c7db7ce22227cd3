"""What every pass promises. A new file in optim/passes is tested here without an edit."""

import os
import subprocess
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal, get_args, get_origin

import numpy as np
import onnx
import pytest
from support import pass_models
from support.paths import ROOT, TESTS

from optim.errors import OptimError
from optim.part import Group, parse_part
from optim.passes.base import Outcome, Pass, Stage, all_passes

pytestmark = pytest.mark.slow

EVERY = all_passes()
ASKED = os.environ.get("ENGINES", "").split()  # with their packages: see tests/engines.py
PASSES = {name: cls for name, cls in EVERY.items() if name in ASKED or not cls.missing()}
each_pass = pytest.mark.parametrize("name", list(PASSES))
each_pair = pytest.mark.parametrize(
    ("name", "model"), [(n, m) for m in pass_models.ALL for n in PASSES]
)


def test_the_first_passes_are_all_found() -> None:
    expected = "simplify fuse_transformer fp16 dynamic_int8 static_int8 weight_only magnitude_prune"
    assert set(expected.split()) <= set(PASSES)


def default(name: str) -> Pass:
    """As it comes; what takes as long as it is given gets a few steps."""
    cls = PASSES[name]
    return cls.model_validate({"steps": 60}) if cls().most_seconds else cls()


@cache
def outcome_of(name: str, model: str) -> Outcome:
    return default(name).run(pass_models.load(model), pass_models.context(model))


@cache
def original_outputs(model: str) -> np.ndarray:
    return pass_models.outputs(pass_models.load(model), held_out(model))


def held_out(model: str) -> list:
    return pass_models.feeds(model)[pass_models.CALIBRATION_SAMPLES :]


@each_pair
def test_input_is_left_alone(name: str, model: str) -> None:
    before = pass_models.load(model).SerializeToString(deterministic=True)
    outcome_of(name, model)
    assert pass_models.load(model).SerializeToString(deterministic=True) == before


@each_pair
def test_inputs_and_outputs_stay(name: str, model: str) -> None:
    before, after = pass_models.load(model), outcome_of(name, model).model
    assert _interface(before) == _interface(after)


def _interface(model: onnx.ModelProto) -> list[tuple[str, int, list[int]]]:
    values = [v for v in model.graph.input if v.name in pass_models.real_inputs(model)]
    return [
        (v.name, v.type.tensor_type.elem_type, [d.dim_value for d in v.type.tensor_type.shape.dim])
        for v in (*values, *model.graph.output)
    ]


@each_pair
def test_modified_tells_the_truth(name: str, model: str) -> None:
    before, outcome = pass_models.load(model), outcome_of(name, model)
    same = before.SerializeToString(deterministic=True) == outcome.model.SerializeToString(
        deterministic=True
    )
    assert same is not outcome.modified
    assert outcome.notes, "it must say what it did, or why nothing"
    assert all(note.endswith(".") for note in outcome.notes)


@each_pair
def test_result_is_valid_opens_and_agrees(name: str, model: str) -> None:
    outcome = outcome_of(name, model)
    onnx.checker.check_model(outcome.model)
    result = pass_models.outputs(outcome.model, held_out(model))
    assert result.shape == original_outputs(model).shape
    similarity = pass_models.cosine(result, original_outputs(model))
    assert similarity >= PASSES[name].tolerance


@each_pass
@pytest.mark.parametrize("model", ["cnn", "lstm", "branching"])
def test_same_bytes_again(name: str, model: str) -> None:
    again = default(name).run(pass_models.load(model), pass_models.context(model))
    first = outcome_of(name, model).model.SerializeToString(deterministic=True)
    assert again.model.SerializeToString(deterministic=True) == first


@pytest.mark.deep
def test_same_bytes_whatever_the_hash_seed() -> None:
    """Replaying elsewhere must give the same model bit for bit, and sets iterate at random."""
    script = TESTS / "support" / "print_digests.py"
    runs = [
        subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].splitlines()) == len(PASSES)


@pytest.mark.parametrize("name", sorted(EVERY.keys() - PASSES.keys()))
def test_what_it_lacks_is_said_in_a_sentence(name: str) -> None:
    with pytest.raises(OptimError, match="not installed") as refused:
        EVERY[name]().run(pass_models.load("cnn"), pass_models.context("cnn"))
    assert "Install it" in refused.value.next_step


@each_pass
def test_each_pass_changes_some_model(name: str) -> None:
    assert any(outcome_of(name, model).modified for model in pass_models.ALL)


@each_pass
def test_a_pass_leaves_no_trace(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No files left behind, nothing printed or logged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    PASSES[name]().run(pass_models.load("cnn"), pass_models.context("cnn"))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


@each_pass
def test_a_pass_describes_itself(name: str) -> None:
    cls = PASSES[name]
    assert cls.name == name
    assert isinstance(cls.stage, Stage)
    assert isinstance(cls.group, Group)
    assert 0 < cls.tolerance <= 1
    assert cls.title.strip() and not cls.title.endswith(".")
    for text in (cls.summary, cls.helps, cls.hurts):
        assert len(text) > 20
        assert text.endswith(".")
        assert "  " not in text


@each_pass
def test_every_setting_is_described_bounded_and_simple(name: str) -> None:
    """They become form widgets, options of the command line and rows of the documentation."""
    for key, field in PASSES[name].model_fields.items():
        assert field.description, f"{name}.{key} has no description"
        assert field.description.endswith(".")
        kind = field.annotation
        if kind in (int, float):
            assert {"ge", "le"} <= {k for m in field.metadata for k in _bounds(m)}, f"{name}.{key}"
        else:
            assert _is_simple(kind), f"{name}.{key}: {kind}"


def _bounds(metadata: object) -> list[str]:
    return [k for k in ("ge", "le") if getattr(metadata, k, None) is not None]


def _is_simple(kind: object) -> bool:
    if get_origin(kind) is tuple:
        return get_args(kind) == (str, ...)
    is_choice = isinstance(kind, type) and issubclass(kind, StrEnum)
    return kind is bool or is_choice or get_origin(kind) is Literal


@each_pass
def test_listing_is_cheap_and_default_spelling_is_the_name(name: str) -> None:
    part: Pass = PASSES[name]()
    assert part.spelling == name
    assert parse_part(name, PASSES) == part


def test_listing_loads_nothing_heavy() -> None:
    code = (
        "import sys; from optim.passes.base import all_passes; all_passes(); "
        "print(sorted({'torch', 'onnx', 'onnxruntime', 'onnxslim'} & set(sys.modules)))"
    )
    root = ROOT
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
