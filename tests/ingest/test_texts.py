"""Inputs of text are inputs of whole numbers, with the answers that the texts had."""

import numpy as np
import onnx
import onnxruntime as ort
import pandas
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.onnx_models import FLOAT, INT64, model, value

from optim.errors import InputError
from optim.evalset import load_evalset, synthesize
from optim.evalset.coded import KEY, texts_of
from optim.ingest import ingest

CITIES, JOBS = ["Bonn", "Köln", "Rom"], ["cook", "clerk"]
ML = "ai.onnx.ml"
pytestmark = pytest.mark.usefixtures("home")


def pipeline(encoder="OneHotEncoder"):
    """What skl2onnx makes of a ColumnTransformer: texts put together, parted, encoded, joined."""
    nodes = [
        helper.make_node("Concat", ["city", "job"], ["both"], axis=1),
        *(extracted("both", place, f"part{place}") for place in range(2)),
        helper.make_node("OneHotEncoder", ["part0"], ["c"], domain=ML, cats_strings=CITIES),
        helper.make_node("Reshape", ["c", "flat"], ["c2"]),
        looked_up("part1", "j"),
        helper.make_node("Concat", ["age", "c2", "j"], ["all"], axis=1),
        helper.make_node("MatMul", ["all", "w"], ["z"]),
    ]
    if encoder != "OneHotEncoder":
        nodes.insert(0, helper.make_node(encoder, ["job0"], ["job"], case_change_action="LOWER"))
    w = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    weights = {"w": w, "flat": np.array([-1, 3]), "at0": np.array([0]), "at1": np.array([1])}
    texts = ["city", "job" if encoder == "OneHotEncoder" else "job0"]
    given = [value(name, ["N", 1], TensorProto.STRING) for name in texts]
    return model(
        nodes,
        [*given, value("age", ["N", 1])],
        [value("z", ["N", 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
        domains=[ML],
    )


def extracted(name, place, out):
    return helper.make_node("ArrayFeatureExtractor", [name, f"at{place}"], [out], domain=ML)


def looked_up(name, out):
    values = [10.0, 20.0]
    return helper.make_node(
        "LabelEncoder", [name], [out], domain=ML, keys_strings=JOBS, values_floats=values
    )


def save(proto, path):
    proto.opset_import[1].version = 2
    onnx.save(proto, path)
    return path


def test_texts_are_answered_as_they_were(tmp_path):
    path = save(pipeline(), tmp_path / "m.onnx")
    table = pandas.DataFrame({"job": [*JOBS, "x"] * 4, "city": CITIES * 4, "age": np.arange(12.0)})
    table = table.assign(label=[0, 1] * 6)
    table.to_csv(tmp_path / "t.csv", index=False)
    columns = {name: table[[name]].to_numpy(str) for name in ("city", "job")}
    columns["age"] = table[["age"]].to_numpy(np.float32)
    np.savez(tmp_path / "t.npz", labels=table["label"], **columns)
    wanted = ort.InferenceSession(path).run(None, columns)[0]
    for kind in ("csv", "npz"):
        brought = ingest(path, evalset=tmp_path / f"t.{kind}")
        assert {spec.name: spec.dtype for spec in brought.inputs} == {
            **{"city": "int64", "job": "int64"},
            "age": "float32",
        }
        assert any("took text and takes whole numbers now" in note for note in brought.notes)
        evalset = load_evalset(tmp_path / f"t.{kind}", brought)
        assert any("4 texts of 'job' are none" in note and "'x'" in note for note in evalset.notes)
        session = ort.InferenceSession(brought.path)
        for feed in evalset.feeds("validation") + evalset.feeds("calibration"):
            got = session.run(None, feed)[0]
            assert np.allclose(got, wanted[int(feed["age"].item())], atol=1e-5)
    assert synthesize(brought).validation_count


def test_texts_that_are_more_than_looked_up_are_refused(tmp_path):
    with pytest.raises(InputError, match="'city', 'job0' is text, and its StringNormalizer does"):
        ingest(save(pipeline("StringNormalizer"), tmp_path / "m.onnx"))


def test_equal_texts_are_equal_numbers(tmp_path):
    names = numpy_helper.from_array(np.array(CITIES, object), "names")
    nodes = [
        helper.make_node("Equal", ["city", "names"], ["same"]),
        helper.make_node("Cast", ["same"], ["y"], to=FLOAT),
    ]
    given = [value("city", ["N", 1], TensorProto.STRING)]
    onnx.save(model(nodes, given, [value("y", ["N", 3])], [names], opset=19), tmp_path / "m.onnx")
    brought = ingest(tmp_path / "m.onnx")
    found = ort.InferenceSession(brought.path).run(None, {"city": np.array([[2]])})[0]
    assert found.tolist() == [[0, 1, 0]] and brought.inputs[0].dtype == "int64"
    assert INT64 in [
        entry.type.tensor_type.elem_type for entry in onnx.load(brought.path).graph.input
    ]


@pytest.mark.parametrize("stored", ["[", "3", '{"a": 1}', "[" * 100_000])
def test_what_is_no_list_of_texts_is_none(stored, tmp_path):
    """Whoever makes a file may write its metadata."""
    proto = pipeline()
    proto.metadata_props.add(key=KEY, value=stored)
    onnx.save(proto, tmp_path / "m.onnx")
    assert texts_of(tmp_path / "m.onnx") == []


def test_texts_may_be_any_bytes(tmp_path):
    names = numpy_helper.from_array(np.array([b"\xff\xfe", b"Rom"], object), "names")
    nodes = [
        helper.make_node("Equal", ["city", "names"], ["same"]),
        helper.make_node("Cast", ["same"], ["y"], to=FLOAT),
    ]
    given = [value("city", ["N", 1], TensorProto.STRING)]
    onnx.save(model(nodes, given, [value("y", ["N", 2])], [names], opset=19), tmp_path / "m.onnx")
    assert texts_of(ingest(tmp_path / "m.onnx").path) == ["\\xff\\xfe", "Rom"]
