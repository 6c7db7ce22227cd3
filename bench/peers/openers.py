"""Engines as peers' answers need them, each a function of feeds on one thread. Runs anywhere."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Feeds = Mapping[str, npt.NDArray[Any]]
Run = Callable[[Feeds], dict[str, npt.NDArray[Any]]]


def opened(engine: str, path: str, options: Mapping[str, str]) -> Run:
    """Open the file at `path` with an engine of `OPENERS`; `options` are the engine's own."""
    return OPENERS[engine](path, options)


def _onnxruntime(path: str, options: Mapping[str, str]) -> Run:
    import onnxruntime as ort

    wanted = ort.SessionOptions()
    wanted.intra_op_num_threads = wanted.inter_op_num_threads = 1
    wanted.log_severity_level = 3
    if "graph_level" in options:
        wanted.graph_optimization_level = ort.GraphOptimizationLevel(int(options["graph_level"]))
    session = ort.InferenceSession(path, wanted, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(None, dict(feeds)), strict=True))


def _openvino(path: str, options: Mapping[str, str]) -> Run:
    import sys

    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # it would report its use
    import openvino

    wanted = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, **options}
    compiled = openvino.Core().compile_model(path, "CPU", wanted)
    names = [output.get_any_name() for output in compiled.outputs]
    return lambda feeds: dict(zip(names, compiled(dict(feeds)).to_tuple(), strict=True))


def _torch(path: str, options: Mapping[str, str]) -> Run:
    """The ONNX file as a torch module (onnx2torch), compiled by Inductor."""
    _leave_out_torchvision()
    import onnx
    import torch
    from onnx2torch import convert

    torch.set_num_threads(1)
    model = onnx.load(path)
    names = [output.name for output in model.graph.output]
    inputs = [value.name for value in model.graph.input]
    net = torch.compile(convert(model).eval(), **({"mode": options["mode"]} if options else {}))

    def run(feeds: Feeds) -> dict[str, npt.NDArray[Any]]:
        with torch.inference_mode():
            given = [torch.from_numpy(np.asarray(feeds[name])) for name in inputs if name in feeds]
            found = net(*given)
        answers = found if isinstance(found, (tuple, list)) else [found]
        return {name: one.numpy() for name, one in zip(names, answers, strict=True)}

    return run


def _leave_out_torchvision() -> None:
    """onnx2torch imports it for operators on boxes alone; none that fits a torch for CPUs is to be
    had, and one that does not fit fails when it is imported."""
    import sys
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    whole, ops = ModuleType("torchvision"), ModuleType("torchvision.ops")
    for module in (whole, ops):
        module.__spec__ = ModuleSpec(module.__name__, None)
        sys.modules[module.__name__] = module
    vars(whole)["ops"], vars(ops)["roi_align"] = ops, None


def _recipe(path: str, options: Mapping[str, str]) -> Run:
    """As a stored recipe of this program says; in this program's environment alone."""
    import sys
    from pathlib import Path

    from optim.recipe import Recipe

    runtime = Recipe.from_yaml(options["recipe"]).runtime
    if site := runtime.site():
        sys.path.insert(0, str(site))
    return runtime.open(Path(path)).run


OPENERS: dict[str, Callable[[str, Mapping[str, str]], Run]] = {
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "torch": _torch,
    "recipe": _recipe,
}


def on_core(core: int) -> None:
    """Bind this process to a core, before any engine counts the cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
