"""The last of bringing a model: written, run once, checked and described. In a child."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optim.arrays import Feeds
from optim.errors import InputError, StepError
from optim.ingest.first_run import (
    Observed,
    check_file,
    declare_outputs,
    run_once,
    undeclare_outputs,
)
from optim.model.opset import at_least_opset
from optim.model.proto import copy_of, describe, opset_of, write_proto

if TYPE_CHECKING:
    import onnx

STAGE_FILE = "stage"
OLDEST_RUN = 7
"""The oldest opset of which ONNX Runtime runs every operator."""

Ran = tuple[Observed, list[list[Any]]]


def stage(folder: Path, text: str) -> None:
    """What is being done, for the parent to say should this process die of it."""
    (folder / STAGE_FILE).write_text(text)


def check_and_write(
    proto: "onnx.ModelProto", path: Path, feeds: Feeds
) -> tuple[dict[str, Any], list[str]]:
    """How the written model is described, and sentences on what had to be done for it to run."""
    import onnx

    declared = undeclare_outputs(proto.graph)
    stage(path.parent, "doing a trial run of the model")
    (outputs, inferred), notes = _run(proto, path, feeds, declared)
    stage(path.parent, "checking the model")
    bound = onnx.load(path, load_external_data=False)
    declare_outputs(bound.graph, outputs, inferred, declared)
    path.write_bytes(bound.SerializeToString(deterministic=True))
    check_file(path)
    return describe(str(path)), notes


def _as_declared(outputs: Observed, declared: Mapping[str, list[int]]) -> bool:
    """Whether outputs have the sizes that the file says they have; 0 is any."""
    return all(
        len(sizes) in (0, outputs[name].ndim)
        and all(one in (0, is_) for one, is_ in zip(sizes, outputs[name].shape, strict=False))
        for name, sizes in declared.items()
    )


def _run(
    proto: "onnx.ModelProto", path: Path, feeds: Feeds, declared: Mapping[str, list[int]]
) -> tuple[Ran, list[str]]:
    """The trial run of the model, written to `path`: in a newer opset where it is too old to run.

    Raises InputError where it does not run as it came, and no newer one helps.
    """
    opset = opset_of(proto)
    old = copy_of(proto) if opset < OLDEST_RUN else None
    write_proto(proto, path)
    try:
        return run_once(path, feeds), []
    except InputError as error:
        if old is None:
            raise
        failure = error
    try:
        write_proto(at_least_opset(old, OLDEST_RUN), path)
        ran = run_once(path, feeds)
    except (InputError, StepError):
        raise failure from None
    if not _as_declared(ran[0], declared):
        raise failure
    return ran, [
        f"ONNX Runtime does not run all of its operators at opset {opset}, so it was raised to "
        f"{OLDEST_RUN}. No engine here could tell whether its answers are the same."
    ]
