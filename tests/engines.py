"""`python -m tests.engines [NAMES]`: the contract of runtimes, over engines that compile.

Each is installed as far as it is not, and tried in a process of its own that has its packages. One
that cannot be had here is named, and is no failure.
"""

import os
import subprocess
import sys

from optim.environments.making import make
from optim.errors import OptimError
from optim.runtimes.base import Runtime, all_runtimes

_SECONDS = "900"  # of one test: some compile for minutes


def main(names: list[str]) -> int:
    """Try the engines of these names, all by default. 0 where every one that is here holds."""
    compiling = [name for name, kind in all_runtimes().items() if kind.keeps_compiled]
    results = {name: _tried(all_runtimes()[name]) for name in names or compiling}
    print(*(f"{name}: {said}" for name, said in results.items()), sep="\n")
    return 1 if "fails" in results.values() else 0


def _tried(engine: type[Runtime]) -> str:
    try:
        if environment := engine.environment():
            make(environment)
        site = str(engine.site() or "")
    except OptimError as error:
        return f"cannot be had here: {error}"
    command = ["-m", "pytest", "tests/contracts/test_runtimes.py", "--timeout", _SECONDS]
    given = {**os.environ, "ENGINES": engine.name, "PYTHONPATH": site}
    return "fails" if subprocess.run([sys.executable, *command], env=given).returncode else "holds"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
