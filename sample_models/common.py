"""What the sample models' training scripts share: train or load, export, EvalSet, card.

Each script gives one `Sample`; `main` does the rest:

    python -m sample_models.NAME.train [--data PATH] [--weights FILE.npz] [--train-only]

trains (on a GPU where torch finds one) unless the weights file is already there, then writes
`model.onnx`, `evalset.npz` and `card.yaml` beside the script. The metric in the card is measured
from the first two by ONNX Runtime. Needs the packages of requirements-dev.txt.
"""

import argparse
import datetime
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
import yaml
from sklearn.metrics import roc_auc_score
from torch import nn

Array = npt.NDArray[Any]
OPSET = 17
SEED = 0
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Split:
    """Samples: one array per model input (first axis = samples) and their labels."""

    inputs: dict[str, Array]
    labels: Array
    texts: Array | None = None
    """What each sample is, for people."""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Array) -> "Split":
        texts = None if self.texts is None else self.texts[rows]
        return Split({name: a[rows] for name, a in self.inputs.items()}, self.labels[rows], texts)


@dataclass(frozen=True)
class Data:
    """`train` is learnt from; `check`, if any, chooses; `test` is only ever measured on."""

    train: Split
    test: Split
    check: Split | None = None


@dataclass(frozen=True)
class Sample:
    """One sample model: where its data comes from, its network, how it is trained."""

    name: str
    metric: str
    output: str
    card: dict[str, Any]
    source: Path
    load: Callable[[Path], Data]
    build: Callable[[Data], nn.Module]
    fit: Callable[[nn.Module, Data, torch.device], None]
    baseline: Callable[[Data], dict[str, float]]
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    """What the numbers of one sample are called, input by input."""
    calibration: int = 500


def main(sample: Sample) -> None:
    """Train (or load the weights), then export, write the EvalSet, measure, write the card."""
    parser = argparse.ArgumentParser(description=f"Train and export the sample {sample.name!r}.")
    parser.add_argument("--data", type=Path, default=sample.source, help="default: %(default)s")
    parser.add_argument("--weights", type=Path, help="read from here, or written if missing")
    parser.add_argument("--train-only", action="store_true", help="stop once weights are written")
    args = parser.parse_args()

    np.random.seed(SEED)
    torch.manual_seed(SEED)
    data = sample.load(args.data)
    net = sample.build(data)
    if args.weights and args.weights.exists():
        load_weights(net, args.weights, data)
    else:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        sample.fit(net.to(device), data, device)
        net.cpu()
        if args.weights:
            save_weights(net, args.weights, data)
    if not args.train_only:
        write(sample, net.eval(), data, HERE / sample.name)


def fingerprint(data: Data) -> str:
    """SHA-256 of the labels in order: the same split of the same data."""
    return hashlib.sha256(data.train.labels.tobytes() + data.test.labels.tobytes()).hexdigest()


def save_weights(net: nn.Module, path: Path, data: Data) -> None:
    weights = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    np.savez(path, **weights, fingerprint=np.array(fingerprint(data)))


def load_weights(net: nn.Module, path: Path, data: Data) -> None:
    """Raises ValueError if they were trained on another split, which would leak test data."""
    with np.load(path, allow_pickle=False) as stored:
        if str(stored["fingerprint"]) != fingerprint(data):
            raise ValueError(f"{path} was trained on another split: delete it and train again.")
        names = [name for name in stored.files if name != "fingerprint"]
        net.load_state_dict({name: torch.from_numpy(stored[name]) for name in names})


def write(sample: Sample, net: nn.Module, data: Data, folder: Path) -> None:
    """Write the three shipped files; the card's figures come from the other two."""
    model, evalset = folder / "model.onnx", folder / "evalset.npz"
    export(sample, net, data.train, model)
    write_evalset(sample, data, evalset)
    value, counts = measure(model, evalset)
    card = {
        "name": sample.name,
        **sample.card,
        "metric": sample.metric,
        "value": round(value, 4),
        "baseline": {name: round(v, 4) for name, v in sample.baseline(data).items()},
        "validation": counts[False],
        "calibration": counts[True],
        "size_bytes": model.stat().st_size,
        "parameters": sum(p.numel() for p in net.parameters()),
        "date": datetime.date.today().isoformat(),
    }
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=100)
    (folder / "card.yaml").write_text(text, encoding="utf-8")
    print(text)


def export(sample: Sample, net: nn.Module, split: Split, path: Path) -> None:
    """Write ONNX with a symbolic `batch` axis and nothing optimized away.

    The older exporter, since ONNX Runtime's transformer fusions know its patterns;
    TrainingMode.PRESERVE, since otherwise it folds BatchNormalization into Conv.
    """
    example = {name: torch.from_numpy(a[:2]) for name, a in split.inputs.items()}
    torch.onnx.export(
        net,
        tuple(example.values()),
        str(path),
        dynamo=False,
        opset_version=OPSET,
        training=torch.onnx.TrainingMode.PRESERVE,
        input_names=list(example),
        output_names=[sample.output],
        dynamic_axes={name: {0: "batch"} for name in [*example, sample.output]},
    )
    model = onnx.load(path)
    model.graph.name = sample.name
    model.doc_string = f"{sample.card['title']}. {sample.card['summary']}"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write_evalset(sample: Sample, data: Data, path: Path) -> None:
    """Calibration samples are drawn from the training data, validation is the test data."""
    rows = np.random.default_rng(SEED).choice(len(data.train), sample.calibration, replace=False)
    parts = data.train.take(np.sort(rows)), data.test
    arrays = {n: np.concatenate([p.inputs[n] for p in parts]) for n in data.test.inputs}
    labels = np.concatenate([p.labels for p in parts])
    calibration = np.arange(len(labels)) < sample.calibration
    texts = [p.texts for p in parts if p.texts is not None]
    if texts:
        arrays["texts"] = np.concatenate(texts)
    if sample.classes:
        arrays["classes"] = np.array(sample.classes)
    if sample.features:
        arrays["features"] = np.array(sample.features)
    np.savez_compressed(
        path, labels=labels, metric=np.array(sample.metric), calibration=calibration, **arrays
    )


def measure(model: Path, evalset: Path) -> tuple[float, dict[bool, int]]:
    """The metric on the validation samples, by ONNX Runtime, and both splits' sizes."""
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    with np.load(evalset, allow_pickle=False) as stored:
        keep = ~stored["calibration"]
        labels, metric = stored["labels"][keep], str(stored["metric"])
        inputs = {i.name: stored[i.name][keep] for i in session.get_inputs()}
    outputs = [
        session.run(None, {n: a[at : at + 100] for n, a in inputs.items()})[0]
        for at in range(0, len(labels), 100)
    ]
    counts = {False: int(keep.sum()), True: int((~keep).sum())}
    return score(metric, np.concatenate(outputs), labels), counts


def score(metric: str, output: Array, labels: Array) -> float:
    if metric == "top1":
        return float((output.argmax(1) == labels).mean())
    if metric == "auc":
        return float(roc_auc_score(labels, output.ravel()))
    if metric == "mae":
        return float(np.abs(output - labels).mean())
    raise ValueError(f"no such metric here: {metric!r}")
