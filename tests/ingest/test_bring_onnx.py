"""Good ONNX files: dims, shapes, external data, one Model for the same content."""

import shutil
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.onnx_models import FLOAT, INT64, linear, model, relu, value, with_external_data

from optim.build.promise import check_runs
from optim.errors import Cancelled, InputError
from optim.evalset import synthesize
from optim.ingest import child, find_dims, ingest, questions
from optim.ingest.samples import list_samples
from optim.model import load_model
from optim.model.proto import all_nodes
from optim.passes.support.tools import slimmed


def asked(path, tmp_path):
    return child.inspect(str(path), str(tmp_path), 10**8)["dims"]


def test_a_path_becomes_a_model_and_twice_the_same(save):
    path = save(linear())
    first = ingest(path)
    assert (first.name, first.source, first.dims) == ("net", "onnx", {"batch": 1})
    assert first.inputs[0].shape == (1, 4)
    assert first.outputs[0].shape == (1, 256)
    assert ingest(str(path)) == first == load_model(first.digest)


def test_other_dims_are_another_model(bring, save):
    path = save(linear())
    assert bring(path, {"batch": 8}).inputs[0].shape == (8, 4)
    assert bring(path, {"batch": 8}).digest != bring(path).digest


def test_the_bound_model_computes_what_the_file_does(bring, save):
    import onnxruntime as ort

    path = save(linear())
    x = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    results = [
        ort.InferenceSession(str(p)).run(None, {"x": x})[0]
        for p in (path, bring(path, {"batch": 3}).path)
    ]
    np.testing.assert_array_equal(*results)


def test_dims_are_suggested_by_what_they_are_called(save, tmp_path):
    inputs = [
        value("image", ["N", 3, "height", "width"]),
        value("tokens", ["batch_size", "sequence_length"], INT64),
        value("plain", ["rows", "k"]),
        value("unnamed", [None, None, 7]),
    ]
    nodes = [helper.make_node("Identity", [i.name], [f"{i.name}_out"]) for i in inputs]
    outputs = [value(f"{i.name}_out", None, i.type.tensor_type.elem_type) for i in inputs]
    assert asked(save(model(nodes, inputs, outputs)), tmp_path) == {
        "N": 1, "height": 224, "width": 224, "batch_size": 1, "sequence_length": 128,
        "rows": 1, "k": 128, "batch": 1, "unnamed_1": 128,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dims", "layout", "wanted"),
    [
        (["T", "B", 3], 0, {"T": 128, "B": 1}),
        ([None, None, 3], 0, {"x_0": 128, "batch": 1}),
        (["batch", 1, 3], 0, {"batch": 1}),  # its name says more than the operator
        (["rows", None, 3], 1, {"rows": 1, "x_1": 128}),
    ],
)
def test_the_first_axis_of_what_a_recurrent_operator_reads_is_its_time(
    save, tmp_path, dims, layout, wanted
):
    weights = [
        numpy_helper.from_array(np.ones((1, 8, size), np.float32), name)
        for name, size in (("w", 3), ("r", 2))
    ]
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=2, layout=layout)
    made = model([node], [value("x", dims)], [value("y", None)], weights)
    assert asked(save(made), tmp_path) == wanted


def test_an_expression_follows_from_its_symbols(bring, save, tmp_path):
    nodes = [helper.make_node("Identity", ["a"], ["c"]), helper.make_node("Identity", ["b"], ["d"])]
    inputs = [value("a", ["past"]), value("b", ["past + 1"])]
    path = save(model(nodes, inputs, [value("c", ["past"]), value("d", None)]))
    assert asked(path, tmp_path) == {"past": 128}
    brought = bring(path, {"past": 7})
    assert [spec.shape for spec in brought.inputs] == [(7,), (8,)]
    assert [spec.shape for spec in brought.outputs] == [(7,), (8,)]


