"""Sizes for open dimensions are ones that the model was seen to accept."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from support.onnx_models import INT64, model, value

from optim.errors import InputError
from optim.ingest import ingest, questions


def product(features=57):
    """x[batch, features] @ w: the weights fix what the input leaves open."""
    w = numpy_helper.from_array(np.ones((features, 3), np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return model([node], [value("x", ["batch", "features"])], [value("y", ["batch", 3])], [w])


def mean():
    """The mean of however many numbers."""
    node = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1])
    return model([node], [value("x", ["N", "W"])], [value("y", ["N", 1])], opset=13)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("made", "extra"), [(product(4), 0), (product(4), 1), (mean(), 0)])
def test_a_table_says_how_many_columns_a_model_takes(made, extra, tmp_path):
    onnx.save(made, tmp_path / "m.onnx")
    names = [f"n{place}" for place in range(4 + extra)]
    table = "\n".join(["1.5,2,3,4" + ",5" * extra + f",{i % 2}" for i in range(9)])
    (tmp_path / "t.csv").write_text(f"{','.join(names)},{'more' if extra else 'label'}\n{table}")
    brought = ingest(tmp_path / "m.onnx", evalset=tmp_path / "t.csv")
    assert brought.inputs[0].shape == (1, 4)
    assert any("is 4, by the table" in note for note in brought.notes)


def positions(most=64):
    """Adds the first rows of a table of positions to a sequence, as a transformer does."""
    table = numpy_helper.from_array(np.ones((most, 4), np.float32), "table")
    zero = numpy_helper.from_array(np.array([0]), "zero")
    nodes = [
        helper.make_node("Shape", ["x"], ["length"], start=1, end=2),
        helper.make_node("Slice", ["table", "zero", "length", "zero"], ["p"]),
        helper.make_node("Gather", ["table", "x"], ["e"]),
        helper.make_node("Add", ["e", "p"], ["y"]),
    ]
    given = [value("x", ["batch", "sequence"], INT64)]
    return model(nodes, given, [value("y", ["batch", "sequence", 4])], [table, zero])


def image(side=32):
    """Flattens a picture into a dense layer, which fixes its sides."""
    w = numpy_helper.from_array(np.ones((3 * side * side, 2), np.float32), "w")
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["y"]),
    ]
    given = [value("x", ["batch", 3, "height", "width"])]
    return model(nodes, given, [value("y", ["batch", 2])], [w])


@pytest.mark.parametrize(
    ("made", "dims"),
    [
        (product(), {"batch": 1, "features": 57}),
        (positions(), {"batch": 1, "sequence": 64}),
        (image(), {"batch": 1, "height": 32, "width": 32}),
    ],
)
def test_sizes_that_the_model_accepts_are_found(bring, save, made, dims):
    asked = questions(save(made))
    assert asked.dims == dims and asked.seen_to_run
    assert bring(save(made)).dims == dims


def test_where_none_is_accepted_the_usual_ones_are_asked_for(bring, save):
    asked = questions(save(product(57_123)))
    assert asked.seen_to_run
    never = image(31)  # no side that anybody uses
    asked = questions(save(never))
    assert asked.dims == {"batch": 1, "height": 224, "width": 224} and not asked.seen_to_run
    with pytest.raises(InputError, match="other dimensions"):
        bring(save(never))
    assert bring(save(never), dims={"height": 31, "width": 31}).dims["width"] == 31
