"""What a comparison of two models is kept under: all that it depends on, its own code included."""

from collections.abc import Iterable
from pathlib import Path

from optim.evalset import EvalSet
from optim.home.files import hash_files
from optim.machine.environment import machine_id, version_of
from optim.model import Model
from optim.runtimes.base import Runtime


def key_of(
    modules: Iterable[str], original: Model, optimized: Model, runtime: Runtime, evalset: EvalSet
) -> str:
    """The key of what is found out about `optimized`, run by `runtime`, against the original.

    Args:
        modules: files of this package that it is derived by.
    """
    versions = (version_of("onnxruntime"), *runtime.versions())
    code = hash_files(*(Path(__file__).with_name(name) for name in modules))
    parts = (original.digest, optimized.digest, runtime.spelling, evalset.digest, machine_id())
    return " ".join((*parts, *versions, code))
