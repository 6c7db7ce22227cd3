"""What surrounds children of this server: the environment they get, the walls that stand here."""

import json
import os
import re
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

from optim.errors import StepError
from optim.home.scratch import scratch
from optim.machine.environment import TOLD_AS, machine_id
from optim.sandbox.importable import installed
from optim.sandbox.isolation import PROTECTIONS
from optim.settings import settings
from optim.shipped import APP, CHECKOUT, LIBRARY

_LONGEST_SECONDS = 60
_TOLD = re.compile(
    r"PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|LD_LIBRARY_PATH|PYTHON\w+|OPTIM_(HOME|MAX_\w+|STEP_\w+)"
    r"|(OMP|KMP|MKL|OPENBLAS|GOMP|ORT|OV|OPENVINO|ONEDNN|DNNL|CUDA|NVIDIA)_\w+"
)
"""Names of the environment variables that a child gets: none of them holds a secret."""
_lock = threading.Lock()


def told_environment(site: Path | None = None) -> dict[str, str]:
    """What children may know of this process's, the places of modules spelled out for elsewhere.

    Libraries ask who they run as, and a child may not look that up: it is told a name.

    Args:
        site: a folder of packages that goes before the program's own.
    """
    given = (
        str(CHECKOUT or ""),
        str(site or ""),
        *os.environ.get("PYTHONPATH", "").split(os.pathsep),
    )
    path = os.pathsep.join(map(os.path.abspath, filter(None, given)))
    known = {name: value for name, value in os.environ.items() if _TOLD.fullmatch(name)}
    if home := known.get("OPTIM_HOME"):  # they work in another folder
        known["OPTIM_HOME"] = str(Path(home).expanduser().absolute())
    told = {"USER": "nobody", "PYTHONPATH": path, "PYTHONFAULTHANDLER": "1", TOLD_AS: machine_id()}
    return known | told


def hidden() -> tuple[Path, ...]:
    """What no child reads wherever it lies: studies of others, secrets of the web application."""
    folders, home = (APP, Path.cwd(), Path.home()), settings().home
    program = [*installed(), LIBRARY]
    homes = [home]
    if any(one.is_relative_to(home) for one in program):  # which is then to be read
        inside = home.iterdir() if home.is_dir() else ()
        homes = [path for path in inside if not any(one.is_relative_to(path) for one in program)]
    return (*homes, *(folder / ".streamlit" for folder in folders))


def protections() -> dict[str, str]:
    """Every protection of children, and why it does not work here; empty where it does."""
    if not settings().isolation:
        return {one.name: "OPTIM_ISOLATION is off" for one in PROTECTIONS}
    with _lock:
        return _protections()


@cache
def _protections() -> dict[str, str]:
    """Found out by trying, in a process without threads, once."""
    try:
        with scratch("protections") as folder:
            tried = subprocess.run(
                [sys.executable, "-P", "-m", "optim.sandbox.isolation"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=folder,
                env=told_environment(),
                timeout=_LONGEST_SECONDS,
            )
    except subprocess.TimeoutExpired:  # nothing runs open because the machine was slow
        raise StepError(
            f"Trying how children can be isolated took over {_LONGEST_SECONDS} s.",
            "Try again when the machine is less busy.",
        ) from None
    try:
        return dict(json.loads(tried.stdout))
    except ValueError:
        said = tried.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"]
        return {one.name: said[-1] for one in PROTECTIONS}
