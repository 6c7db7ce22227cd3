"""The worst samples: where an optimized model answers least like the original, as they are.

First those that the metric counts as lost, then others of another class, then those whose output
is off most. Validation samples in their order, as many as the time allows.
"""

import base64
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.evalset import EvalSet
from optim.home import kept
from optim.home.scratch import scratch
from optim.judging import outputs
from optim.machine.lock import machine_to_itself
from optim.model import Model
from optim.runtimes.base import Runtime
from optim.why.comparing import key_of

STEP = "samples"
MOST_SHOWN = 12
_COMPARE = sandbox.Named("optim.why.answers:compare")
_DERIVED_BY = ("samples.py", "answers.py", "inputs.py")


class Shown(BaseModel):
    """One input of a sample as it is shown.

    `kind`: "picture" or "series" (`png`, base64), "row" or "tokens" (`values`, the first of
    `size`). `about` says what was done to show it.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    png: str = ""
    values: tuple[float, ...] = ()
    size: int = 0
    about: str = ""

    @property
    def data(self) -> bytes:
        """The PNG file of a picture."""
        return base64.b64decode(self.png)


class Answer(BaseModel):
    """What one side says: a class by its number, -1 for none, and the first of its numbers."""

    model_config = ConfigDict(frozen=True)

    chosen: int = -1
    values: tuple[float, ...] = ()


class Sample(BaseModel):
    """One validation sample, by its place among them, with both answers and the label if any.

    `lost`: by how much the metric counts the optimized answer worse, in its unit (1 for an answer
    that became wrong). `sqnr_db`: of the output that the metric reads; None where nothing differs.
    `text`: what the EvalSet says that it is.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    lost: float
    sqnr_db: float | None
    original: Answer
    optimized: Answer
    label: Answer | None
    inputs: tuple[Shown, ...]
    text: str = ""


class Samples(BaseModel):
    """The worst samples first, and the answers of all that were compared.

    `counted` of `total` validation samples; `lost`, `won`, `changed`: how many of them became
    worse, better, another class. `agreement[i][j]`: how often the original answers `classes[i]` and
    the optimized model `classes[j]`; empty for what gives no classes. `output`: the one read.
    """

    model_config = ConfigDict(frozen=True)

    worst: tuple[Sample, ...]
    counted: int
    total: int
    lost: int
    won: int
    changed: int
    output: str
    classes: tuple[int, ...] = ()
    agreement: tuple[tuple[int, ...], ...] = ()


def samples_of(
    original: Model,
    optimized: Model,
    runtime: Runtime,
    evalset: EvalSet,
    cancelled: Callable[[], bool] = lambda: False,
) -> Samples:
    """Compare the answers of `optimized`, run by `runtime`, with the original's; kept afterwards.

    Waits until nothing is timed on this machine.

    Raises: StepError where one of the models fails on a sample; Cancelled.
    """
    key = key_of(_DERIVED_BY, original, optimized, runtime, evalset)
    return kept(
        Samples, STEP, key, lambda: _asked(original, optimized, runtime, evalset, cancelled)
    )


def _asked(
    original: Model,
    optimized: Model,
    runtime: Runtime,
    evalset: EvalSet,
    cancelled: Callable[[], bool],
) -> Samples:
    known = outputs.originals_place(original, evalset)
    with machine_to_itself(cancelled), scratch(STEP) as folder:
        found = runtime.call(
            _COMPARE,
            {
                "model_path": str(optimized.path),
                "original": original.model_dump(mode="json"),
                "runtime": runtime.spelling,
                "evalset_digest": evalset.digest,
                "stored": (str(known), str(folder)),
            },
            where=STEP,
            files=sandbox.Files(
                readable=(optimized.folder, original.folder, evalset.path, known),
                writable=(folder,),
            ),
            cancelled=cancelled,
        )
    return Samples.model_validate(found)
