"""What became of each node of a graph in another: on small graphs, and on what passes make."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from support.onnx_models import model, value

from optim.build import built
from optim.evalset import load_evalset
from optim.graph import GraphMatch, analysis_of, match_graphs, weights_of
from optim.graph.align import kind_of
from optim.graph.analysis import analyse
from optim.graph.weights import weigh
from optim.ingest import ingest
from optim.ingest.samples import find_sample
from optim.recipe import Recipe

CHAIN = ("MatMul", "Relu", "MatMul", "Tanh", "MatMul")


def chain(ops: tuple[str, ...] = CHAIN, seed: int = 0, name: str = "") -> onnx.ModelProto:
    """Operators one after another; each product has weights of its own."""
    random = np.random.default_rng(seed)
    nodes, weights = [], []
    for place, op in enumerate(ops):
        reads = [f"{name}t{place}" if place else "x"]
        if op == "MatMul":
            array = random.standard_normal((8, 8)).astype(np.float32)
            weights.append(numpy_helper.from_array(array, f"{name}w{place}"))
            reads.append(weights[-1].name)
        writes = f"{name}t{place + 1}" if place + 1 < len(ops) else "y"
        nodes.append(helper.make_node(op, reads, [writes], name=f"{name}{op}_{place}"))
    return model(nodes, [value("x", [1, 8])], [value("y", [1, 8])], weights)


def matched(folder: Path, before: onnx.ModelProto, after: onnx.ModelProto) -> GraphMatch:
    paths = [folder / "before.onnx", folder / "after.onnx"]
    for path, proto in zip(paths, (before, after), strict=True):
        onnx.save(proto, path)
    graphs, weights = [analyse(path) for path in paths], [weigh(path) for path in paths]
    return match_graphs(*graphs, weights[0].tensors, weights[1].tensors)


def changes(match: GraphMatch) -> Counter[str]:
    return Counter(one.change for one in match.matches)


def test_names_do_not_matter(tmp_path: Path) -> None:
    """Neither those of nodes nor those of tensors: what both graphs have leads from one to next."""
    found = matched(tmp_path, chain(), chain(name="other/"))
    assert changes(found) == {"same": 5}
    assert found.before["MatMul_2"].after == ("other/MatMul_2",)


def test_other_weights_are_a_change(tmp_path: Path) -> None:
    after = chain()
    array = numpy_helper.to_array(after.graph.initializer[1]).copy()
    array[0] = 0
    after.graph.initializer[1].CopyFrom(numpy_helper.from_array(array, "w2"))
    found = matched(tmp_path, chain(), after)
    assert changes(found) == {"same": 4, "changed": 1}
    assert found.before["MatMul_2"].why == "other weights"


def test_a_node_that_is_gone_and_one_that_is_new(tmp_path: Path) -> None:
    longer = chain(("MatMul", "Relu", "Identity", "MatMul"))
    shorter = chain(("MatMul", "Relu", "MatMul"))
    for graph in (longer.graph, shorter.graph):  # the same weights, whatever their names
        graph.initializer[1].raw_data = longer.graph.initializer[1].raw_data
    assert changes(matched(tmp_path, longer, shorter)) == {"same": 3, "removed": 1}
    cast = chain(("MatMul", "Relu"))
    quantized = chain(("MatMul", "Relu", "Identity"))
    assert changes(matched(tmp_path, cast, quantized)) == {"same": 2, "added": 1}


def test_attributes_are_a_change(tmp_path: Path) -> None:
    before, after = chain(("MatMul", "LeakyRelu")), chain(("MatMul", "LeakyRelu"))
    after.graph.node[1].attribute.append(helper.make_attribute("alpha", 0.3))
    found = matched(tmp_path, before, after)
    assert found.after["LeakyRelu_1"].why == "other attributes"


@given(st.lists(st.sampled_from(["MatMul", "Relu", "Tanh", "Identity"]), min_size=1, max_size=8))
def test_every_node_is_in_one_match(ops: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = matched(Path(folder), chain(), chain(tuple(ops), seed=1, name="b/"))
    for side, count in (("before", len(CHAIN)), ("after", len(ops))):
        names = [name for one in found.matches for name in getattr(one, side)]
        assert len(names) == len(set(names)) == count


def passed(sample: str, passes: str) -> GraphMatch:
    """A sample against what passes make of it."""
    found = find_sample(sample)
    before = ingest(found.model_path)
    recipe = Recipe.parse(f"{passes} + onnxruntime")
    after = built(before, recipe, load_evalset(found.evalset_path, before)).model
    sides = (before, after)
    return match_graphs(*map(analysis_of, sides), *map(weights_of, sides))


@pytest.mark.slow
def test_a_folded_normalization_is_fused_into_its_convolution(home: Path) -> None:
    found = passed("fashion", "simplify")
    assert changes(found) == {"same": 31, "fused": 21, "removed": 2}
    assert found.after["/stem/Conv"].before == ("/stem/Conv", "/bn/BatchNormalization")
    assert found.after["/stem/Conv"].why == "made of Conv + BatchNormalization"


@pytest.mark.slow
def test_quantizing_changes_products_and_adds_pairs(home: Path) -> None:
    found = passed("fashion", "static_int8:samples=8")
    conv = found.after["/stages/stages.0/conv1/Conv"]
    assert conv.change == "fused" and len(conv.before) == 3  # with its normalization and Relu
    assert found.before["/head/Gemm"].why.startswith("fp32 became int8")
    added = [one.after[0] for one in found.matches if one.change == "added"]
    assert len(added) > 60 and all("Linear" in name for name in added)


@pytest.mark.slow
def test_a_fused_transformer_names_what_it_is_made_of(home: Path) -> None:
    found = passed("spam", "fuse_transformer")
    assert changes(found)["fused"] == 16
    gelu = found.before["/layers.0/Erf"]
    assert gelu.change == "fused" and gelu.after == ("Gelu_AddBias_0",)
    assert "/layers.0/up/Add" in gelu.before


@pytest.mark.parametrize(
    ("op", "kind"),
    [("QLinearConv", "Conv"), ("NhwcFusedConv", "Conv"), ("MatMulIntegerToFloat", "MatMul"),
     ("DynamicQuantizeLSTM", "LSTM"), ("QGemm", "MatMul"), ("Add", "Add")],
)  # fmt: skip
def test_what_computes_the_same_is_of_one_kind(op: str, kind: str) -> None:
    assert kind_of(op) == kind
