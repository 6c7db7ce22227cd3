"""Applying passes: kept results, checks of what a pass claims, errors that name the step."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pyarrow
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import evalset_models, pass_models

from optim import build, sandbox
from optim.build import Built, as_run, built
from optim.build.child import compressed
from optim.errors import Cancelled, InputError, StepError
from optim.evalset import EvalSet, synthesize
from optim.home.files import hash_files
from optim.model import Model, store_model
from optim.model.proto import copy_of, in_order, read_proto, write_proto
from optim.passes.base import Outcome
from optim.passes.nncf_int8 import NncfInt8
from optim.passes.simplify import Simplify
from optim.passes.support.tools import count_ops
from optim.recipe import Recipe
from optim.settings import settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("OPTIM_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return _stored(tmp_path, "cnn")


def _stored(folder: Path, name: str) -> Model:
    path = folder / f"{name}.onnx"
    write_proto(copy_of(pass_models.load(name)), path)
    return store_model(path, name, "onnx", {})


@pytest.fixture
def evalset(model: Model) -> EvalSet:
    return synthesize(model, samples=8)


def _no_children(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(function: str, argument: dict[str, object], **_: object) -> object:
        pytest.fail(f"{function} was called again")

    monkeypatch.setattr(sandbox, "call", refuse)


def test_without_passes_it_is_the_model_itself(
    model: Model, evalset: EvalSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    _no_children(monkeypatch)
    assert built(model, Recipe.parse("onnxruntime"), evalset) == Built(model=model)


def test_passes_are_applied_in_order_and_say_what_they_did(model: Model, evalset: EvalSet) -> None:
    result = built(model, Recipe.parse("simplify + magnitude_prune + static_int8"), evalset)
    assert [step.name for step in result.reports] == ["simplify", "magnitude_prune", "static_int8"]
    assert all(step.modified and step.notes and step.seconds > 0 for step in result.reports)
    assert "2 of 2 Conv nodes were quantized." in result.reports[2].notes
    assert result.model.source == "optimized"
    assert result.model.inputs == model.inputs
    assert result.model.outputs == model.outputs
    assert result.model.size_bytes < model.size_bytes
    proto = read_proto(result.model.path)
    assert "DequantizeLinear" in count_ops(proto)
    assert not proto.graph.value_info


def test_the_second_time_nothing_is_built(
    model: Model, evalset: EvalSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.parse("static_int8:reduce_range=off + onnxruntime")
    first = built(model, recipe, evalset)
    _no_children(monkeypatch)
    elsewhere = Recipe.parse("static_int8:reduce_range=off + openvino:threads=2")
    assert built(model, elsewhere, evalset) == first


def test_without_calibration_another_evalset_shares_the_result(
    model: Model, evalset: EvalSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = synthesize(model, samples=12)
    assert other.digest != evalset.digest
    first = built(model, Recipe.parse("simplify"), evalset)
    calibrated = built(model, Recipe.parse("static_int8"), evalset)
    assert built(model, Recipe.parse("static_int8"), other).model.digest != calibrated.model.digest
    _no_children(monkeypatch)
    assert built(model, Recipe.parse("simplify"), other) == first


def test_a_pass_finds_the_packages_that_were_installed_for_it(
    model: Model, evalset: EvalSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works in the child that builds, not in this process."""
    (tmp_path / "site").mkdir()
    monkeypatch.setattr(NncfInt8, "site", classmethod(lambda cls: tmp_path / "site"))
    monkeypatch.setattr(sandbox, "call", lambda *a, files, **_: pytest.fail(f"{files.site}"))
    with pytest.raises(pytest.fail.Exception, match="/site$"):
        built(model, Recipe.parse("simplify + nncf_int8"), evalset)