def test_a_name_with_a_dash_is_no_expression(save, tmp_path):
    assert asked(save(linear(("batch-size",))), tmp_path) == {"batch-size": 1}


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ({"rows": 2}, "no dimension 'rows'.*batch"),
        ({"batch": 0}, "would hold no sample"),
        ({"batch": 10**12}, "batch=1000000000000"),
        ({"batch": 2**30}, "elements"),
    ],
)
def test_impossible_dims_are_refused(bring, save, dims, message):
    with pytest.raises(InputError, match=message):
        bring(save(linear()), dims)


def test_an_evalset_sets_the_shapes(bring, save, tmp_path):
    path = save(linear(("batch", "sequence")))
    for number, shape in enumerate([(5, 9, 4), (5, 1, 9, 4)]):
        evalset = tmp_path / f"{number}.npz"
        np.savez_compressed(evalset, x=np.zeros(shape, np.float32), labels=np.zeros(5))
        assert bring(path, evalset=evalset).inputs[0].shape == (1, 9, 4)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 2, 4), (5,)])
def test_an_evalset_of_another_shape_is_refused(bring, save, tmp_path, shape):
    np.savez(tmp_path / "e.npz", x=np.zeros(shape, np.float32))
    with pytest.raises(InputError, match="'x'"):
        bring(save(linear()), evalset=tmp_path / "e.npz")


def test_samples_on_the_last_axis_are_left_to_the_evalsets_own_check(bring, save, tmp_path):
    np.savez(tmp_path / "e.npz", x=np.zeros((4, 5), np.float32))
    assert bring(save(linear()), evalset=tmp_path / "e.npz").inputs[0].shape == (1, 4)


def test_dims_that_contradict_the_evalset_are_refused(bring, save, tmp_path):
    np.savez(tmp_path / "e.npz", x=np.zeros((5, 9, 4), np.float32))
    with pytest.raises(InputError, match="both 8 and 9"):
        bring(save(linear((1, "sequence"))), {"sequence": 8}, evalset=tmp_path / "e.npz")


def test_a_damaged_evalset_is_refused(bring, save, tmp_path):
    np.savez(tmp_path / "e.npz", x=np.zeros((5, 4), np.float32))
    whole = (tmp_path / "e.npz").read_bytes()
    (tmp_path / "e.npz").write_bytes(whole.replace(b"\x93NUMPY", b"\x93NOMPY"))
    with pytest.raises(InputError, match="EvalSet cannot be read"):
        bring(save(linear()), evalset=tmp_path / "e.npz")


def test_the_trial_runs_on_the_evalsets_first_sample(bring, save, tmp_path):
    """An index that only real inputs get right."""
    table = numpy_helper.from_array(np.zeros((1, 2), np.float32), "table")
    first = numpy_helper.from_array(np.array(500), "first")
    nodes = [
        helper.make_node("Sub", ["ids", "first"], ["at"]),
        helper.make_node("Gather", ["table", "at"], ["y"], name="look up"),
    ]
    inputs, outputs = [value("ids", ["n"], INT64)], [value("y", ["n", 2])]
    path = save(model(nodes, inputs, outputs, [table, first]))
    with pytest.raises(InputError, match="made-up inputs.*'Gather' of node 'look up'"):
        bring(path)
    np.savez(tmp_path / "e.npz", ids=np.full((4, 3), 500))
    assert bring(path, evalset=tmp_path / "e.npz").inputs[0].shape == (3,)


def test_an_input_without_shape_is_asked_for(bring, save, tmp_path):
    proto = relu()
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    path = save(proto)
    assert questions(path).inputs == ("x",)
    with pytest.raises(InputError, match="declares no shape"):
        bring(path)
    assert bring(path, specs=["x:float32[2,3]"]).inputs[0].shape == (2, 3)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("x", "does not describe an input"),
        ("x:float33[1]", "does not describe an input"),
        ("x:float32[0,4]", "size of 0"),
        ("x:int64[1,4]", "is float32, not int64"),
        ("z:float32[1,4]", "no input 'z'"),
        ("x:float32[1,5]", "takes"),
    ],
)
def test_wrong_input_specs_are_refused(bring, save, spec, message):
    with pytest.raises(InputError, match=message):
        bring(save(linear()), specs=[spec])


