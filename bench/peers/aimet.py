"""AIMET for ONNX: 8 bits by simulation, then ever more of the most sensitive layers in 16 bits."""

from typing import Any

from bench.peers.task import Task

ABOUT = "AIMET: 8-bit QDQ; where it loses too much, its sensitivity analysis and mixed precision"
REQUIREMENTS = ("torch==2.13.0", "aimet-onnx==2.42.0")
_SHARES = (0, 10, 25, 50)
_SAMPLES = 64


def choose(task: Task) -> None:
    """Consider the exported model with ever more layers lifted, until one loses little enough."""
    import aimet_onnx
    import onnx
    from aimet_onnx.lite_mp import flip_layers_to_higher_precision

    task.consider("onnxruntime", task.model, "the original")
    feeds = task.calibration()[:_SAMPLES]
    sensitivity: dict[str, float] = {}
    for share in _SHARES:
        sim = _simulated(task, feeds)
        if share:
            sensitivity = sensitivity or _sensitivity(sim, task)
            flip_layers_to_higher_precision(
                sim, sensitivity, share, (aimet_onnx.int16, aimet_onnx.int16)
            )
            sim.compute_encodings(feeds)
        out = task.folder / f"aimet{share}.onnx"
        onnx.save(sim.to_onnx_qdq(prequantize_constants=True), out)
        if task.consider("onnxruntime", out, f"{share} % of the layers in 16 bits"):
            break


def _sensitivity(sim: Any, task: Task) -> dict[str, float]:
    """The score with each layer alone quantized."""
    import aimet_onnx
    import numpy as np

    def score(session: Any) -> float:
        place = [one.name for one in session.get_outputs()].index(task.output)
        return task.score_of(
            np.stack([session.run(None, feeds)[place] for feeds in task.validation()])
        )

    found: dict[str, float] = aimet_onnx.analyze_per_layer_sensitivity(sim, score)
    return found


def _simulated(task: Task, feeds: list[dict[str, Any]]) -> Any:
    import aimet_onnx
    import onnx

    sim = aimet_onnx.QuantizationSimModel(
        onnx.load(task.model), param_type="int8", activation_type="int8", dummy_input=feeds[0]
    )
    sim.compute_encodings(feeds)
    return sim