@pytest.mark.deep
def test_a_narrowed_model_is_trained_against_its_original_and_rounded(
    model: Model, evalset: EvalSet
) -> None:
    """Pruned, recovered with the rounding in the loop, quantized: one recipe, and it replays."""
    pruning, training = "structured_prune:flops=0.5,multiple=8", "recover:steps=8,batch=8"
    recipe = Recipe.parse(f"{pruning} + {training} + static_int8")
    result = built(model, recipe, evalset)
    assert [step.name for step in result.reports] == ["structured_prune", "recover", "static_int8"]
    pruned, recovered, rounded = result.reports
    assert pruned.modified and rounded.modified
    assert any("with the rounding of 8 bits" in note for note in recovered.notes)
    again = built(model, as_run(recipe, result.reports), evalset, afresh=True)
    assert again.model.digest == result.model.digest


def test_what_a_long_pass_says_is_told_once_while_it_is_waited_for(tmp_path: Path) -> None:
    progress, told = tmp_path / "progress.txt", []
    asked = build._watching(progress, told.append, lambda: False)
    assert asked() is False and told == []
    progress.write_text("recover: training, 10%\nheld-back loss 0.5")
    asked(), asked()
    assert told == ["recover: training, 10% held-back loss 0.5"]


def test_the_compressed_size_is_told_where_a_pass_is_there_for_it(
    model: Model, evalset: EvalSet
) -> None:
    plain = built(model, Recipe.parse("simplify"), evalset).reports[-1]
    zeros = built(model, Recipe.parse("magnitude_prune:sparsity=0.8"), evalset).reports[-1]
    both = built(model, Recipe.parse("magnitude_prune + static_int8"), evalset).reports[-1]
    assert plain.compressed_bytes == 0
    assert 0 < both.compressed_bytes < zeros.compressed_bytes < model.size_bytes


def test_the_compressed_size_is_that_of_zstd() -> None:
    one = numpy_helper.from_array(np.repeat(np.arange(250, dtype=np.float32), 40), "w")
    made = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [one]))
    data = one.SerializeToString()
    assert compressed(made) == pyarrow.Codec("zstd", 3).compress(data).size < len(data) / 20


def test_what_a_branch_reads_from_outside_comes_before_it(tmp_path: Path) -> None:
    """ONNX Runtime's dynamic quantizer puts its nodes behind a branch that reads them."""
    random = np.random.default_rng(0)

    def branch(name: str) -> onnx.GraphProto:
        weight = numpy_helper.from_array(
            random.standard_normal((8, 4)).astype(np.float32), f"w{name}"
        )
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])
        node = helper.make_node("MatMul", ["h", f"w{name}"], [name])
        return helper.make_graph([node], name, [], [out], [weight])

    nodes = [
        helper.make_node("MatMul", ["x", "outer"], ["h"]),
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["is"]),
        helper.make_node("If", ["is"], ["y"], then_branch=branch("a"), else_branch=branch("b")),
    ]
    outer = random.standard_normal((8, 8)).astype(np.float32)
    model = evalset_models.keep(
        tmp_path,
        nodes,
        [("x", TensorProto.FLOAT, [1, 8])],
        [("y", TensorProto.FLOAT, [1, 4])],
        {"outer": outer, "zero": np.float32(0)},
    )
    evalset = synthesize(model, samples=8)
    quantized, half = (
        built(model, Recipe.parse(f"{one} + onnxruntime"), evalset)
        for one in ("dynamic_int8", "fp16")
    )
    assert quantized.reports[0].modified and in_order(read_proto(quantized.model.path).graph)
    assert any("loops and branches" in note for note in half.reports[0].notes)


def test_where_nothing_changes_it_is_the_model_itself(tmp_path: Path, evalset: EvalSet) -> None:
    plain = _stored(tmp_path, "arithmetic")
    result = built(plain, Recipe.parse("simplify + weight_only"), evalset)
    assert result.model == plain
    assert [step.modified for step in result.reports] == [False, False]
    assert all(step.notes for step in result.reports)


