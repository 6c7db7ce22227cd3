"""What children of a server need in memory, so that a trial's steps start sooner."""

import pkgutil
from collections.abc import Iterator

from optim import metrics, sandbox
from optim.build import build
from optim.evalset import npz
from optim.graph import ANALYSE
from optim.ingest.child import bring
from optim.judging.judgement import judge

_LIBRARIES = ("onnxruntime.quantization", "onnxslim", "openvino", "scipy.optimize")


def warm() -> None:
    """Begin to import it, in a process from which children are forked."""
    functions: tuple[sandbox.Function, ...] = (build, npz.convert, ANALYSE, bring, judge)
    sandbox.warm((*_LIBRARIES, *map(sandbox.module_of, functions), *_metrics()))


def _metrics() -> Iterator[str]:
    """Their modules, all of which whoever looks for one imports."""
    return (info.name for info in pkgutil.iter_modules(metrics.__path__, f"{metrics.__name__}."))
