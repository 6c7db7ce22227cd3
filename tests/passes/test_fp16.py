"""Half precision."""

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import pass_models

from optim.errors import InputError
from optim.passes.base import Calibration, Context
from optim.passes.fp16 import Fp16
from optim.passes.support.half import tried_in_half
from optim.passes.support.tools import count_ops, float_weights

NOTHING = Context(calibration=Calibration([]))


def test_weights_are_halved_and_the_interface_stays() -> None:
    model = pass_models.load("fashion")
    outcome = Fp16().run(model, NOTHING)
    assert not float_weights(outcome.model)
    assert outcome.model.ByteSize() < 0.55 * model.ByteSize()
    assert outcome.model.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert outcome.notes[0] == "105 of 105 float32 weights are float16 now."


def test_raw_means_stay_in_float32() -> None:
    outcome = Fp16().run(pass_models.load("credit"), NOTHING)
    assert "Kept in float32, since the values or operators need it: mean." in outcome.notes


def test_weights_too_large_for_it_stay_in_float32() -> None:
    outcome = Fp16().run(pass_models.load("huge_weights"), NOTHING)
    assert not outcome.modified
    assert outcome.notes == ("Nothing became float16; kept in float32: w, scale.",)


def test_chosen_op_types_and_nodes_stay_in_float32() -> None:
    kept = Fp16(keep_op_types=("Gemm",), exclude=("first",)).run(pass_models.load("cnn"), NOTHING)
    assert set(float_weights(kept.model)) == {"w1", "fc", "fc_bias"}
    assert count_ops(kept.model)["Cast"] >= 2
    onnx.checker.check_model(kept.model, full_check=True)


def test_keeping_what_handles_raw_amounts_saves_the_credit_scorer() -> None:
    model, samples = pass_models.load("credit"), pass_models.feeds("credit")
    expected = pass_models.outputs(model, samples)
    naive = Fp16().run(model, NOTHING).model
    kept = ("Sub", "Div", "Log", "Clip", "Concat", "Add")
    careful = Fp16(keep_op_types=kept).run(model, NOTHING).model
    assert pass_models.cosine(pass_models.outputs(naive, samples), expected) < 0.999
    assert pass_models.cosine(pass_models.outputs(careful, samples), expected) > 0.9999


def growing(factor: float) -> onnx.ModelProto:
    """y = (x * factor) / factor: the values in between are large, weights and ends are not."""
    w = pass_models.Weights(0)
    w.constant("w", np.eye(8, dtype=np.float32))
    w.constant("up", np.float32(factor))
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"], name="product"),
        helper.make_node("Mul", ["p", "up"], ["a"], name="first"),
        helper.make_node("Mul", ["a", "up"], ["b"], name="second"),
        helper.make_node("Sqrt", ["b"], ["c"], name="root"),
        helper.make_node("Div", ["c", "up"], ["y"], name="last"),
    ]
    return pass_models.model(nodes, w, {"x": (1, 8)}, {"y": (1, 8)})


@pytest.mark.parametrize(("factor", "kept"), [(2.0, set()), (1000.0, {"second", "root"})])
def test_nodes_whose_values_are_too_large_on_calibration_samples_stay_in_32_bits(
    factor: float, kept: set[str]
) -> None:
    samples = [{"x": np.linspace(1, 8, 8, dtype=np.float32)[None]}]
    model = growing(factor)
    outcome = Fp16().run(model, Context(calibration=Calibration(samples)))
    said = [note for note in outcome.notes if " in 32 bits" in note]
    assert bool(said) == bool(kept) and all(name in said[0] for name in kept if said)
    onnx.checker.check_model(outcome.model, full_check=True)
    expected = pass_models.outputs(model, samples)
    assert pass_models.cosine(pass_models.outputs(outcome.model, samples), expected) > 0.9999
    casts = {n.name for n in outcome.model.graph.node if n.op_type == "Cast"}
    assert not any(name.startswith("b_cast_to_fp16") for name in casts)  # nothing is lost between


