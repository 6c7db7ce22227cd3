"""Kinds of graphs that the libraries behind passes get wrong, through the build's own steps."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import kinds, pass_models
from support.building import Through
from support.paths import TESTS

from optim.build.readying import ready
from optim.errors import InputError
from optim.model.proto import copy_of, opset_of, read_proto, write_proto
from optim.model.sparse import make_dense
from optim.passes.support.tools import count_ops
from optim.recipe import Recipe

pytestmark = pytest.mark.slow

QUANTIZING = ("static_int8", "dynamic_int8:op_types=Conv|MatMul", "weight_only:bits=8")
OTHERS = ("simplify", "fp16", "magnitude_prune:sparsity=0.02", "fuse_transformer")
CASES = sorted((TESTS / "cases").glob("graph_*.onnx"))

each_kind = pytest.mark.parametrize("kind", list(kinds.KINDS))


def through(made: onnx.ModelProto, recipe: str, folder: Path) -> Through:
    return Through(made, recipe, folder, kinds.samples(made))


@each_kind
@pytest.mark.parametrize("recipe", QUANTIZING)
def test_quantizing_keeps_the_answers_of_every_kind(kind: str, recipe: str, tmp_path: Path) -> None:
    done = through(kinds.KINDS[kind](), recipe, tmp_path)
    assert done.agreement() >= 0.99
    assert "failed" not in done.notes


@each_kind
@pytest.mark.parametrize("recipe", OTHERS)
def test_other_passes_keep_them_too(kind: str, recipe: str, tmp_path: Path) -> None:
    assert through(kinds.KINDS[kind](), recipe, tmp_path).agreement() >= 0.999


@pytest.mark.parametrize("recipe", ["simplify + static_int8", "static_int8:per_channel=false"])
@pytest.mark.parametrize("kind", ["row", "column", "added row", "mixed", "clashing", "old"])
def test_after_another_pass_and_per_tensor(kind: str, recipe: str, tmp_path: Path) -> None:
    assert through(kinds.KINDS[kind](), recipe, tmp_path).agreement() >= 0.99


@pytest.mark.parametrize(
    "kind", ["row", "matrix", "alpha and beta", "grouped transposed", "sparse", "mixed"]
)
def test_openvino_gives_the_same_answers(kind: str, tmp_path: Path) -> None:
    assert through(kinds.KINDS[kind](), "static_int8", tmp_path).agreement_on_openvino() >= 0.99


@pytest.mark.parametrize("kind", ["row", "scalar", "one by one", "alpha and beta", "added row"])
def test_such_products_are_really_quantized(kind: str, tmp_path: Path) -> None:
    done = through(kinds.KINDS[kind](), "static_int8", tmp_path)
    assert "2 of 2 Gemm nodes were quantized." in done.notes
    weighed = through(kinds.KINDS[kind](), "weight_only:bits=8", tmp_path)
    assert count_ops(weighed.model)["MatMulNBits"] == 2


@pytest.mark.parametrize("recipe", QUANTIZING)
def test_a_weight_that_is_read_turned_round_is_quantized_too(recipe: str, tmp_path: Path) -> None:
    done = through(kinds.tied(), recipe, tmp_path)
    assert "2 of 2 MatMul nodes were quantized" in done.notes


@pytest.mark.parametrize("recipe", QUANTIZING)
def test_einsum_by_a_weight_is_a_product_and_the_others_are_counted(
    recipe: str, tmp_path: Path
) -> None:
    done = through(kinds.einsums(), recipe, tmp_path)
    assert "5 Einsum nodes with constant weights were written as MatMul" in done.notes
    assert "5 of 5 MatMul nodes were quantized." in done.notes
    assert "0 of 3 Einsum nodes were quantized" in done.notes
    assert "since the quantizer does not know their form: mixed_einsum" in done.notes
    assert "for want of constant weights: scores_einsum, context_einsum" in done.notes


def test_nodes_inside_of_branches_and_without_weights_are_counted(tmp_path: Path) -> None:
    done = through(kinds.looping(), "weight_only", tmp_path)
    said = (
        "1 of 3 MatMul nodes were quantized; left in float for want of constant weights: scores; "
        "left in float inside of a loop or branch: 1."
    )
    assert said in done.notes


def test_a_grouped_transposed_convolution_says_how_it_is_quantized(tmp_path: Path) -> None:
    done = through(kinds.grouped_transposed(), "static_int8", tmp_path)
    assert "1 of 1 ConvTranspose nodes were quantized." in done.notes
    assert "One scale for the whole weight" in done.notes
    assert done.notes.count(": up.") == 1


@pytest.mark.parametrize("recipe", ["simplify", "static_int8", "fold_constants"])
def test_a_small_formula_stays_one(recipe: str, tmp_path: Path) -> None:
    done = through(kinds.folding(), recipe, tmp_path)
    assert done.model.ByteSize() < 100_000
    assert "No node depends on constants alone" not in done.notes
    assert "Left unfolded" in done.notes and "expand" in done.notes
    large = through(kinds.folding(), "simplify:max_folded_kb=100000", tmp_path)
    assert large.model.ByteSize() > 10_000_000
    assert "Folding made the weights grow" in large.notes


def test_the_opset_is_raised_once_and_only_where_a_pass_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "old.onnx"
    write_proto(kinds.old(), path)
    pruning = Recipe.parse("magnitude_prune").passes
    assert opset_of(ready(path, pruning, {})[0]) == 6
    both = Recipe.parse("simplify + static_int8").passes
    raised, notes = ready(path, both, {})
    assert opset_of(raised) == 13
    assert notes[0] == "Before the passes, the opset was raised from 6 to 13."


def test_what_is_normal_already_stays_as_it_is(tmp_path: Path) -> None:
    for name in ("cnn", "mlp", "spam"):
        path = tmp_path / "given.onnx"
        write_proto(copy_of(pass_models.load(name)), path)
        same, notes = ready(path, Recipe.parse("static_int8").passes, {})
        given = read_proto(path)
        del given.graph.value_info[:]
        assert same == given and not notes


def test_a_preparation_that_changes_answers_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(model: onnx.ModelProto, keep: object) -> tuple[str, ...]:
        model.graph.node[-1].op_type = "Abs"
        model.graph.node[-1].ClearField("attribute")
        return ("Before the passes, this was spoiled.",)

    monkeypatch.setattr("optim.build.readying.make_normal", spoil)
    path = tmp_path / "given.onnx"
    write_proto(copy_of(pass_models.load("arithmetic")), path)
    model, notes = ready(path, Recipe.parse("static_int8").passes, {})
    assert model.graph.node[-1].op_type == "Sigmoid"
    assert "was undone" in " ".join(notes)


def test_a_sparse_tensor_that_claims_to_be_huge_is_refused() -> None:
    made = kinds.sparse()
    made.graph.sparse_initializer[0].dims[:] = [1 << 20, 1 << 20]
    with pytest.raises(InputError, match="as a dense one"):
        make_dense(made)


def test_a_sparse_tensor_with_an_index_outside_is_refused() -> None:
    made = kinds.sparse()
    made.graph.sparse_initializer[0].dims[:] = [2, 2]
    with pytest.raises(InputError, match="outside of its shape"):
        make_dense(made)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("recipe", QUANTIZING)
def test_cases_that_were_wrong(path: Path, recipe: str, tmp_path: Path) -> None:
    done = through(onnx.load(path), recipe, tmp_path)
    assert done.agreement() >= 0.98


@pytest.mark.parametrize("recipe", ["static_int8", "weight_only:bits=8", "fp16"])
def test_of_weights_in_float64_it_is_said_that_they_are_why(recipe: str, tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "doubles",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [1, 3])],
        [numpy_helper.from_array(np.arange(12.0).reshape(4, 3), "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    notes = through(made, recipe, tmp_path).notes
    assert "double, not float32" in notes or "float64 weights are left as they are" in notes
    assert "for want of constant weights" not in notes
