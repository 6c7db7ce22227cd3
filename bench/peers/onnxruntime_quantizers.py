"""ONNX Runtime's own quantizers with their defaults, dynamic and static, as its guide has them."""

from pathlib import Path

from bench.peers.task import Task

ABOUT = "ONNX Runtime's quantizers: dynamic, static (QDQ), static per channel; the fastest allowed"
REQUIREMENTS = ("onnxruntime==1.32.0", "onnx==1.23.2", "sympy")


def choose(task: Task) -> None:
    """Preprocess, quantize three ways, keep the fastest that loses little enough."""
    from onnxruntime.quantization import quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    task.consider("onnxruntime", task.model, "the original")
    ready = task.folder / "ready.onnx"
    quant_pre_process(task.model, ready)
    ways = {
        "dynamic": lambda out: quantize_dynamic(ready, out),
        "static": lambda out: quantize_static(ready, out, _Reader(task)),
        "per channel": lambda out: quantize_static(ready, out, _Reader(task), per_channel=True),
    }
    for name, way in ways.items():
        out = task.folder / f"{name}.onnx"
        _tried(task, name, out, way)


def _tried(task: Task, name: str, out: Path, way: object) -> None:
    try:
        way(out)  # type: ignore[operator]
        task.consider("onnxruntime", out, name)
    except Exception as error:  # the others go on
        print(f"{name}: {type(error).__name__}: {error}", flush=True)


class _Reader:
    """What the quantizer takes for a CalibrationDataReader: it asks for `get_next` alone."""

    def __init__(self, task: Task) -> None:
        self._left = iter(task.calibration()[:128])

    def get_next(self) -> object:
        return next(self._left, None)
