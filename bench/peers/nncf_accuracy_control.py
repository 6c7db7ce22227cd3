"""NNCF's quantization with accuracy control on OpenVINO: it goes back to float where it must."""

from collections.abc import Iterable
from typing import Any

from bench.peers.task import Task

ABOUT = "NNCF, quantize_with_accuracy_control on OpenVINO"
REQUIREMENTS = ("nncf==3.4.0", "openvino==2026.4.1")


def choose(task: Task) -> None:
    """Offer the float model first; the quantized one once its loss is within the limit."""
    import sys

    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # it would report its use
    import nncf
    import numpy as np
    import openvino

    task.offer("openvino", task.model, "not quantized")
    model = openvino.Core().read_model(task.model)

    def quality(compiled: Any, samples: Iterable[Any]) -> tuple[float, None]:
        answers = [dict(_named(compiled, feeds))[task.output] for feeds in samples]
        return task.score_of(np.stack(answers)), None

    quantized = nncf.quantize_with_accuracy_control(
        model,
        calibration_dataset=nncf.Dataset(task.calibration()),
        validation_dataset=nncf.Dataset(task.validation()),
        validation_fn=quality,
        max_drop=task.limit,
        drop_type=nncf.DropType.ABSOLUTE,
    )
    out = task.folder / "quantized.xml"
    openvino.save_model(quantized, out, compress_to_fp16=False)
    task.offer("openvino", out, "quantized")


def _named(compiled: Any, feeds: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    found = compiled(feeds)
    return ((output.get_any_name(), found[output]) for output in compiled.outputs)
