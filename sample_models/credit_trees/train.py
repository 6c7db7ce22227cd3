"""`credit_trees`: the loans of `credit` on the same split, by gradient-boosted trees.

Trees are what teams that decide on credit and fraud run. Data: as `sample_models.credit.train`.
Run: `pip install -r sample_models/credit_trees/requirements.txt`, then
`python -m sample_models.credit_trees.train` (some seconds on a CPU).
"""

import datetime
from itertools import product
from typing import Any

import lightgbm
import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.metrics import roc_auc_score

from sample_models.common import HERE, SEED, Array, Data, Split, measure, write_evalset
from sample_models.credit.train import CATEGORICAL, FOLDS, SAMPLE, baseline

OPSET = 15  # the highest that onnxmltools converts to
FOLDER = HERE / "credit_trees"
MAX_ROUNDS, PATIENCE = 600, 40
GRID = {
    "num_leaves": [4, 8, 16],
    "min_child_samples": [20, 60],
    "learning_rate": [0.03],
    "colsample_bytree": [0.5, 1.0],
}
FIXED: dict[str, Any] = {
    "objective": "binary",
    "metric": "auc",
    "subsample": 0.8,
    "subsample_freq": 1,
    "seed": SEED,
    "deterministic": True,
    "num_threads": 1,
    "verbose": -1,
}


def features(split: Split) -> Array:
    """[n, 22] float32: the figures, then the codes as numbers (grades and terms are ordered)."""
    return np.concatenate([a.astype(np.float32) for a in split.inputs.values()], axis=1)


def chosen(train: Split) -> tuple[dict[str, Any], int, float]:
    """Settings and rounds of the best mean AUC in five folds of the training loans alone."""
    table = lightgbm.Dataset(features(train), train.labels, free_raw_data=False)
    found = []
    for values in product(*GRID.values()):
        settings = {**FIXED, **dict(zip(GRID, values, strict=True))}
        curve = lightgbm.cv(
            settings,
            table,
            MAX_ROUNDS,
            nfold=FOLDS,
            stratified=True,
            seed=SEED,
            callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
        )["valid auc-mean"]
        found.append((max(curve), int(np.argmax(curve)) + 1, settings))
    value, rounds, settings = max(found, key=lambda one: one[0])
    return settings, rounds, value


def as_onnx(booster: lightgbm.Booster, count: int) -> onnx.ModelProto:
    """The trees between the two inputs of `credit` and its output."""
    kind = FloatTensorType([None, count])
    model = convert_lightgbm(
        booster, initial_types=[("features", kind)], zipmap=False, target_opset=OPSET
    )
    graph = model.graph
    probabilities = graph.output[1].name
    numeric = count - len(CATEGORICAL)
    del graph.input[:], graph.output[:]
    graph.input.extend(
        [
            helper.make_tensor_value_info("numeric", TensorProto.FLOAT, ["batch", numeric]),
            helper.make_tensor_value_info(
                "categorical", TensorProto.INT64, ["batch", len(CATEGORICAL)]
            ),
        ]
    )
    graph.output.append(
        helper.make_tensor_value_info(SAMPLE.output, TensorProto.FLOAT, ["batch", 1])
    )
    before = [
        helper.make_node("Cast", ["categorical"], ["codes"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["numeric", "codes"], ["features"], axis=1),
    ]
    nodes = [*before, *graph.node]
    nodes.append(helper.make_node("Gather", [probabilities, "bad"], [SAMPLE.output], axis=1))
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.append(helper.make_tensor("bad", TensorProto.INT64, [1], [1]))
    graph.name = "credit_trees"
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Choose, train, convert, compare with the trees themselves, write the three files."""
    data: Data = SAMPLE.load(SAMPLE.source)
    settings, rounds, cross = chosen(data.train)
    table = lightgbm.Dataset(features(data.train), data.train.labels)
    booster = lightgbm.train(settings, table, rounds)
    path, evalset = FOLDER / "model.onnx", FOLDER / "evalset.npz"
    onnx.save(as_onnx(booster, features(data.train).shape[1]), path)
    write_evalset(SAMPLE, data, evalset)
    value, counts = measure(path, evalset)
    native = roc_auc_score(data.test.labels, booster.predict(features(data.test)))
    assert abs(native - value) < 1e-3, (native, value)
    text = yaml.safe_dump(
        card(settings, rounds, cross, value, counts, path.stat().st_size, data),
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )
    (FOLDER / "card.yaml").write_text(text, encoding="utf-8")
    print(text)


def card(
    settings: dict[str, Any],
    rounds: int,
    cross: float,
    value: float,
    counts: dict[bool, int],
    size: int,
    data: Data,
) -> dict[str, Any]:
    shown = ", ".join(f"{name} {settings[name]}" for name in GRID)
    return {
        "name": "credit_trees",
        **SAMPLE.card,
        "title": "Loan risk, by trees",
        "summary": "Gradient-boosted trees on the same loans: what teams who decide on credit run.",
        "training": (
            "LightGBM on the training loans of `credit`, with its inputs and its test loans. "
            f"Settings ({shown}) and the {rounds} rounds were chosen by five-fold cross-validation "
            f"within the training loans (mean AUC {cross:.4f}); the test quarter was only measured "
            "on. Converted by onnxmltools, and compared with LightGBM's own answers."
        ),
        "metric": SAMPLE.metric,
        "value": round(value, 4),
        "baseline": {name: round(v, 4) for name, v in baseline(data).items()},
        "validation": counts[False],
        "calibration": counts[True],
        "size_bytes": size,
        "parameters": 0,
        "date": datetime.date.today().isoformat(),
    }


if __name__ == "__main__":
    main()
