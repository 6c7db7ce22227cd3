"""isat-tuner: `isat tune`, which times settings of ONNX Runtime and names the fastest."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.peers.task import Task

ABOUT = "isat-tuner: `isat tune` on the CPU provider; its best configuration"
REQUIREMENTS = ("isat-tuner==0.12.0", "onnxruntime==1.32.0", "psutil")


def choose(task: Task) -> None:
    """Take the configuration that its report ranks first: its model, if it made one."""
    command = [str(Path(sys.executable).with_name("isat")), "tune", str(task.model)]
    command += ["--provider", "CPUExecutionProvider", "--cooldown", "0", "--runs", "20"]
    command += ["--output-dir", str(task.folder / "isat"), "--db", str(task.folder / "isat.db")]
    environment = {**os.environ, "HOME": str(task.folder)}
    done = subprocess.run(command, cwd=task.folder, env=environment, capture_output=True, text=True)
    reports = sorted((task.folder / "isat").rglob("*.json"))
    if not reports:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise RuntimeError(f"isat tune gave no report: {words[-1]}")
    results = json.loads(reports[0].read_text()).get("results", [])
    fine = [one for one in results if not one.get("error")]
    best = min(fine, key=lambda one: float(one["mean_latency_ms"]))
    made = sorted(task.folder.rglob("*_int8.onnx"))
    chosen = made[0] if "int8" in best["label"] and made else task.model
    task.offer("onnxruntime", chosen, str(best["label"]))
