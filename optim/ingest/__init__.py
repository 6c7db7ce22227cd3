"""Bringing a model: anything uploaded becomes a Model, or one sentence says why not.

The file is read, exported, checked and run once in a child process; this side only starts it and
stores what it wrote.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.errors import CrowdedError, DiskError, InputError, StepError
from optim.home.scratch import scratch
from optim.ingest import external
from optim.ingest.child import bring, inspect
from optim.ingest.finishing import STAGE_FILE
from optim.ingest.kinds import ACCEPTED
from optim.ingest.samples import SAMPLE_PREFIX, find_sample
from optim.model import Model, store_model
from optim.model.proto import MODEL_FILE
from optim.names import legible
from optim.settings import settings

STEP = "model"
_LONGEST_NAME = 80


class Questions(BaseModel):
    """What to ask before a model can be brought.

    `dims` are its symbolic dimensions with suggested sizes; `inputs` are the names of inputs whose
    dtype and shape must be given (`input_specs`), since the file does not say them. `seen_to_run`:
    whether a trial run with the suggested sizes succeeded.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    dims: dict[str, int]
    inputs: tuple[str, ...]
    seen_to_run: bool = False


def questions(source: str | Path, *, cancelled: Callable[[], bool] = lambda: False) -> Questions:
    """What to ask about a file or `sample:NAME`. Raises InputError or StepError as `ingest`."""
    path = _located(source)
    with scratch("model") as folder:
        argument = {"source": str(path), "folder": str(folder)}
        asked = _in_child(inspect, argument, folder, path, cancelled)
        with sandbox.believed(STEP):
            return Questions.model_validate(asked)


def find_dims(source: str | Path) -> dict[str, int]:
    """Symbolic dimensions with suggested sizes, which the model was seen to accept if any was."""
    return questions(source).dims


def ingest(
    source: str | Path,
    *,
    dims: dict[str, int] | None = None,
    name: str = "",
    evalset: str | Path | None = None,
    input_specs: Sequence[str] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Model:
    """Make a file a Model with static shapes; the same file and dims twice give one Model.

    Args:
        source: a path (`.onnx`, a zip of it with its external data, TorchScript, `.pt2`), or
            `sample:NAME`. External data beside an `.onnx` is found.
        dims: symbolic dimension -> size; what is left out gets `find_dims`'s suggestion.
        name: what to call it; the file's name by default.
        evalset: an `.npz` whose samples say the shapes, and on which the trial run is done; or a
            table, whose columns say how many the model takes.
        input_specs: `name:dtype[sizes]` each, for files that do not say their inputs' shapes.
        cancelled: polled; true stops it.

    Raises: InputError for a file that is no usable model; StepError where reading, exporting or
        running it crashed, hung or took too much memory; Cancelled.
    """
    path = _located(source)
    with scratch("model") as folder:
        argument = {
            "source": str(path),
            "folder": str(folder),
            "dims": dims or {},
            "specs": list(input_specs or ()),
            "evalset": str(Path(evalset).resolve()) if evalset else "",
            "max_evalset_mb": settings().max_evalset_mb,
        }
        also = (Path(evalset).resolve(),) if evalset else ()
        brought = _in_child(bring, argument, folder, path, cancelled, also)
        with sandbox.believed(STEP):
            return store_model(
                folder / MODEL_FILE,
                legible(name or _name_of(source), _LONGEST_NAME),
                brought["source"],
                brought["dims"],
                notes=tuple(brought["notes"]),
                described=brought["described"],
            )


def _located(source: str | Path) -> Path:
    """The file's absolute path, its size within the limit. Raises InputError."""
    text = str(source)
    path = find_sample(text).model_path if text.startswith(SAMPLE_PREFIX) else Path(text)
    try:
        if not path.exists():
            raise InputError(f"There is no file {legible(text, 200)!r}.", ACCEPTED, STEP)
        if not path.is_file():
            raise InputError(f"{legible(text, 200)!r} is no regular file.", ACCEPTED, STEP)
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise InputError(f"The file cannot be read ({error}).", ACCEPTED, STEP) from None
    limit = settings().max_model_mb
    if size > limit * 1e6:
        raise InputError(
            f"The file has {size / 1e6:.0f} MB; the limit is {limit} MB.",
            "Use a smaller model or raise OPTIM_MAX_MODEL_MB.",
            STEP,
        )
    return path.absolute()


def _name_of(source: str | Path) -> str:
    text = str(source)
    return text.removeprefix(SAMPLE_PREFIX) if text.startswith(SAMPLE_PREFIX) else Path(text).stem


def _in_child(
    function: sandbox.Function,
    argument: dict[str, Any],
    folder: Path,
    path: Path,
    cancelled: Callable[[], bool],
    also: tuple[Path, ...] = (),
) -> Any:
    """What the child says, which reads the model alone, and then the files that belong to it."""

    def said(names: list[str], files: tuple[Path, ...] = ()) -> Any:
        given = {**argument, "granted": names}
        return _called(function, given, folder, (path, *also, *files), cancelled)

    first = said([])
    with sandbox.believed(STEP):
        wanted = [str(name) for name in first.get(external.WANTED) or ()]
    if not wanted:
        return first
    try:
        files = external.granted(path.parent, wanted)
    except InputError as error:
        raise InputError(error.what, error.next_step, STEP) from None
    return said(wanted, files)


def _called(
    function: sandbox.Function,
    argument: dict[str, Any],
    folder: Path,
    readable: tuple[Path, ...],
    cancelled: Callable[[], bool],
) -> Any:
    max_bytes = settings().max_model_mb * 1_000_000
    try:
        return sandbox.call(
            function,
            {**argument, "max_bytes": max_bytes},
            where=STEP,
            files=sandbox.Files(readable=readable, writable=(folder,)),
            cancelled=cancelled,
        )
    except (CrowdedError, DiskError):
        raise
    except StepError as error:
        raise _located_in_stage(error, folder) from None


def _located_in_stage(error: StepError, folder: Path) -> StepError:
    """The child's end, with what it was doing: only an engine or exporter ends it like this."""
    doing = legible(sandbox.text_in(folder / STAGE_FILE, _LONGEST_NAME), _LONGEST_NAME)
    if error.where != STEP or not doing:
        return error
    return StepError(
        f"While {doing}: {error.what}",
        "The model cannot be used like this, and nothing was stored: export it again, choose "
        "smaller dimensions, or raise OPTIM_STEP_SECONDS or OPTIM_STEP_MEMORY_MB.",
        STEP,
    )