def test_afresh_builds_again_and_comes_to_the_same_bytes(model: Model, evalset: EvalSet) -> None:
    recipe = Recipe.parse("simplify + static_int8")
    first = built(model, recipe, evalset)
    again = built(model, recipe, evalset, afresh=True)
    assert again.model.digest == first.model.digest
    assert again.seconds != first.seconds


def test_builders_at_the_same_time_agree(model: Model, evalset: EvalSet, home: Path) -> None:
    recipe = Recipe.parse("simplify")
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: built(model, recipe, evalset), range(3)))
    assert len({result.model.digest for result in results}) == 1
    records = list((home / "builds").iterdir())
    assert [json.loads(r.read_text())["model"]["digest"] for r in records] == [
        results[0].model.digest
    ]


def test_a_result_whose_model_was_removed_is_built_again(model: Model, evalset: EvalSet) -> None:
    recipe = Recipe.parse("simplify")
    first = built(model, recipe, evalset)
    for file in first.model.path.parent.iterdir():
        file.unlink()
    first.model.path.parent.rmdir()
    assert built(model, recipe, evalset).model.digest == first.model.digest
    assert first.model.path.exists()


def test_cancelling_stops_and_keeps_nothing(model: Model, evalset: EvalSet, home: Path) -> None:
    with pytest.raises(Cancelled):
        built(model, Recipe.parse("simplify"), evalset, cancelled=lambda: True)
    assert not (home / "builds").exists()


def test_an_error_names_the_pass_and_what_ran_before_it(model: Model, evalset: EvalSet) -> None:
    recipe = Recipe.parse("simplify + fuse_transformer + static_int8:exclude=nowhere")
    with pytest.raises(InputError) as caught:
        built(model, recipe, evalset)
    assert caught.value.where == "static_int8"
    assert "no node named 'nowhere'" in caught.value.what
    after = "It ran after simplify (changed), fuse_transformer (no change)."
    assert caught.value.what.endswith(after)
    assert caught.value.next_step


# What follows runs the child's function in this process, with a pass that misbehaves.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    write_proto(copy_of(pass_models.load("cnn")), tmp_path / "given.onnx")
    return folder / "model.onnx"


def _build(path: Path, outcome: Outcome | Exception, monkeypatch: pytest.MonkeyPatch) -> object:
    def run(*_: object) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(Simplify, "run", run)
    given = str(path.parent.parent / "given.onnx")
    return build.build(given, "simplify", "", str(path))


def _cnn() -> onnx.ModelProto:
    return copy_of(pass_models.load("cnn"))


def _renamed_output() -> onnx.ModelProto:
    model = _cnn()
    model.graph.node[-1].output[0] = model.graph.output[0].name = "z"
    return model


def _another_type() -> onnx.ModelProto:
    model = _cnn()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    return model


def _another_shape() -> onnx.ModelProto:
    model = _cnn()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 24
    return model


def _extra_output() -> onnx.ModelProto:
    model = _cnn()
    model.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, (1, 16)))
    return model


def _unsorted() -> onnx.ModelProto:
    model = _cnn()
    nodes = list(reversed(model.graph.node))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _dangling() -> onnx.ModelProto:
    model = _cnn()
    model.graph.node[3].input[0] = "nowhere"
    return model


@pytest.mark.parametrize(
    ("made", "modified", "said"),
    [
        (_cnn, True, "it says modified=True"),
        (_dangling, False, "it says modified=False"),
        (_dangling, True, "not valid ONNX"),
        (_unsorted, True, "it says modified=True"),  # it is put in order
        (_renamed_output, True, "changed the model's outputs"),
        (_another_type, True, "changed the model's inputs"),
        (_another_shape, True, "changed the model's inputs"),
        (_extra_output, True, "changed the model's outputs"),
    ],
)
def test_a_pass_that_breaks_its_word_is_found_out(
    made, modified: bool, said: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StepError) as caught:
        _build(path, Outcome(made(), modified), monkeypatch)
    assert caught.value.where == "simplify"
    assert "broke its promise" in caught.value.what
    assert said in caught.value.what
    assert not path.exists()


