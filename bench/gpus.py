"""What the GPU of this machine brings: standard networks and the samples on its engines.

Each recipe is measured by the program itself, against the original on ONNX Runtime on one CPU
thread, and its answers are held against the original's. Arrays are copied to the device and back in
every run. Where this GPU is in the catalogue its estimates are held against what was measured.
`python -m bench gpus [NAMES] [--recipe R] [--out FILE]`.
"""

import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import torch

from bench.nets import NETS
from bench.procedure import subjects
from optim.cli.given import progress
from optim.evalset import EvalSet, synthesize
from optim.graph import analysis_of
from optim.ingest import ingest
from optim.machine.gpus import Gpu, gpus
from optim.metrics.base import find_metric
from optim.model import Model, load_model
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.studies.study import create_study
from optim.studies.trial import Trial, measurement_of
from optim.targets import CUDA, Target, all_targets
from optim.targets.estimate import estimate

_INDUCTOR = "torch_cuda:how=inductor"
RECIPES = (
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
    "| recipe | p50 ms | against one CPU thread | quality kept | GPU memory MB | estimated ms "
    "| measured / estimated |",
    "|---|---|---|---|---|---|---|",
)


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown; the claim is that a GPU's engines answer as the original does."""
    if not gpus():
        return "No NVIDIA GPU is shown by the driver of this machine.", False
    (first, *_) = gpus()
    lines, fine = [f"## {first.name}, driver {first.driver}, batch 1"], True
    recipes = [Recipe.parse(text) for text in options.recipe or RECIPES]
    usable = [recipe for recipe in recipes if not any(part.missing() for part in recipe.parts)]
    with Queue.open() as queue, tempfile.TemporaryDirectory() as folder:
        for name in options.names or [*_NETS, "fashion", "spam"]:
            model, evalset = _subject(name, Path(folder))
            study = create_study(model, evalset, name)
            numbers = study.add_all(usable, CUDA, origin="bench")
            queue.run_all(study, numbers, progress)
            trials = study.trials_of(numbers)
            lines += ["", f"### {name}", "", *_HEAD]
            lines += [_row(trial, evalset, sheet_of(first)) for trial in trials]
            fine &= all(trial.state == "done" for trial in trials)
    return "\n".join(lines), fine


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


def sheet_of(gpu: Gpu) -> Target | None:
    """The modelled target that is this GPU: the one whose title begins with the words of its name,
    the form of its card left out."""
    named = gpu.name.split()
    for target in all_targets().values():
        words = target.title.partition(",")[0].removesuffix(" SXM").split()
        if target.modelled and words == named[: len(words)]:
            return target
    return None


def _row(trial: Trial, evalset: EvalSet, sheet: Target | None) -> str:
    told = list(_told(trial, evalset, sheet)) if trial.summary else [trial.error or trial.state]
    return f"| {' | '.join([trial.recipe.spelling, *told])} |"


def _told(trial: Trial, evalset: EvalSet, sheet: Target | None) -> Iterator[str]:
    assert trial.summary is not None
    p50, gain = trial.summary.p50_ms, trial.summary.speedup
    yield f"{p50.value:.3f}"
    yield f"{gain.value:.1f}x ({gain.low:.1f} to {gain.high:.1f})"
    yield find_metric(evalset.metric).show(trial.quality.value) if trial.quality else ""
    yield measurement_of(trial.slices).slices[-1].facts.get("gpu_memory_mb", "")
    guess = sheet and estimate(analysis_of(load_model(trial.model_digest)), sheet, trial.recipe)
    if guess and guess.interval:
        off = p50.value / guess.value
        inside = guess.low <= p50.value <= guess.high
        yield f"{guess.value:.3f} ({guess.low:.3f} to {guess.high:.3f})"
        yield f"{off:.2f}{'' if inside else ', outside'}"
