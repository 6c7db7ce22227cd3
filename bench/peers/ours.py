"""This program: `python -m optim explore` with the same budget and limit."""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.peers.task import Task

ABOUT = "this program: `explore` on one core"
REQUIREMENTS = ()
ENGINES = ("litert", "iree")
"""Those of an environment of their own that are installed for it, as every peer's packages are."""


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


def with_engines(home: Path, cache: Path) -> None:
    """Let a home folder have the engines' environments, made once under the cache."""
    kept = cache / "peers" / "ours"
    for engine in ENGINES:
        command = [sys.executable, "-m", "optim", "install", engine]
        subprocess.run(command, env={**os.environ, "OPTIM_HOME": str(kept)}, check=True)
    home.mkdir(parents=True)
    (home / "environments").symlink_to((kept / "environments").resolve())


def _spelling(stored: str) -> str:
    """The spelling in a stored recipe; read as text, since importing the program takes its time."""
    found = re.search(r"^recipe: *(.+)$", stored, re.MULTILINE)
    return found[1].strip("'\"") if found else stored
