"""Forests as ONNX Runtime has them, and what is refused.

What needs Treelite's packages runs by `make test-engines`.
"""

import importlib.util

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from optim.errors import StepError
from optim.runtimes.support.compiling import Lacks
from optim.runtimes.support.forest_plan import planned
from optim.runtimes.treelite import Treelite
from tests.support.forests import forest

installed = pytest.mark.skipif(not importlib.util.find_spec("tl2cgen"), reason="is not installed")
VALUES = (-1, -0.5, 0, 0.25, 0.5, 1, np.nan, np.inf)
SAMPLES = np.random.default_rng(0).choice(VALUES, (200, 4)).astype(np.float32)
TWO, ONE = {"classlabels_int64s": [3, 9]}, {"n_targets": 1, "post_transform": "LOGISTIC"}
THREE = {"classlabels_int64s": [5, 6, 7]}
TAKEN = {
    "two classes from one sum": forest(4, "class", [0], **TWO),
    "two, logistic": forest(4, "class", [0], **TWO, post_transform="LOGISTIC"),
    "two, with a base": forest(4, "class", [0], **TWO, base_values=[0.2]),
    "two, shares": forest(4, "class", [0], **TWO, positive=True),
    "two, shares, logistic": forest(
        4, "class", [0], **TWO, positive=True, post_transform="LOGISTIC"
    ),
    "two, of the other": forest(4, "class", [1], **TWO, post_transform="LOGISTIC"),
    "three": forest(4, "class", [0, 1, 2], **THREE, base_values=[0.1, 0.2, 0.3]),
    "three, softmax": forest(4, "class", [0, 1, 2], **THREE, post_transform="SOFTMAX"),
    "three, a tree for each": forest(4, "class", [0, 1, 2], **THREE, each=True),
    "a target": forest(4, "target", [0], **ONE, aggregate_function="AVERAGE"),
    "three targets": forest(4, "target", [0, 1, 2], n_targets=3, base_values=[0.1, 0.2, 0.3]),
}
REFUSED = {
    "both of two classes weighted": forest(4, "class", [0, 1], **TWO),
    "softmax of one": forest(4, "class", [0], **TWO, post_transform="SOFTMAX"),
    "a class without weights": forest(4, "class", [0, 1], **THREE),
    "probit": forest(4, "class", [0, 1, 2], **THREE, post_transform="PROBIT"),
    "the least of the trees": forest(4, "target", [0], aggregate_function="MIN"),
    "labels that are texts": forest(4, "class", [0], classlabels_strings=["no", "yes"]),
}


def model_of(given, kind=onnx.TensorProto.FLOAT):
    of = "Regressor" if "target_ids" in given else "Classifier"
    outputs = ["scores"] if of == "Regressor" else ["label", "scores"]
    node = helper.make_node(f"TreeEnsemble{of}", ["x"], outputs, domain="ai.onnx.ml", **given)
    width = given.get("n_targets") or len(given.get("classlabels_int64s", "12"))
    values = {
        "label": helper.make_tensor_value_info("label", onnx.TensorProto.INT64, ["n"]),
        "scores": helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["n", width]),
    }
    x = helper.make_tensor_value_info("x", kind, ["n", 4])
    graph = helper.make_graph([node], "g", [x], [values[name] for name in outputs])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@installed
@pytest.mark.parametrize("case", TAKEN)
def test_scores_and_labels_are_onnx_runtimes(case, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(model_of(TAKEN[case]), path)
    reference = onnxruntime.InferenceSession(path)
    session = Treelite().open(path)
    for samples in (SAMPLES, SAMPLES[:1], SAMPLES[:0]):
        expected, got = reference.run(None, {"x": samples}), session.run({"x": samples})
        for one, other in zip(expected, got.values(), strict=True):
            assert one.dtype == other.dtype and one.shape == other.shape
            np.testing.assert_allclose(other, one, atol=2e-6)


@pytest.mark.parametrize("case", REFUSED)
def test_what_onnx_runtime_reads_in_its_own_way_is_refused(case):
    with pytest.raises(Lacks):
        planned(model_of(REFUSED[case]))


def first(name, value):
    """That a list of a sound forest begins with something else."""
    return {name: [value, *TAKEN["a target"][name][1:]]}


def chain(deep):
    """One tree, each branch of which has a leaf and the next branch."""
    branches, leaves = [*range(deep)], [*range(deep, 2 * deep + 1)]
    rest = [0] * len(leaves)
    return {
        "nodes_treeids": [0] * (2 * deep + 1),
        "nodes_nodeids": branches + leaves,
        "nodes_modes": ["BRANCH_LEQ"] * deep + ["LEAF"] * len(leaves),
        "nodes_truenodeids": leaves[:-1] + rest,
        "nodes_falsenodeids": [*branches[1:], leaves[-1], *rest],
        "nodes_featureids": [0] * deep + rest,
        "nodes_values": [0.5] * deep + rest,
        "target_treeids": rest,
        "target_nodeids": leaves,
        "target_ids": rest,
        "target_weights": [1.0] * len(leaves),
    }


HOSTILE = {
    "features below 0": (first("nodes_featureids", -100_000), "reads features 0 to"),
    "features without end": (first("nodes_featureids", 2_000_000_000), "reads features 0 to"),
    "weights for no score": (first("target_ids", 50_000), "others than their 1 scores"),
    "weights before the scores": (first("target_ids", -1), "others than their 1 scores"),
    "scores without end": ({"n_targets": 2_000_000_000}, "gives up to 10,000 scores"),
    "weights at a branch": (first("target_nodeids", 0), "where they have no leaf"),
    "weights of no tree": (first("target_treeids", 99), "where they have no leaf"),
    "a base without end": ({"base_values": [float("inf")]}, "not finite"),
    "a threshold that is none": (first("nodes_values", float("nan")), "not finite"),
    "a weight without end": (first("target_weights", float("-inf")), "not finite"),
    "a node that is its own child": (first("nodes_truenodeids", 0), "leads to no node"),
    "a longer ring": ({"nodes_truenodeids": [1, 0, *[5] * 33]}, "leads to no node"),
    "a child that is not there": (first("nodes_falsenodeids", 99), "leads to no node"),
    "a node of two branches": (first("nodes_falsenodeids", 1), "leads to no node"),
    "two nodes of a name": (first("nodes_nodeids", 1), "two nodes 1"),
    "lists of two lengths": ({"nodes_values": [0.0]}, "differ in length"),
    "a tree too deep": (chain(1001), "1,000 branches deep"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_hostile_forest_gets_to_the_compiler(case):
    """What it compiles reads features and adds to scores at the numbers that are given here."""
    changed, said = HOSTILE[case]
    kept = {} if case == "a tree too deep" else TAKEN["a target"]
    with pytest.raises(Lacks, match=said):
        planned(model_of({**kept, "n_targets": 1, **changed}))


def test_a_deep_tree_is_taken():
    planned(model_of({**chain(1000), "n_targets": 1}))


def test_trees_that_compare_in_64_bits_are_refused():
    with pytest.raises(Lacks, match="32 bits"):
        planned(model_of(TAKEN["a target"], onnx.TensorProto.DOUBLE))


def test_the_compiler_that_is_not_there_is_named(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    onnx.save(model_of(TAKEN["three"]), path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match="needs the program gcc"):
        Treelite().open(path)


def test_a_label_that_nothing_reads_is_not_computed():
    model = model_of(TAKEN["two, logistic"])
    assert planned(model)[0]["trees"]["labels"] == (3, 9)
    del model.graph.output[0]
    assert planned(model)[0]["trees"]["labels"] is None
