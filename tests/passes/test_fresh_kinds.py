"""Models made after kinds of trouble, each through the passes that it troubles."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.building import Through

from optim.build import built
from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.judging.engine_fault import engine_fault
from optim.judging.quality import quality_of
from optim.passes.base import Calibration, Context
from optim.passes.support.half import tried
from optim.recipe import Recipe

RANDOM = np.random.default_rng(5)


def weights(*shape: int) -> np.ndarray:
    return (RANDOM.normal(size=shape) * 0.3).astype(np.float32)


def network(nodes: list, given: dict, made: dict, **stored: np.ndarray) -> onnx.ModelProto:
    def values(shapes: dict) -> list:
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]

    tensors = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph(nodes, "kinds", values(given), values(made), tensors)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9)


def of_weights_of_ranks_1_and_3() -> onnx.ModelProto:
    nodes = [
        helper.make_node("MatMul", ["x", "cube"], ["m"], name="by_cube"),
        helper.make_node("Relu", ["m"], ["r"]),
        helper.make_node("MatMul", ["r", "plane"], ["p"], name="by_plane"),
        helper.make_node("MatMul", ["p", "row"], ["y"], name="by_row"),
    ]
    stored = {"cube": weights(4, 16, 12), "plane": weights(12, 5), "row": weights(5)}
    return network(nodes, {"x": [4, 6, 16]}, {"y": [4, 6]}, **stored)


def named_as_casts() -> onnx.ModelProto:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["graph_output_cast_0"], name="graph_input_cast0"),
        helper.make_node("Relu", ["graph_output_cast_0"], ["graph_input_cast_0"]),
        helper.make_node("MatMul", ["graph_input_cast_0", "v"], ["y"], name="graph_output_cast0"),
    ]
    return network(nodes, {"x": [1, 16]}, {"y": [1, 5]}, w=weights(16, 8), v=weights(8, 5))


@pytest.fixture
def brought(tmp_path: Path, home: Path):
    """Brings a model with 40 random samples."""

    def bring(made: onnx.ModelProto):
        shape = [d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim]
        shape = shape[1:] if shape[0] == 1 else shape
        onnx.save(made, tmp_path / "m.onnx")
        np.savez(tmp_path / "e.npz", x=RANDOM.normal(size=(40, *shape)).astype(np.float32))
        model = ingest(tmp_path / "m.onnx", evalset=tmp_path / "e.npz")
        return model, load_evalset(tmp_path / "e.npz", model)

    return bring


def test_dynamic_int8_leaves_weights_that_no_kernel_takes_and_names_them(brought) -> None:
    model, evalset = brought(of_weights_of_ranks_1_and_3())
    recipe = Recipe.parse("dynamic_int8 + onnxruntime")
    made = built(model, recipe, evalset)
    said = " ".join(made.reports[0].notes)
    assert "1 of 3 MatMul" in said and "by_cube" in said and "by_row" in said
    assert quality_of(made.model, model, recipe, evalset).sound


def test_names_that_the_float16_converter_makes_up_are_freed(brought) -> None:
    model, evalset = brought(named_as_casts())
    recipe = Recipe.parse("fp16 + onnxruntime")
    quality = quality_of(built(model, recipe, evalset).model, model, recipe, evalset)
    assert quality.fidelity.cosine > 0.9999


def test_nodes_in_another_order_are_sorted(brought) -> None:
    made = named_as_casts()
    nodes = [*made.graph.node][::-1]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    model, _ = brought(made)
    assert any("put in order" in note for note in model.notes)


def test_lengths_that_rounding_changes_are_no_error() -> None:
    """How many values are above the threshold differs in 16 bits."""
    nodes = [
        helper.make_node("Greater", ["x", "limit"], ["above"], name="above"),
        helper.make_node("NonZero", ["above"], ["where"], name="where"),
        helper.make_node("Cast", ["where"], ["y"], name="cast", to=TensorProto.FLOAT),
    ]
    made = network(nodes, {"x": [64]}, {"y": [1, None]}, limit=np.array(0.30001, np.float32))
    sample = {"x": np.full(64, 0.30002, np.float32)}
    _, notes = tried(made, Calibration([sample]), "fp16", [])
    assert notes


def test_an_engine_that_is_wrong_on_its_own_is_called_that(brought) -> None:
    model, evalset = brought(named_as_casts())
    recipe = Recipe.parse("openvino")
    good = quality_of(model, model, Recipe.baseline(), evalset)
    bad = good.model_copy(update={"collapsed": True})
    found = engine_fault(model, model, recipe, evalset, bad)
    assert found and "it is OpenVINO that loses them" in found.text
    assert engine_fault(model, model, recipe, evalset, good) is None
    assert engine_fault(model, model, Recipe.baseline(), evalset, bad) is None


def test_constants_written_as_lists_are_tensors_before_any_library_reads_them(brought) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], name="product"),
        helper.make_node("Constant", [], ["b"], value_floats=[0.1] * 8),
        helper.make_node("Add", ["m", "b"], ["y"], name="bias"),
    ]
    model, evalset = brought(network(nodes, {"x": [1, 16]}, {"y": [1, 8]}, w=weights(16, 8)))
    for passes in ("simplify", "static_int8", "weight_only"):
        recipe = Recipe.parse(f"{passes} + onnxruntime")
        made = built(model, recipe, evalset)
        assert quality_of(made.model, model, recipe, evalset).sound


def with_what_nothing_reads() -> onnx.ModelProto:
    """An input that no node reads, and an output that is a stored weight which a node reads."""
    made = network([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [2, 16]}, {"y": [2, 5]})
    made.graph.initializer.append(numpy_helper.from_array(weights(16, 5), "w"))
    made.graph.input.append(helper.make_tensor_value_info("types", TensorProto.INT64, [2, 9]))
    made.graph.output.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [16, 5]))
    return made


def in_branches() -> onnx.ModelProto:
    """Products inside of a branch only: by a weight stored there, and by one held as a node."""

    def branch(name: str, *nodes: onnx.NodeProto, **stored: np.ndarray) -> onnx.GraphProto:
        tensors = [numpy_helper.from_array(array, name) for name, array in stored.items()]
        result = helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, [2, 8])
        return helper.make_graph(nodes, name, [], [result], tensors)

    held = helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(weights(12, 8)))
    yes = branch("yes", helper.make_node("Gemm", ["x", "w"], ["yes_y"]), w=weights(12, 8))
    no = branch("no", held, helper.make_node("MatMul", ["x", "w"], ["no_y"]))
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], then_branch=yes, else_branch=no),
    ]
    return network(nodes, {"x": [2, 12]}, {"y": [2, 8]}, zero=np.array(0, np.float32))


def test_fp16_keeps_inputs_that_nothing_reads_and_outputs_that_are_stored(tmp_path: Path) -> None:
    sample = {"x": weights(2, 16), "types": np.zeros((2, 9), np.int64)}
    done = Through(with_what_nothing_reads(), "fp16", tmp_path, [sample])
    assert [value.name for value in done.model.graph.input] == ["x", "types"]
    assert "1 of 1 float32 weights are float16 now" in done.notes
    assert done.agreement() > 0.9999


@pytest.mark.parametrize("recipe", ["magnitude_prune:sparsity=0.5", "cluster_weights:values=4"])
def test_weights_inside_of_branches_are_pruned_and_clustered(recipe: str, tmp_path: Path) -> None:
    samples = [{"x": weights(2, 12)} for _ in range(8)]
    done = Through(in_branches(), recipe, tmp_path, samples)
    assert "2 tensors" in done.notes or "2 layers" in done.notes
    kept = Through(in_branches(), "magnitude_prune:sparsity=0.001", tmp_path, samples)
    assert not kept.modified and "rounds to no weight" in kept.notes


@pytest.mark.parametrize("recipe", ["low_rank", "structured_prune", "bf16"])
def test_what_a_pass_overlooks_inside_of_branches_is_said(recipe: str, tmp_path: Path) -> None:
    done = Through(in_branches(), recipe, tmp_path, [{"x": weights(2, 12)}])
    assert "Inside of loops and branches nothing was done to nodes: Gemm 1, MatMul 1" in done.notes


def test_where_a_run_takes_several_samples_these_are_counted() -> None:
    made = network([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [8, 16]}, {"y": [8, 5]})
    made.graph.initializer.append(numpy_helper.from_array(weights(16, 5), "w"))
    runs = Calibration([{"x": weights(8, 16)} for _ in range(3)], together=8)
    for recipe in ("static_int8", "weight_only", "fp16"):
        (one,) = Recipe.parse(recipe).passes
        assert " 24 " in " ".join(one.run(made, Context(calibration=runs)).notes)


def with_a_constant_loop() -> onnx.ModelProto:
    """A loop that starts at zeros and reads no input: what it ends with is a constant, what it
    gathers is an output of the model."""
    float_, bool_ = TensorProto.FLOAT, TensorProto.BOOL
    body = helper.make_graph(
        [
            helper.make_node("Gemm", ["state", "inner", "shift"], ["made"], name="inside"),
            helper.make_node("Tanh", ["made"], ["next"]),
            helper.make_node("Identity", ["next"], ["gathered"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", bool_, []),
            helper.make_tensor_value_info("state", float_, [2, 8]),
        ],
        [
            helper.make_tensor_value_info("on", bool_, []),
            helper.make_tensor_value_info("next", float_, [2, 8]),
            helper.make_tensor_value_info("gathered", float_, [2, 8]),
        ],
        [
            numpy_helper.from_array(weights(8, 8), "inner"),
            numpy_helper.from_array(weights(8), "shift"),
        ],
    )
    nodes = [
        helper.make_node("Loop", ["turns", "yes", "start"], ["last", "all"], body=body),
        helper.make_node("Add", ["last", "x"], ["sum"]),
        helper.make_node("Gemm", ["sum", "w"], ["y"], name="behind"),
    ]
    stored = {"turns": np.array(3), "yes": np.array(True), "start": np.zeros((2, 8), np.float32)}
    made = {"y": [2, 5], "all": [3, 2, 8]}
    return network(nodes, {"x": [2, 8]}, made, w=weights(8, 5), **stored)


@pytest.mark.parametrize("recipe", ["simplify", "static_int8", "weight_only:bits=8", "fp16"])
def test_a_loop_of_constants_keeps_its_outputs(recipe: str, tmp_path: Path) -> None:
    done = Through(with_a_constant_loop(), recipe, tmp_path, [{"x": weights(2, 8)}] * 4)
    assert done.modified and done.agreement() > 0.99


def test_what_rounding_to_zero_makes_infinite_is_kept_in_32_bits(tmp_path: Path) -> None:
    """The logarithm of what 16 bits take for zero, with a node between that hides who rounds."""
    nodes = [
        helper.make_node("Exp", ["x"], ["e"], name="exp"),
        helper.make_node("Clip", ["e", "", "most"], ["c"], name="clip"),
        helper.make_node("Log", ["c"], ["l"], name="log"),
        helper.make_node("MatMul", ["l", "w"], ["y"], name="product"),
        helper.make_node("MatMul", ["x", "v"], ["z"], name="beside"),
    ]
    stored = {"v": weights(16, 3), "most": np.array(50, np.float32), "w": weights(16, 5)}
    made = network(nodes, {"x": [2, 16]}, {"y": [2, 5], "z": [2, 3]}, **stored)
    samples = [{"x": (weights(2, 16) * 60).astype(np.float32)} for _ in range(4)]
    done = Through(made, "fp16", tmp_path, samples)
    assert done.agreement() > 0.999 and "overflow" in done.notes and "clip" in done.notes