def test_lengths_that_depend_on_the_data_stay_open(bring, save):
    node = helper.make_node("NonZero", ["x"], ["y"], name="nonzero")
    brought = bring(save(model([node], [value("x", ["b", 3])], [value("y", [2, "k"], INT64)])))
    assert brought.outputs[0].shape == (2, -1)


def test_declared_output_shapes_that_are_wrong_are_corrected(bring, save):
    proto = relu(shape=("b", 3))
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 99
    assert bring(save(proto)).outputs[0].shape == (1, 3)


def test_defaults_that_hide_as_inputs_become_plain_weights(bring, save):
    proto = linear()
    proto.ir_version = 3
    proto.graph.input.append(value("w", [4, 256]))
    brought = bring(save(proto))
    assert [spec.name for spec in brought.inputs] == ["x"]
    assert [i.name for i in onnx.load(brought.path).graph.input] == ["x"]


def test_external_data_beside_the_file_is_found(bring, save, tmp_path):
    inside = bring(save(linear()))
    shutil.rmtree(tmp_path / "apart", ignore_errors=True)
    (tmp_path / "apart").mkdir()
    path = with_external_data(linear(), tmp_path / "apart")
    assert path.stat().st_size < 1000
    assert bring(path).digest == inside.digest


@pytest.mark.parametrize("top", ["", "folder/"])
def test_a_zip_with_external_data(bring, save, tmp_path, top):
    (tmp_path / "apart").mkdir()
    path = with_external_data(linear(), tmp_path / "apart")
    with zipfile.ZipFile(tmp_path / "net.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in path.parent.iterdir():
            archive.write(file, top + file.name)
        archive.writestr("__MACOSX/._net.onnx", b"rubbish")
    brought = bring(tmp_path / "net.zip")
    assert brought.source == "onnx"
    assert brought.digest == bring(save(linear())).digest


def test_names_of_nodes_are_unique_in_branches_too(bring, save):
    branch = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["b"], name="same"), helper.make_node("Abs", ["b"], ["t"])],
        "branch",
        [],
        [value("t", [1])],
    )
    nodes = [
        helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node("If", ["yes"], ["z"], then_branch=branch, else_branch=branch),
        helper.make_node("Abs", ["z"], ["y"], name="same"),
    ]
    brought = bring(save(model(nodes, [value("x", [1])], [value("y", [1])])))
    names = [node.name for node in all_nodes(onnx.load(brought.path))]
    assert len({*names}) == len(names) == 7 and "" not in names


def test_ratios_and_axes_that_are_inputs_are_invented_so_that_the_model_runs(bring, save):
    """And what passes make of it keeps its promise, though the shape depends on the axis."""
    nodes = [
        helper.make_node("Dropout", ["x", "ratio", "yes"], ["d"], name="drop"),
        helper.make_node("ReduceSum", ["d", "axes"], ["y"], name="sum"),
    ]
    given = [value("x", [3, 2]), value("ratio", []), value("axes", [1], INT64)]
    yes = numpy_helper.from_array(np.array(True), "yes")
    brought = bring(save(model(nodes, given, [value("y", [3, 1])], [yes])))
    evalset = synthesize(brought, 8)
    assert all(0 <= sample["ratio"] < 1 for sample in evalset.feeds("validation"))
    other = {
        "x": np.ones((3, 2), np.float32),
        "ratio": np.array(0.5, np.float32),
        "axes": np.array([0]),
    }
    assert check_runs(onnx.load(brought.path), brought.path, other) == ()


def test_an_axis_of_a_vector_is_invented_as_0(bring, save):
    node = helper.make_node("CumSum", ["x", "axis"], ["y"])
    brought = bring(
        save(model([node], [value("x", [5]), value("axis", [], INT64)], [value("y", [5])]))
    )
    assert {int(sample["axis"]) for sample in synthesize(brought, 8).feeds("validation")} == {0}


