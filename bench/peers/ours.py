"""This program: `python -m optim explore` with the same budget and limit."""

import re
import subprocess
import sys

from bench.peers.task import Task

ABOUT = "this program: `explore` on one core"
REQUIREMENTS = ()


def choose(task: Task) -> None:
    """The bundle's model and recipe are the answer; without a bundle it is the original."""
    task.offer("onnxruntime", task.model, "the original")
    out = task.folder / "bundle"
    command = [sys.executable, "-m", "optim", "explore", str(task.model), "--out", str(out)]
    command += ["--evalset", str(task.folder / "evalset.npz")]
    command += ["--budget", f"{task.seconds:.0f}s", "--max-loss", str(task.limit)]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout, done.stderr, flush=True)
    if (out / "model.onnx").exists():
        stored = (out / "recipe.yaml").read_text()
        task.offer("recipe", out / "model.onnx", _spelling(stored), {"recipe": stored})


def _spelling(stored: str) -> str:
    """The spelling in a stored recipe; read as text, since importing the program takes its time."""
    found = re.search(r"^recipe: *(.+)$", stored, re.MULTILINE)
    return found[1].strip("'\"") if found else stored
