"""What the GPU of this machine brings: standard networks and the samples on its engines.

Each recipe is measured by the program itself, against the original on ONNX Runtime on one CPU
thread, and its answers are held against the original's. Arrays are copied to the device and back in
every run. `python -m bench gpus [NAMES] --out FILE`.
"""

import tempfile
from argparse import Namespace
from pathlib import Path

import torch

from bench.nets import NETS
from bench.procedure import subjects
from optim.cli.given import progress
from optim.evalset import EvalSet, synthesize
from optim.ingest import ingest
from optim.machine.gpus import gpus
from optim.metrics.base import find_metric
from optim.model import Model
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.studies.study import create_study
from optim.studies.trial import Trial, measurement_of

_INDUCTOR = "torch_cuda:how=inductor"
RECIPES = (
    "onnxruntime",
    "torch_cuda:how=eager",
    "cuda:cuda_graph=false",
    "cuda",
    "cuda:tf32=true",
    "fp16 + cuda",
    "torch_cuda",
    _INDUCTOR,
    *(f"{_INDUCTOR},precision={kind}" for kind in ("tf32", "bf16", "f16")),
    "tensorrt",
    "tensorrt:precision=f16",
    "static_int8 + tensorrt",
)
_NETS = ("resnet50", "vit_b16", "bert_base", "mobilenet")
_SAMPLES = 16
_HEAD = (
    "| recipe | p50 ms | against one CPU thread | quality kept | GPU memory MB |",
    "|---|---|---|---|---|",
)


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown; the claim is that a GPU's engines answer as the original does."""
    if not gpus():
        return "No NVIDIA GPU is shown by the driver of this machine.", False
    (first, *_) = gpus()
    lines, fine = [f"## {first.name}, driver {first.driver}, batch 1"], True
    with Queue.open() as queue, tempfile.TemporaryDirectory() as folder:
        for name in options.names or [*_NETS, "fashion", "spam"]:
            model, evalset = _subject(name, Path(folder))
            study = create_study(model, evalset, name)
            usable = [recipe for recipe in map(Recipe.parse, RECIPES) if _usable(recipe)]
            numbers = [study.add(recipe, "local", origin="bench") for recipe in usable]
            queue.run_all(study, numbers, progress)
            rows = [_row(trial, evalset) for trial in study.trials_of(numbers)]
            lines += ["", f"### {name}", "", *_HEAD, *rows]
            fine &= all(trial.state == "done" for trial in study.trials_of(numbers))
    return "\n".join(lines), fine


def _usable(recipe: Recipe) -> bool:
    return not any(part.missing() for part in recipe.parts)


def _subject(name: str, folder: Path) -> tuple[Model, EvalSet]:
    if name not in NETS:
        (sample,) = subjects([name])
        return sample.model, sample.evalset
    torch.manual_seed(0)
    make, feed = NETS[name]
    path = folder / f"{name}.onnx"
    torch.onnx.export(make().eval(), (feed(),), str(path), dynamo=False, opset_version=17)
    model = ingest(path)
    return model, synthesize(model, _SAMPLES)


def _row(trial: Trial, evalset: EvalSet) -> str:
    if trial.summary is None:
        return f"| {trial.recipe.spelling} | {trial.error or trial.state} | | | |"
    p50, gain = trial.summary.p50_ms, trial.summary.speedup
    metric = find_metric(evalset.metric)
    quality = metric.show(trial.quality.value) if trial.quality else ""
    memory = measurement_of(trial.slices).slices[-1].facts.get("gpu_memory_mb", "")
    ratio = f"{gain.value:.1f}x ({gain.low:.1f} to {gain.high:.1f})"
    return f"| {trial.recipe.spelling} | {p50.value:.3f} | {ratio} | {quality} | {memory} |"