def test_odd_names_are_kept_and_said(bring, save):
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="<script>alert(1)</script>"),
        helper.make_node("Relu", ["a"], ["b"], name="twice"),
        helper.make_node("Relu", ["b"], ["c"], name="twice"),
        helper.make_node("Relu", ["c"], ["d"], name="tab\tand\x1b[31m\u202ebell\x07"),
        helper.make_node("Relu", ["d"], ["y\x00z"], name="n" * 1_000_000),
    ]
    brought = bring(save(model(nodes, [value("x", [1])], [value("y\x00z", [1])])))
    kept = [node.name for node in onnx.load(brought.path).graph.node]
    assert kept == [*(node.name for node in nodes[:2]), "twice_2", *(n.name for n in nodes[3:])]
    notes = "\n".join(brought.notes)
    for text in ("taken already", "'twice'", "longer than 256", "control", "markup", "output"):
        assert text in notes
    assert max(map(len, brought.notes)) < 250
    assert all(line.isprintable() for line in brought.notes)
    assert load_model(brought.digest) == brought


def test_names_that_are_not_text_are_spelled_out(bring, save):
    data = relu(name="product").SerializeToString()
    data = data.replace(b"product", b"pr\xff\xeduct").replace(b"\x01x", b"\x01\xff")
    brought = bring(save(data))
    assert onnx.load(brought.path).graph.node[0].name == r"pr\xff\xeduct"
    assert brought.inputs[0].name == r"\xff"
    assert "not UTF-8" in brought.notes[0]
    assert load_model(brought.digest) == brought


def test_ordinary_names_are_not_remarked(bring, save):
    assert bring(save(linear())).notes == ()


def test_half_precision_and_integer_models(bring, save):
    for dtype in (TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.INT32):
        assert bring(save(relu(dtype=dtype), f"{dtype}.onnx")).opset == 17


def test_every_sample_becomes_a_model_of_its_default_dims():
    samples = list_samples()
    assert {sample.name for sample in samples} >= {"fashion", "spam", "credit"}
    for sample in samples:
        assert sample.model_path.exists() and sample.evalset_path.exists()
        assert sample.card["title"] == sample.title
    sample = samples[0]
    brought = ingest(f"sample:{sample.name}", evalset=sample.evalset_path)
    assert brought.name == sample.name
    assert {spec.shape[0] for spec in brought.inputs} == {1}
    assert find_dims(f"sample:{sample.name}") == {"batch": 1}


def test_an_unknown_sample_is_refused_with_the_names():
    with pytest.raises(InputError, match="'nothing'.*sample:fashion"):
        ingest("sample:nothing")


def test_it_can_be_cancelled(save):
    with pytest.raises(Cancelled):
        ingest(save(linear()), cancelled=lambda: True)


def test_more_than_one_message_can_hold_spills(save, tmp_path, monkeypatch, bring):
    """The path of models above 2 GB, with the threshold lowered."""
    from optim.model import proto

    monkeypatch.setattr(proto.write_proto, "__defaults__", (1000,))
    brought = bring(save(linear()))
    assert brought.path.with_name("model.data").exists()
    assert brought.outputs[0].shape == (1, 256)
    assert onnx.load(brought.path).graph.initializer[0].data_type == FLOAT


def classifier(nodes, outputs):
    """A tree that answers class 1 above 0: `nodes` go on from its label and its scores."""
    tree = helper.make_node(
        "TreeEnsembleClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", name="tree",
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values=[0.0, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0], class_treeids=[0, 0],
        class_nodeids=[1, 2], class_ids=[0, 1], class_weights=[1.0, 1.0],
        classlabels_strings=["no", "yes"], post_transform="NONE",
    )  # fmt: skip
    proto = model([tree, *nodes], [value("x", [None, 3])], outputs, domains=["ai.onnx.ml"])
    proto.opset_import[1].version = 3
    return proto


def test_trees_have_shapes_that_no_engine_infers(bring, save):
    outputs = [value("scores", [None, 2])]
    assert bring(save(classifier([], outputs))).outputs[0].shape == (1, 2)


