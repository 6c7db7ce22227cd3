"""What is said of a model when it is brought, and kept quiet of one beside it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.paths import CASES

from optim.ingest.noting import notes_of
from optim.model.randomness import random_operators
from optim.part import Circumstances
from optim.passes.base import all_passes
from optim.search.space import neighbours, starting_recipes

TRAINING = ["Dropout in training mode"]


def made(nodes, opset=13, weights=None, more_inputs=()):
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8]), *more_inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8])],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in (weights or {}).items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def dropout(*inputs, **attributes):
    return helper.make_node("Dropout", ["x", *inputs], ["y"], **attributes)


def constant(name, value):
    return helper.make_node(
        "Constant", [], [name], value=numpy_helper.from_array(np.asarray(value))
    )


HALF, YES, NO = np.float32(0.5), np.bool_(True), np.bool_(False)
FLAG = helper.make_tensor_value_info("t", TensorProto.BOOL, [])
CASES_OF_DROPOUT = {
    "mode an initializer": (made([dropout("r", "t")], weights={"r": HALF, "t": YES}), TRAINING),
    "mode a node": (made([constant("t", YES), dropout("", "t")]), TRAINING),
    "mode behind others": (
        made([constant("n", NO), helper.make_node("Not", ["n"], ["t"]), dropout("", "t")]),
        TRAINING,
    ),
    "mode an input": (
        made([dropout("", "t")], more_inputs=[FLAG]),
        ["Dropout whose training mode is computed"],
    ),
    "opset 6, by default": (made([dropout()], opset=6), TRAINING),
    "opset 6, testing": (made([dropout(is_test=1)], opset=6), []),
    "opset 10": (made([dropout()], opset=10), []),
    "no mode": (made([dropout("r")], weights={"r": HALF}), []),
    "mode off": (made([dropout("r", "t")], weights={"r": HALF, "t": NO}), []),
    "drops nothing": (made([dropout("r", "t")], weights={"r": np.float32(0), "t": YES}), []),
    "random numbers": (
        made([helper.make_node("RandomNormalLike", ["x"], ["y"])]),
        ["RandomNormalLike"],
    ),
}


@pytest.mark.parametrize("case", CASES_OF_DROPOUT)
def test_what_draws_at_random_is_found_in_every_opsets_way(case: str) -> None:
    model, expected = CASES_OF_DROPOUT[case]
    assert random_operators(model) == expected
    assert any("draws at random" in note for note in notes_of(model)) == bool(expected)


def test_dropout_that_is_still_on_is_said_of_a_real_model() -> None:
    notes = notes_of(onnx.load(CASES / "mc_dropout_model.onnx"))
    assert "Dropout in training mode draws at random" in notes[0] and "model.eval()" in notes[1]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("brought_quantized_model", "QDQ form"),
        ("brought_quantized_model_qoperator", "quantized op"),
    ],
)
def test_an_int8_model_is_called_so_and_nothing_is_tried_on_it_in_vain(name, form) -> None:
    model = onnx.load(CASES / f"{name}.onnx")
    assert any("quantized already" in note and form in note for note in notes_of(model))
    ops = {node.op_type: 1 for node in model.graph.node}
    floats_only = {name for name, part in all_passes().items() if part.floats_only}
    assert "static_int8" in floats_only and "simplify" not in floats_only
    tried = {
        part.name
        for recipe in starting_recipes(Circumstances(ops, cores=2))
        for part in recipe.parts
    }
    assert not tried & floats_only and "onnxruntime" in tried
    for recipe in starting_recipes(Circumstances(ops, cores=2)):
        near = neighbours(recipe, Circumstances(ops))
        assert not {part.name for one in near for part in one.parts} & floats_only


def test_subnormal_weights_are_counted_by_tensor_and_normal_ones_are_not() -> None:
    notes = notes_of(onnx.load(CASES / "denormals_model.onnx"))
    (found,) = [note for note in notes if "Subnormal" in note]
    assert "%" in found and "Set them to zero" in found
    usual = made([helper.make_node("Add", ["x", "w"], ["y"])], weights={"w": np.zeros(8, "f4") + 1})
    assert notes_of(usual) == []


def test_batch_normalization_in_training_mode_is_said() -> None:
    node = helper.make_node(
        "BatchNormalization", ["x", "a", "b", "c", "d"], ["y", "m", "v"], training_mode=1
    )
    model = made([node], opset=15)
    assert any("BatchNormalization nodes are in training mode" in n for n in notes_of(model))