def test_a_shape_that_became_known_breaks_no_promise(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _cnn()
    model.graph.output[0].type.tensor_type.shape.dim[0].Clear()
    assert _build(path, Outcome(model, False, ("Nothing.",)), monkeypatch)["modified"] is False


def test_a_library_that_fails_is_a_clear_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StepError) as caught:
        _build(path, KeyError("some\ninternal name"), monkeypatch)
    assert caught.value.where == "simplify"
    assert "internal name" not in str(caught.value), "a library's words are for the log"
    assert "failed on this model" in caught.value.what
    assert "Leave this pass out" in caught.value.next_step


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("The truth value of an array is ambiguous"), "a bias that is no vector"),
        (KeyError("w1_quantized"), "names in the model that the library uses"),
        (ValueError("operands could not be broadcast together (12,) (6,)"), "shapes do not fit"),
        (RuntimeError("/x/convert.h: No Adapter From Version $6"), "newer opset"),
        (RuntimeError("[ShapeInferenceError] node second"), "at node 'second' (Conv)"),
        (RuntimeError("cannot handle the value 'pooled'"), "at node 'pool' (GlobalAveragePool)"),
    ],
)
def test_known_faults_are_told_in_our_words(
    error: Exception,
    said: str,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(StepError) as caught:
        _build(path, error, monkeypatch)
    assert said in caught.value.what
    assert "/x/" not in str(caught.value)
    assert caught.value.next_step
    assert str(error).strip("'") in caplog.text


def test_a_result_that_does_not_run_is_an_error_of_the_build(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checker takes it: what a Reshape asks for is data."""
    model = _cnn()
    shape = onnx.numpy_helper.from_array(np.array([3, 5], np.int64), "shape")
    model.graph.initializer.append(shape)
    node = next(node for node in model.graph.node if node.name == "flatten")
    node.op_type = "Reshape"
    node.input.append("shape")
    del node.attribute[:]
    with pytest.raises(StepError) as caught:
        _build(path, Outcome(model, True), monkeypatch)
    assert caught.value.where == "simplify"
    assert "result of this pass does not run" in caught.value.what
    assert "Node (classifier)" in caught.value.what
    assert not path.exists()


def test_a_result_that_is_not_finite_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = _cnn()
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "fc_bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.full(10, np.inf, np.float32), "fc_bias"))
    result = _build(path, Outcome(model, True, ("Done.",)), monkeypatch)
    assert "not finite" in result["reports"][0]["notes"][1]


def test_a_pass_that_runs_out_of_memory_is_not_blamed_on_the_library(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MemoryError):
        _build(path, MemoryError(), monkeypatch)


def test_weights_over_the_limit_of_the_libraries_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("optim.passes.support.tools.MAX_IN_MEMORY_BYTES", 1000)
    for cls in build.Recipe.parse("simplify + fuse_transformer + fp16").passes:
        with pytest.raises(StepError, match="weights take"):
            cls.run(pass_models.load("cnn"), pass_models.context("cnn"))


def test_the_same_file_whatever_wrote_it(model: Model, evalset: EvalSet, path: Path) -> None:
    """The child's function and the kept model are bit for bit the same."""
    recipe = "simplify + fp16"
    given = str(path.parent.parent / "given.onnx")
    build.build(given, recipe, evalset.digest, str(path))
    assert hash_files(path) == built(model, Recipe.parse(recipe), evalset).model.digest


def test_builds_of_one_model_share_what_they_work_out_alike(
    model: Model, evalset: EvalSet, home: Path
) -> None:
    built(model, Recipe.parse("static_int8:samples=4 + onnxruntime"), evalset)
    kept = {path.name for path in (home / "workings" / model.digest).iterdir()}
    assert len(kept) == 2, "a slimmed form and ranges"
    again = built(model, Recipe.parse("static_int8:samples=4,per_channel=false"), evalset)
    assert {path.name for path in (home / "workings" / model.digest).iterdir()} == kept
    assert again.model.digest != model.digest
