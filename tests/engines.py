"""`python -m tests.engines [NAMES]`: the contracts, over engines that compile and over passes that
have packages of their own.

Each is installed as far as it is not, and tried in a process of its own that has its packages. One
that cannot be had here is named, and is no failure.
"""

import os
import subprocess
import sys
from pathlib import Path

from optim.environments.making import make
from optim.errors import OptimError
from optim.passes.base import Pass, all_passes
from optim.runtimes.base import Runtime, all_runtimes

_SECONDS = "900"  # of one test: some compile for minutes


def main(names: list[str]) -> int:
    """Try the parts of these names, all by default. 0 where every one that is here holds."""
    compiling = {name: kind for name, kind in all_runtimes().items() if kind.keeps_compiled}
    installed = {name: kind for name, kind in all_passes().items() if kind.requirements}
    known: dict[str, type[Runtime] | type[Pass]] = {**compiling, **installed}
    results = {name: _tried(known[name]) for name in names or known}
    print(*(f"{name}: {said}" for name, said in results.items()), sep="\n")
    return 1 if "fails" in results.values() else 0


def _tried(part: type[Runtime] | type[Pass]) -> str:
    try:
        if environment := part.environment():
            make(environment)
        site = str(part.site() or "")
    except OptimError as error:
        return f"cannot be had here: {error}"
    command = ["-m", "pytest", *_tests(part), "--timeout", _SECONDS]
    given = {**os.environ, "ENGINES": part.name, "PYTHONPATH": site}
    return "fails" if subprocess.run([sys.executable, *command], env=given).returncode else "holds"


def _tests(part: type[Runtime] | type[Pass]) -> list[str]:
    """Where its contract is, and what it does by itself."""
    if issubclass(part, Pass):
        return ["tests/contracts/test_passes.py", "-k", part.name]
    own = Path(f"tests/runtimes/test_{part.name}.py")
    return ["tests/contracts/test_runtimes.py", *[str(own)] * own.exists()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
