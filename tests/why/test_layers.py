"""Layer by layer: tensors matched by what they are, the node where the error jumps, each output."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from support.outliers import RUINED, write_outlier_mlp
from support.pass_models import Weights, model

from optim.build import built
from optim.errors import Cancelled
from optim.evalset import EvalSet, load_evalset
from optim.ingest import ingest
from optim.model import Model
from optim.recipe import Recipe, excluding
from optim.why.layers import (
    CLEAR_DB,
    EXACT_DB,
    JUMP_DB,
    Layers,
    TensorError,
    decibels,
    first_jump,
    jump_told,
    layers,
    leading_to,
    outputs_among,
    told,
    worst_of,
)
from optim.why.leaving_out import leaving_out, rounded_by


def of(recipe: str, original: Model, evalset: EvalSet) -> Layers:
    chosen = Recipe.parse(recipe)
    return layers(original, built(original, chosen, evalset).model, chosen.runtime, evalset)


INT8 = Recipe.parse("static_int8")


def by_tensor(found: Layers) -> dict[str, TensorError]:
    return {error.tensor: error for error in found.errors}


@pytest.fixture
def outlier(home: Path, tmp_path: Path) -> tuple[Model, EvalSet]:
    model_path, evalset_path = write_outlier_mlp(tmp_path)
    original = ingest(model_path)
    return original, load_evalset(evalset_path, original)


def test_the_error_jumps_at_the_node_that_int8_ruins(outlier: tuple[Model, EvalSet]) -> None:
    found = of("static_int8", *outlier)
    jump = first_jump(found.errors)
    assert jump and jump.tensor == "second_out"  # which is rounded for the node that is ruined
    mended = leaving_out(INT8, jump.tensor, rounded_by(outlier[0], INT8, outlier[1]))
    assert mended == Recipe.parse(f"static_int8:exclude={RUINED}")
    order = [error.node for error in found.errors]
    assert order == [node for node in ORDER if node in order]  # the original's
    assert 0 < found.samples <= 16
    (output,) = outputs_among(found.errors)
    assert output.tensor == "y" and output.sqnr_db is not None and output.sqnr_db < CLEAR_DB


ORDER = (
    *("first", "first_relu", "second", "second_relu"),
    *("third", "third_relu", "last"),
)


def test_a_relu_that_rounding_does_is_compared_behind_it(outlier: tuple[Model, EvalSet]) -> None:
    found = of("static_int8", *outlier)
    assert (by_tensor(found)["first_out"].sqnr_db or 0) > 25  # before the Relu: a few dB


def test_without_the_ruined_node_the_error_does_not_jump(outlier: tuple[Model, EvalSet]) -> None:
    found = of(f"static_int8:exclude={RUINED}", *outlier)
    jump = first_jump(found.errors)
    assert jump is None or jump.tensor != "second_out"


def test_a_dynamic_product_is_left_out_by_itself(outlier: tuple[Model, EvalSet]) -> None:
    recipe = Recipe.parse("dynamic_int8")
    jump = first_jump(of("dynamic_int8", *outlier).errors)
    assert jump and (jump.tensor, jump.node) == ("third_sum", RUINED)
    rounded = rounded_by(outlier[0], recipe, outlier[1])
    assert leaving_out(recipe, jump.tensor, rounded) == excluding(recipe, [RUINED])
    assert leaving_out(recipe, "first_out", rounded) is None


def test_a_recipe_that_rounds_nothing_leaves_nothing_out(outlier: tuple[Model, EvalSet]) -> None:
    assert rounded_by(outlier[0], Recipe.parse("fp16"), outlier[1]).by == {}


@pytest.mark.parametrize("recipe", ["onnxruntime", "simplify", "openvino", "fp16"])
def test_what_keeps_the_quality_has_no_jump(recipe: str, outlier: tuple[Model, EvalSet]) -> None:
    found = of(recipe, *outlier)
    assert len(found.errors) == len(ORDER) and not found.fused_away and not found.notes
    assert first_jump(found.errors) is None
    least = {"onnxruntime": EXACT_DB, "simplify": EXACT_DB, "openvino": 100, "fp16": 50}[recipe]
    assert all((error.sqnr_db or 0) >= least for error in found.errors)


def test_each_output_has_its_own_way_and_classes_are_not_compared(
    home: Path, tmp_path: Path
) -> None:
    w = Weights(5)
    random = np.random.default_rng(5)
    w.constant("wa", random.standard_normal((16, 8)).astype(np.float32))
    w.constant("wb", random.standard_normal((16, 8)).astype(np.float32))
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "wa"], ["a"], name="left"),
        node("MatMul", ["x", "wb"], ["b"], name="right"),
        node("ArgMax", ["b"], ["class"], name="decide", axis=1, keepdims=0),
    ]
    proto = model(nodes, w, {"x": (1, 16)}, {"a": (1, 8), "b": (1, 8)})
    proto.graph.output.append(helper.make_tensor_value_info("class", onnx.TensorProto.INT64, [1]))
    onnx.save(proto, tmp_path / "two.onnx")
    inputs = random.standard_normal((40, 16)).astype(np.float32)
    np.savez(tmp_path / "two.npz", x=inputs)
    original = ingest(tmp_path / "two.onnx")
    found = of("dynamic_int8", original, load_evalset(tmp_path / "two.npz", original))
    there = by_tensor(found)
    assert there["class"].sqnr_db is None and there["class"].is_output
    assert there["b"].leads_to == ("b", "class") and there["a"].leads_to == ("a",)
    assert [error.tensor for error in leading_to(found.errors, "class")] == ["b", "class"]
    assert 20 < (there["a"].sqnr_db or 0) < 60


def test_it_is_kept_and_can_be_cancelled(
    outlier: tuple[Model, EvalSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, evalset = outlier
    runtime = Recipe.baseline().runtime
    with pytest.raises(Cancelled):
        layers(original, original, runtime, evalset, cancelled=lambda: True)
    first = layers(original, original, runtime, evalset)
    monkeypatch.setattr("optim.sandbox.call", None)
    assert layers(original, original, runtime, evalset) == first


def made(*sqnrs: float | None) -> list[TensorError]:
    return [
        TensorError(tensor=f"t{i}", node=f"n{i}", op="Conv", sqnr_db=sqnr, is_output=False)
        for i, sqnr in enumerate(sqnrs)
    ]


@pytest.mark.parametrize(
    ("sqnrs", "at"),
    [
        ((200, 70, 60, 65), None),  # 16 bits
        ((200, 35, 33, 28, 26), None),  # 8 bits, growing slowly
        ((200, 35, None, 12, 11, 10), 3),
        ((8, 3), 0),
        ((35, 45, 19.9), 2),
        ((35, 45, 20.1), None),
        ((), None),
    ],
)
def test_where_it_jumps(sqnrs: tuple[float | None, ...], at: int | None) -> None:
    jump = first_jump(made(*sqnrs))
    assert (jump.tensor if jump else None) == (None if at is None else f"t{at}")


def test_the_worst_is_what_has_the_least_of_signal() -> None:
    errors = made(90.0, None, 29.9, 38.6)
    assert worst_of(errors) is errors[2] and worst_of(errors[1:2]) is None


def test_it_is_told() -> None:
    errors = made(EXACT_DB, 30.0, None, 5.0)
    jumped = "The error jumps first at n3: from 30.0 dB to 5.0 dB."
    assert jump_told(errors, errors[3]) == jumped
    assert "least is 30.0 dB, at n1" in jump_told(errors[:2], None)
    assert [decibels(one) for one in errors[::2]] == ["no difference", "not comparable"]
    last = errors[3].model_copy(update={"is_output": True, "leads_to": ("t3",)})
    behind = [one.model_copy(update={"leads_to": ("t3",)}) for one in errors[:3]]
    whole = Layers(errors=(*behind, last), fused_away=(), samples=7, notes=("A note.",))
    assert told(whole).splitlines() == [
        f"t3: 5.0 dB. {jumped}",
        "On 7 validation samples.",
        "A note.",
    ]


@given(st.lists(st.floats(-50, EXACT_DB), max_size=30))
def test_nothing_before_the_jump_is_near_it(sqnrs: list[float]) -> None:
    errors = made(*sqnrs)
    jump = first_jump(errors)
    before = errors[: errors.index(jump)] if jump else errors
    if jump:
        assert min([CLEAR_DB, *(e.sqnr_db or 0 for e in before)]) - (jump.sqnr_db or 0) >= JUMP_DB
    assert first_jump(before) is None
