"""What children of a server need in memory, so that a trial's steps start sooner."""

from optim import sandbox
from optim.build import build
from optim.evalset import npz
from optim.graph import ANALYSE
from optim.ingest.child import bring
from optim.judging.judgement import judge

_LIBRARIES = ("onnxruntime.quantization", "onnxslim", "openvino")


def warm() -> None:
    """Begin to import it, in a process from which children are forked."""
    functions: tuple[sandbox.Function, ...] = (build, npz.convert, ANALYSE, bring, judge)
    sandbox.warm((*_LIBRARIES, *map(sandbox.module_of, functions)))
