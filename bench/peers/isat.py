"""isat-tuner: `isat tune`, which times settings of ONNX Runtime and names the fastest."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from bench.peers.task import Task

ABOUT = "isat-tuner: `isat tune` on the CPU provider; its best configuration"
REQUIREMENTS = ("isat-tuner==0.12.0", "onnxruntime==1.32.0", "psutil")


def choose(task: Task) -> None:
    """Take the configuration that its report ranks first.

    Of what it names only the graph level means anything on a CPU: version 0.12 writes no model for
    its `int8_qdq`, and times the original under that name.
    """
    command = [str(Path(sys.executable).with_name("isat")), "tune", str(task.model)]
    command += ["--provider", "CPUExecutionProvider", "--cooldown", "0", "--runs", "20"]
    command += ["--output-dir", str(task.folder / "isat"), "--db", str(task.folder / "isat.db")]
    environment = {**os.environ, "HOME": str(task.folder)}
    done = subprocess.run(command, cwd=task.folder, env=environment, capture_output=True, text=True)
    reports = sorted((task.folder / "isat").rglob("isat_report.json"))
    if not reports:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise RuntimeError(f"isat tune gave no report: {words[-1]}")
    best = json.loads(reports[0].read_text())["best_config"]["label"]
    level = re.search(r"opt(\d+)", best)
    task.offer("onnxruntime", task.model, best, {"graph_level": level[1]} if level else {})
