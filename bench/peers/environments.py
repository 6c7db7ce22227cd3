"""An environment of its own for each peer, made once under the cache."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from optim.errors import StepError

_DONE = "installed"


def python_of(peer: str, requirements: Sequence[str], cache: Path) -> Path:
    """The interpreter of a peer's environment, this program's own where it requires nothing.

    torch comes by pip, which minds how a machine is told to get it; the rest by uv where it is
    there. Raises StepError with the installer's last words.
    """
    if not requirements:
        return Path(sys.executable)
    folder = cache / "peers" / peer
    python = folder / "bin" / "python"
    if not (folder / _DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)], peer)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        torch = [one for one in requirements if one.startswith("torch==")]
        if torch:
            _run([*pip, *torch], peer)
        uv = Path(sys.executable).with_name("uv")
        install = [str(uv), "pip", "install", "--quiet", "--python", str(python)]
        _run([*(install if uv.exists() else pip), "numpy", *requirements], peer)
        (folder / _DONE).touch()
    return python


def _run(command: Sequence[str], peer: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise StepError(f"It could not be installed: {words[-1]}.", "See its index.", peer)
