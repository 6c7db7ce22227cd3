"""Which column of a table is which input, which is the label, and what is asked."""

import io
from pathlib import Path

import numpy as np
import onnx
import pandas
import pytest
from onnx import TensorProto, helper
from support import evalset_models as models

from optim.arrays import TensorSpec
from optim.errors import InputError
from optim.evalset import load_evalset
from optim.evalset.columns import arrays_of

WORDS = {word: word for word in ("labels", "features")}
X = [TensorSpec(name="x", dtype="float32", shape=(1, 2))]
EACH = [
    TensorSpec(name="house_age", dtype="float32", shape=(1, 1)),
    TensorSpec(name="rooms", dtype="int64", shape=(1, 1)),
]
PARTS = [
    TensorSpec(name="kinds", dtype="int64", shape=(1, 1)),
    TensorSpec(name="sizes", dtype="float32", shape=(1, 2)),
]
ALONE = [TensorSpec(name="x", dtype="float32", shape=(2,))]
PICTURE = [TensorSpec(name="p", dtype="float32", shape=(1, 1, 2, 2))]


def read(
    folder: Path, text: str, inputs: list[TensorSpec], label: str = "", model: Path | None = None
) -> tuple[dict[str, np.ndarray], str]:
    path = folder / "data.csv"
    path.write_text(text.replace("|", "\n"))
    notes: list[str] = []
    return arrays_of(path, inputs, 64, WORDS, model, label, notes), " ".join(notes)


GOOD = {
    "a label by name": ("a,b,Target|1,2,0|3,4,1", X, "", [0, 1], "'Target' was taken for the lab"),
    "of two, the plainer": ("default,b,y|1,2,no|3,4,yes", X, "", ["no", "yes"], "'y' was taken"),
    "called as in finance": ("a,is_fraud,b|1,0,2|3,1,4", X, "", [0, 1], "'is_fraud' was taken"),
    "the last": ("1.5,2,no|3,4.5,yes|5,6.5,no", X, "", ["no", "yes", "no"], "'column_3' was taken"),
    "the first": ("c,a,b|0,1.5,2.5|1,3.5,4.5|0,5.5,6.5", X, "", [0, 1, 0], "'c' was taken"),
    "named by the user": ("a,b,c|1,2,0.5|3,4,0.7", X, "C", [0.5, 0.7], "'c' was taken"),
    "numbers of lines": (",a,b,label|0,1,2,1|1,3,4,0", X, "", [1, 0], "Left out: 'Unnamed: 0'"),
    "lines that are counted": ("n,a,b,y|1,1,2,0|2,3,4,1|3,5,6,0", X, "", [0, 1, 0], "out: 'n'"),
    "ids": ("customerID,a,b,label|x1,1,2,1|x2,3,4,0", X, "", [1, 0], "Left out: 'customerID'"),
    "no label": ("a,b|1,2|3,4", X, "", None, "No column was taken for the label"),
    "a feature called default": ("default,b|1,2|3,4", X, "", None, "No column was taken"),
    "lines without labels": ("a,b,y|1,2,p|9,9,|3,4,n", X, "", ["p", "n"], "1 lines have no label"),
    "missing in whole labels": ("a,b,y|1,2,1|9,9,|3,4,0", X, "", [1, 0], "1 lines have no label"),
    "true and false": ("a,b,y|1,2,True|3,4,False", X, "", [1, 0], "'y' was taken"),
    "a column for each": ("Rooms,id,House Age,c|2,7,1,1|4,9,3,0", EACH, "c", [1, 0], "out: 'id'"),
    "left over": ("Rooms,sold,House Age|2,1,1|4,0,3", EACH, "", [1, 0], "'sold' was taken"),
    "parts by their types": ("a,b,k,y|1.5,2,3,0|3.5,4,5,1", PARTS, "", [0, 1], "'a' to 'b' were"),
    "no axis of samples": ("a,b,y|1,2,0|3,4,1", ALONE, "", [0, 1], "'y' was taken"),
    "yes and no": ("a,b,y|yes,2,no|No,4,yes", X, "", ["no", "yes"], "'yes' was read as 1"),
    "pictures": ("label,p0,p1,p2,p3|1,1,2,3,4|0,5,6,7,8", PICTURE, "", [1, 0], "'p0' to 'p3'"),
}


@pytest.mark.parametrize("kind", list(GOOD))
def test_columns_are_found(kind: str, tmp_path: Path) -> None:
    text, inputs, label, labels, said = GOOD[kind]
    arrays, notes = read(tmp_path, text, inputs, label)
    assert said in notes
    assert arrays.get("labels", np.array(None)).tolist() == labels
    for spec in inputs:
        assert arrays[spec.name].dtype == spec.dtype
        assert arrays[spec.name].shape[1:] == (spec.shape[1:] or spec.shape)
    if kind == "yes and no":
        assert arrays["x"].tolist() == [[1, 2], [0, 4]]
    elif inputs in (X, ALONE) and "1.5" not in text:
        assert arrays["x"][:2].tolist() == [[1, 2], [3, 4]]
    if inputs is EACH:
        assert arrays["rooms"].ravel().tolist() == [2, 4]
        assert arrays["house_age"].ravel().tolist() == [1, 3]
    if inputs is PARTS:
        assert arrays["kinds"].ravel().tolist() == [3, 5]
    if inputs is PICTURE:
        assert arrays["p"][1, 0].tolist() == [[5, 6], [7, 8]]


