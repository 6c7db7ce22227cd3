"""The sample models are what their cards say: measured again, from the shipped files."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import yaml
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from support.paths import SAMPLES

THRESHOLDS = {"fashion": 0.92, "spam": 0.95, "credit": 0.758}
"""At least this; `weather` is an error, which must be below that of "as it is now"."""
KEY_OPS = {
    "fashion": {"Conv": 21, "BatchNormalization": 21, "Add": 9},
    "spam": {"MatMul": 32, "Softmax": 4, "LayerNormalization": 9},
    "credit": {"Gemm": 32, "Gather": 10, "Sigmoid": 1},
    "weather": {"LSTM": 2},
}
NAMES = list(KEY_OPS)
LONG = {"fashion", "spam"}

Arrays = dict[str, NDArray[Any]]


def read_card(name: str) -> dict[str, Any]:
    card: dict[str, Any] = yaml.safe_load((SAMPLES / name / "card.yaml").read_text("utf-8"))
    return card


def read_evalset(name: str) -> Arrays:
    with np.load(SAMPLES / name / "evalset.npz", allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def read_model(name: str) -> onnx.ModelProto:
    return onnx.load(SAMPLES / name / "model.onnx", load_external_data=False)


def run(name: str, inputs: Arrays, batch: int = 10) -> NDArray[Any]:
    path = str(SAMPLES / name / "model.onnx")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    samples = len(next(iter(inputs.values())))
    parts = [
        session.run(None, {key: a[at : at + batch] for key, a in inputs.items()})[0]
        for at in range(0, samples, batch)
    ]
    return np.concatenate(parts)


def split(name: str, calibration: bool) -> tuple[Arrays, NDArray[Any]]:
    """Inputs and labels of one of the two splits."""
    evalset = read_evalset(name)
    rows = evalset["calibration"] == calibration
    names = [i.name for i in read_model(name).graph.input]
    return {key: evalset[key][rows] for key in names}, evalset["labels"][rows]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.deep] * (name in LONG)) for name in NAMES]
)
def test_the_card_is_true(name: str) -> None:
    card, (inputs, labels) = read_card(name), split(name, calibration=False)
    assert card["validation"] == len(labels)
    step = 2 if name == "fashion" else 1  # all 10,000 photos would take 25 s
    inputs, labels = {key: a[::step] for key, a in inputs.items()}, labels[::step]
    output = run(name, inputs)
    value = {
        "top1": lambda: float((output.argmax(axis=1) == labels).mean()),
        "auc": lambda: float(roc_auc_score(labels, output[:, 0])),
        "mae": lambda: float(np.abs(output - labels).mean()),
    }[card["metric"]]()
    assert value == pytest.approx(card["value"], abs=5e-4 if step == 1 else 8e-3)
    if name in THRESHOLDS:
        assert value >= THRESHOLDS[name]
    else:
        assert value < card["baseline"]["as it is now"]
    assert card["calibration"] == read_evalset(name)["calibration"].sum()
    assert card["size_bytes"] == (SAMPLES / name / "model.onnx").stat().st_size
    assert card["metric"] == str(read_evalset(name)["metric"])
    texts = ("name", "title", "task", "summary", "input", "data", "licence", "training", "date")
    assert all(isinstance(card[key], str) and card[key] for key in texts)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_plain_onnx_with_a_symbolic_batch_only(name: str) -> None:
    model = read_model(name)
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version >= 17) for o in model.opset_import] == [("", True)]
    assert model.graph.name == name and model.doc_string
    for value in [*model.graph.input, *model.graph.output]:
        first, *rest = value.type.tensor_type.shape.dim
        assert first.dim_param == "batch"
        assert all(d.dim_value > 0 for d in rest)
    assert not any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer)
    names = [n.name for n in model.graph.node]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_still_holds_what_the_optimizations_are_to_find(name: str) -> None:
    ops = [n.op_type for n in read_model(name).graph.node]
    assert {op: ops.count(op) for op in KEY_OPS[name]} == KEY_OPS[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_gives_what_single_samples_give(name: str) -> None:
    inputs = {key: a[:3] for key, a in split(name, calibration=True)[0].items()}
    np.testing.assert_allclose(run(name, inputs, 3), run(name, inputs, 1), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_no_sample_is_in_both_splits(name: str) -> None:
    seen = []
    for calibration in (True, False):
        inputs, labels = split(name, calibration)
        rows = zip(*inputs.values(), strict=True)
        seen.append({b"".join(a.tobytes() for a in row) for row in rows})
        assert len(labels) >= 500
    assert not seen[0] & seen[1]


def test_no_near_duplicate_mails_across_the_splits() -> None:
    """Jaccard index of the sets of token ids, all pairs; 0 to 2 are no words."""
    sets = []
    for calibration in (True, False):
        ids = split("spam", calibration)[0]["input_ids"]
        table = np.zeros((len(ids), ids.max() + 1), np.float32)
        np.put_along_axis(table, ids, 1, axis=1)
        sets.append(np.pad(table, ((0, 0), (0, 8192 - table.shape[1])))[:, 3:])
    shared = sets[0] @ sets[1].T
    union = sets[0].sum(1)[:, None] + sets[1].sum(1) - shared
    assert (shared / union).max() < 0.5


def test_labels_fit_the_outputs() -> None:
    for name in NAMES:
        evalset, output = read_evalset(name), read_model(name).graph.output[0]
        width = output.type.tensor_type.shape.dim[1].dim_value
        if "classes" in evalset:
            assert set(np.unique(evalset["labels"])) == set(range(len(evalset["classes"])))
            assert width == (1 if name == "credit" else len(evalset["classes"]))
        else:
            assert evalset["labels"].shape[1:] == (width,)


def test_together_under_40_mb() -> None:
    total = sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file())
    assert total < 40e6


def test_credit_validates_on_loans_it_did_not_learn_from() -> None:
    from sample_models.credit.train import SAMPLE

    data = SAMPLE.load(SAMPLE.source)
    validation, labels = split("credit", calibration=False)
    np.testing.assert_array_equal(validation["numeric"], data.test.inputs["numeric"])
    np.testing.assert_array_equal(labels, data.test.labels)
    learnt = {row.tobytes() for row in data.train.inputs["numeric"]}
    assert {r.tobytes() for r in split("credit", calibration=True)[0]["numeric"]} <= learnt


def test_credit_gives_probabilities_despite_the_weighted_loss() -> None:
    inputs, labels = split("credit", calibration=False)
    assert run("credit", inputs).mean() == pytest.approx(labels.mean(), abs=0.02)


def test_clusters_join_near_duplicates_also_by_way_of_a_third_mail() -> None:
    from sample_models.spam.train import clusters

    mails = ["a b c d", "a b c e", "a b e f", "a x y z", "a b c d"]
    found = clusters([mail.split() for mail in mails])
    assert found[0] == found[1] == found[2] == found[4] != found[3]


def test_weather_windows_stay_within_their_months_and_off_gaps() -> None:
    import pandas as pd

    from sample_models.weather.train import AHEAD, COLUMNS, PAST, windows

    hours = pd.date_range("2013-08-01", "2013-10-31 23:00", freq="h", tz="UTC")
    station = pd.DataFrame({c: np.arange(len(hours), dtype=float) for c in COLUMNS}, index=hours)
    start = 31 * 24
    past, ahead = windows(station, ("2013-09", "2013-09"), 1)
    assert len(past) == 30 * 24 - PAST - AHEAD + 1
    assert past[0][0, 0] == start and ahead[-1][-1] == start + 30 * 24 - 1
    station.iloc[start + 200, 0] = np.nan
    without = windows(station, ("2013-09", "2013-09"), 1)[0]
    assert len(past) - len(without) == AHEAD


def test_weights_of_another_split_are_refused(tmp_path: Path) -> None:
    from torch import nn

    from sample_models.common import Data, Split, load_weights, save_weights

    one, two = (Split({"x": np.zeros((2, 1))}, np.array([0, label])) for label in (0, 1))
    save_weights(nn.Linear(1, 1), tmp_path / "w.npz", Data(one, two))
    load_weights(nn.Linear(1, 1), tmp_path / "w.npz", Data(one, two))
    with pytest.raises(ValueError, match="another split"):
        load_weights(nn.Linear(1, 1), tmp_path / "w.npz", Data(two, one))