def test_a_length_that_the_data_makes_stays_open(bring, save):
    nodes = [
        helper.make_node("Greater", ["scores", "half"], ["high"]),
        helper.make_node("NonZero", ["high"], ["where"]),
        helper.make_node("Identity", ["where"], ["found"]),
    ]
    proto = classifier(nodes, [value("found", None, INT64)])
    proto.graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "half"))
    assert bring(save(proto)).outputs[0].shape == (2, -1)


def test_a_map_of_scores_becomes_their_tensor_and_text_is_left_out(bring, save):
    zipmap = helper.make_node(
        "ZipMap", ["scores"], ["p"], domain="ai.onnx.ml", classlabels_strings=["no", "yes"]
    )
    entry = helper.make_map_type_proto(
        TensorProto.STRING, helper.make_tensor_type_proto(FLOAT, None)
    )
    maps = helper.make_value_info("p", helper.make_sequence_type_proto(entry))
    path = save(classifier([zipmap], [value("label", [None], TensorProto.STRING), maps]))
    assert questions(path).dims == {"batch": 1}
    brought = bring(path)
    assert [(spec.name, spec.dtype, spec.shape) for spec in brought.outputs] == [
        ("p", "float32", (1, 2))
    ]
    assert "'p' was a map" in brought.notes[0] and "'label' holds text" in brought.notes[1]


def test_local_functions_are_written_out(bring, save):
    function = helper.make_function(
        "mine", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"], name="add")],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    nodes = [helper.make_node("Twice", [a], [b], domain="mine") for a, b in ("xt", "ty")]
    ends = [value("x", [1])], [value("y", [1])]
    brought = bring(save(model(nodes, *ends, domains=["mine"], functions=[function])))
    kept = onnx.load(brought.path)
    assert [node.op_type for node in kept.graph.node] == ["Add", "Add"]
    assert len({node.name for node in kept.graph.node}) == 2 and not kept.functions


def test_a_model_that_draws_at_random_says_so(bring, save):
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["r"]),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    brought = bring(save(model(nodes, [value("x", [1])], [value("y", [1])])))
    assert brought.notes[0].startswith("RandomNormalLike draws at random")


def test_trees_alone_get_the_standard_opset_too(bring, save):
    """XGBoost's converter imports ai.onnx.ml only, and the libraries behind passes need both."""
    proto = classifier([], [value("scores", [None, 2])])
    del proto.opset_import[0]
    brought = bring(save(proto))
    assert brought.opset == 17
    assert slimmed(onnx.load(brought.path)).graph.node[0].op_type == "TreeEnsembleClassifier"


def test_branches_that_call_values_alike_get_names_of_their_own(bring, save):
    """Libraries keep one table of names for all scopes, and take the one for the other."""
    x, size = value("x", [1, 4]), np.random.default_rng(0).standard_normal((2, 4, 4))

    def branch(place):
        weight = numpy_helper.from_array(size[place].astype(np.float32), "w")
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["t"]),
            helper.make_node("Relu", ["t"], ["x_1"]),
        ]
        return helper.make_graph(nodes, "branch", [], [value("x_1", [1, 4])], [weight])

    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["is"], to=TensorProto.BOOL),
        helper.make_node("If", ["is"], ["y"], then_branch=branch(0), else_branch=branch(1)),
    ]
    path = save(model(nodes, [x], [value("y", [1, 4])]))
    brought = onnx.load(bring(path).path)
    branches = [a.g for node in brought.graph.node for a in node.attribute if a.name.endswith("h")]
    made = [[out for node in g.node for out in node.output] for g in branches]
    held = [tensor.name for g in branches for tensor in g.initializer]
    assert len(set(held)) == 2 and not set(made[0]) & set(made[1])
    given = np.random.default_rng(1).standard_normal((1, 4)).astype(np.float32)
    runs = [
        onnxruntime.InferenceSession(one).run(None, {"x": given})[0]
        for one in (path, bring(path).path)
    ]
    np.testing.assert_array_equal(*runs)