def test_what_is_infinite_on_purpose_is_no_overflow() -> None:
    samples = [{"x": np.full((1, 8), -np.inf, np.float32)}]
    assert tried_in_half(growing(2.0), samples, "fp16", ()).kept == []


def test_the_credit_scorer_is_saved_without_being_told_how() -> None:
    """Its raw incomes overflow in real half precision, which a CPU does not show."""
    outcome = Fp16().run(pass_models.load("credit"), pass_models.context("credit"))
    (said,) = [note for note in outcome.notes if "values overflow" in note]
    assert "/Add, /Log, /Concat" in said
    model, samples = pass_models.load("credit"), pass_models.feeds("credit")
    expected = pass_models.outputs(model, samples)
    assert pass_models.cosine(pass_models.outputs(outcome.model, samples), expected) > 0.9999


def test_where_half_precision_is_not_enough_the_node_is_named() -> None:
    """1000 + x - 1000 in steps of 4, as bf16 has 8 bits: what is left of x is noise."""
    w = pass_models.Weights(0)
    w.constant("large", np.float32(1000))
    nodes = [
        helper.make_node("Add", ["x", "large"], ["a"], name="up"),
        helper.make_node("Sub", ["a", "large"], ["b"], name="down"),
        helper.make_node("Relu", ["b"], ["y"], name="end"),
    ]
    model = pass_models.model(nodes, w, {"x": (1, 8)}, {"y": (1, 8)})
    samples = [{"x": np.linspace(1, 3, 8, dtype=np.float32)[None]}]
    found = tried_in_half(model, samples, "bf16", ())
    assert found.drift_before > 0.1
    assert "down" in found.losing and "end" not in found.losing


def test_an_unknown_node_is_named() -> None:
    with pytest.raises(InputError, match="no node named 'nowhere'"):
        Fp16(exclude=("nowhere",)).run(pass_models.load("cnn"), NOTHING)


def test_scores_of_trees_are_cast_before_they_are_used() -> None:
    """LightGBM's converter multiplies them."""
    tree = helper.make_node(
        "TreeEnsembleClassifier", ["x"], ["label", "t"], domain="ai.onnx.ml", name="tree",
        nodes_treeids=[0], nodes_nodeids=[0], nodes_featureids=[0], nodes_modes=["LEAF"],
        nodes_values=[0.0], nodes_truenodeids=[0], nodes_falsenodeids=[0], class_treeids=[0, 0],
        class_nodeids=[0, 0], class_ids=[0, 1], class_weights=[2.0, 1.0], classlabels_int64s=[0, 1],
    )  # fmt: skip
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, s]) for n, s in (("x", 3), ("y", 2))
    ]
    half = numpy_helper.from_array(np.float32(0.5), "half")
    nodes = [
        tree,
        helper.make_node("Identity", ["t"], ["scores"], name="rename"),
        helper.make_node("Mul", ["scores", "half"], ["y"], name="scale"),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [half])
    opsets = [helper.make_opsetid("", 9), helper.make_opsetid("ai.onnx.ml", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    outcome = Fp16().run(model, NOTHING)
    feeds = [{"x": np.zeros((1, 3), np.float32)}]
    halved, expected = (pass_models.outputs(m, feeds) for m in (outcome.model, model))
    np.testing.assert_array_equal(halved, expected)


def test_values_of_unknown_rank_are_no_scalars() -> None:
    """Shapes stop at scikit-learn's operators; ONNX Runtime says `[]` for that, as for scalars."""
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 1]>
        g (float[1,4] x) => (float[1,3] y) {
          scaled = ai.onnx.ml.Scaler<offset=[0.5], scale=[2.0]>(x)
          y = MatMul(scaled, w)
        }"""
    )
    weight = np.arange(12, dtype=np.float32).reshape(4, 3)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    outcome = Fp16().run(model, NOTHING)
    assert outcome.notes[0] == "1 of 1 float32 weights are float16 now."