def test_missing_values_are_nan_and_the_names_are_kept(tmp_path: Path) -> None:
    arrays, _ = read(tmp_path, "a,b,y|1,?,0|NA,4,1", X)
    assert np.array_equal(arrays["x"], [[1, np.nan], [np.nan, 4]], equal_nan=True)
    assert arrays["features"].tolist() == ["a", "b"]
    assert "features" not in read(tmp_path, "1.5,2,no|3,4.5,yes", X)[0]


BAD = {
    "too many": ("id2,a,b,job,y|1,2,3,clerk,0|4,5,6,cook,1", X, "4 columns besides.*Text: 'job'"),
    "a feature that counts": ("day,a,b,y|9,1,7,0|8,2,5,1|7,3,5,0", X, "3 columns besides.*'a'"),
    "too few": ("a,y|1,0|2,1", X, "1 columns besides the label 'y'.*takes 2.*Give every column"),
    "text in its place": ("a,b,y|1,red,0|2,blue,1", X, "'b' is text .'red', 'blue'.; the inp"),
    "a word of its own for missing": (
        "a,b,y|1,--,0|2,3.5,1|3,NA,1|4,5,0",
        X,
        "'b' is numbers but for 1 texts .'--'.",
    ),
    "dates": ("a,b,y|1,2024-01-05,0|2,5.1.2024,1", X, "'b' is dates .'2024-.*to_datetime"),
    "two labels": ("a,b,y,target|1,2,0,1|3,4,1,0", X, "'y', 'target' may each be.*--label-column"),
    "either end": ("c,a,d|0,1.5,1|1,2.5,0", X, "one is the label, and.*--label-column"),
    "neither end": ("a,b,c|0.5,1.5,2.5|1.5,2.5,3.5", X, "one is the label, and.*--label-column"),
    "no such column": ("a,b,y|1,2,0|3,4,1", X, "no column 'zz'.*'a', 'b', 'y'"),
    "an input without": ("rooms,y|1,0|2,1", EACH, "no column for the input 'house_age'"),
    "several left over": ("rooms,house_age,p,q|1,2,3,0|3,4,5,1", EACH, "'p', 'q' are no inputs"),
    "missing in whole numbers": ("rooms,house_age|1,2|,4", EACH, "'rooms' misses 1 values"),
    "fractions": ("rooms,house_age|1.5,2|2,4", EACH, "'rooms' holds others than whole numbers"),
    "infinite": ("rooms,house_age|inf,2|2,4", EACH, "'rooms' holds others than whole numbers"),
    "parts alike": ("a,b,k|1,2,3|3,4,5", PARTS, "is not known by their order.*savez"),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_what_does_not_fit_is_told_with_what_to_do(kind: str, tmp_path: Path) -> None:
    text, inputs, said = BAD[kind]
    with pytest.raises(InputError, match=said):
        read(tmp_path, text, inputs, "zz" if kind == "no such column" else "")


@pytest.mark.parametrize("value", ['["b", "a"]', "b, a"])
def test_names_in_the_models_metadata_say_the_order(value: str, tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["z"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xz"]
    proto = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]))
    helper.set_model_props(proto, {"license": "none", "feature_names": value})
    onnx.save(proto, tmp_path / "m.onnx")
    arrays, _ = read(tmp_path, "a,more,b,y|1,9,2,0|3,9,4,1", X, "", tmp_path / "m.onnx")
    assert arrays["x"].tolist() == [[2, 1], [4, 3]]


@pytest.mark.usefixtures("home")
def test_columns_that_miss_values_are_named_where_the_model_does_not_take_them(
    tmp_path: Path,
) -> None:
    header = ",".join(f"n{place}" for place in range(models.FEATURES))
    lines = [",".join(["0.5"] * models.FEATURES)] * 4 + [",".join(["0.5", "NA", *["1.5"] * 6])]
    (tmp_path / "a.csv").write_text("\n".join([header, *lines]))
    with pytest.raises(InputError, match="holds 1 NaN values in 'n1', the first in sample 4"):
        load_evalset(tmp_path / "a.csv", models.classifier(tmp_path))


@pytest.mark.usefixtures("home")
def test_a_table_gives_the_evalset_that_its_arrays_give(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((40, models.FEATURES)).astype(np.float32)
    labels = np.array(["a", "b", "c", "d"] * 10)
    names = [f"n{place}" for place in range(models.FEATURES)]
    np.savez(tmp_path / "a.npz", x=rows, labels=labels, features=names)
    table = pandas.DataFrame(rows, columns=names).assign(label=labels, sample_weight=0.5)
    written = io.StringIO()
    table.to_csv(written, sep=";", decimal=",")
    (tmp_path / "a.csv").write_text(written.getvalue())
    model = models.classifier(tmp_path)
    arrays, columns = (load_evalset(tmp_path / f"a.{kind}", model) for kind in ("npz", "csv"))
    assert {*arrays.notes} < {*columns.notes}
    assert columns.model_dump(exclude={"digest", "notes"}) == arrays.model_dump(
        exclude={"digest", "notes"}
    )
    for one, other in zip(arrays.feeds("validation"), columns.feeds("validation"), strict=True):
        assert np.array_equal(one["x"], other["x"])
    assert np.array_equal(arrays.labels("validation"), columns.labels("validation"))
