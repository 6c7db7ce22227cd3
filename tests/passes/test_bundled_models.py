"""Every pass over what the `onnx` package brings: right, or refused by name."""

from collections import Counter
from pathlib import Path

import pytest
from support.bundled import tried

from fuzz.bundled import generated, stored

RECIPES = ("simplify", "static_int8", "dynamic_int8", "weight_only", "fp16", "fuse_transformer")
STORED, GENERATED = 12, 12
SEED = 8


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("test_ReplicationPad2d", "structured_prune"),  # pads as an attribute
        ("test_operator_mm", "simplify"),  # an old file, whose stored values all were inputs
        ("test_sequence_model5", "fold_constants"),  # written as a later opset has it
        ("test_sequence_model5", "freeze_shapes"),
        ("test_expand_shape_model1", "raise_opset"),  # an input that is a size: not any will do
        ("test_PReLU_1d_multiparam", "simplify"),  # slopes along the channels, before opset 7
    ],
)
def test_models_that_failed_inside(name: str, recipe: str, tmp_path: Path) -> None:
    (found,) = tried(name, dict(stored(SEED, 1000))[name], (recipe,), tmp_path)
    assert found.kind == "right", found


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("test_scatternd_min", "fp16"),  # one operator has no kernel in 16 bits
        ("test_causal_conv_with_state_silu_fp16_expanded", "fuse_activations"),  # nor has Swish
    ],
)
def test_what_does_not_run_in_its_new_form_is_left_alone(
    name: str, recipe: str, tmp_path: Path
) -> None:
    (found,) = tried(name, _generated(name, tmp_path), (recipe,), tmp_path)
    assert found.kind == "right", found


def _generated(name: str, folder: Path) -> Path:
    return dict(generated(SEED, 10_000, folder))[name]


@pytest.mark.slow
@pytest.mark.parametrize("source", ["stored", pytest.param("generated", marks=pytest.mark.deep)])
def test_no_pass_fails_inside_of_its_library(source: str, tmp_path: Path) -> None:
    sample = stored(SEED, STORED) if source == "stored" else generated(SEED, GENERATED, tmp_path)
    found = [one for name, path in sample for one in tried(name, path, RECIPES, tmp_path)]
    bad = [one for one in found if one.kind in ("inside", "wrong")]
    assert not bad, "\n".join(map(str, bad))
    assert Counter(one.kind for one in found)["right"] > len(found) / 2
