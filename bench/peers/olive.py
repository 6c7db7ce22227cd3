"""Olive's automatic flow: `olive optimize` for this CPU at each precision it offers here."""

import os
import subprocess
import sys
from pathlib import Path

from bench.peers.task import Task

ABOUT = "Olive: `olive optimize` for the CPU in int8, int4 and as it comes; the fastest allowed"
REQUIREMENTS = (
    "torch==2.13.0",
    "olive-ai==0.13.0",
    "onnxruntime==1.32.0",
    "requests",
    "psutil",
    "datasets",
)


def choose(task: Task) -> None:
    """It looks at no labels, so its results are judged here and the fastest allowed is kept."""
    task.consider("onnxruntime", task.model, "the original")
    for precision in ("int8", "int4", "fp32"):
        folder = task.folder / f"olive-{precision}"
        command = [str(Path(sys.executable).with_name("olive")), "optimize", "--disable_telemetry"]
        command += ["-m", str(task.model), "-o", str(folder), "--precision", precision]
        command += ["--provider", "CPUExecutionProvider", "--device", "cpu"]
        done = subprocess.run(
            command,
            cwd=task.folder,
            env={**os.environ, "OLIVE_DISABLE_TELEMETRY": "1"},
            capture_output=True,
            text=True,
        )
        found = sorted(folder.rglob("*.onnx"))
        if not found:
            words = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
            print(f"olive optimize --precision {precision}: {words[-1]}", flush=True)
        for path in found[:1]:
            task.consider("onnxruntime", path, f"olive optimize --precision {precision}")
