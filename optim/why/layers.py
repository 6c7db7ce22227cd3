"""Where the quality went, layer by layer: each tensor of the original against the optimized one.

Tensors are read out of both graphs on validation samples. They are matched by their names, which
passes keep for what they compute anew; a tensor that is rounded to integers is read behind its
rounding, as its readers get it. What passes fused away has no counterpart: it is left out and
counted. Reading a tensor out keeps an engine from fusing across it, so the outputs themselves are
compared as the models give them untouched, and it is said where reading out changed them.
"""

from collections.abc import Callable, Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.evalset import EvalSet
from optim.home import kept
from optim.home.scratch import scratch
from optim.machine.lock import machine_to_itself
from optim.model import Model
from optim.names import legible
from optim.runtimes.base import Runtime
from optim.why.comparing import key_of

STEP = "layers"
EXACT_DB = 200.0
"""SQNR of a tensor that does not differ at all."""
CLEAR_DB = 30.0
"""SQNR that 8 bits may well have everywhere without a loss: what is above it is not looked into."""
JUMP_DB = 10.0
"""How far below all before it a tensor's SQNR falls where the error jumps: 10 times the noise."""
_COMPARE = sandbox.Named("optim.why.inside:compare")
_DERIVED_BY = ("layers.py", "inside.py", "tensors.py")


class TensorError(BaseModel):
    """One tensor of the original against the optimized model's, over the samples.

    `sqnr_db`: signal to quantization noise in dB, 200 where nothing differs, None where the two are
    not comparable (no numbers of fractions, another size). `node` is the original's that makes it,
    `leads_to` the model's outputs that depend on it, itself included.
    """

    model_config = ConfigDict(frozen=True)

    tensor: str
    node: str
    op: str
    sqnr_db: float | None
    is_output: bool
    leads_to: tuple[str, ...] = ()


class Layers(BaseModel):
    """The errors in the original's order, and what they rest on.

    `fused_away`: the original's nodes whose tensors the optimized graph has no more. `notes`:
    sentences on what limits the figures.
    """

    model_config = ConfigDict(frozen=True)

    errors: tuple[TensorError, ...]
    fused_away: tuple[str, ...]
    samples: int
    notes: tuple[str, ...] = ()


def layers(
    original: Model,
    optimized: Model,
    runtime: Runtime,
    evalset: EvalSet,
    cancelled: Callable[[], bool] = lambda: False,
) -> Layers:
    """Compare what is inside `optimized`, run by `runtime`, with what is inside the original.

    The original runs on ONNX Runtime as it comes. Some seconds on at most 16 validation samples;
    kept for the next time. Waits until nothing is timed on this machine.

    Raises: StepError where an engine refuses a graph with its tensors read out; Cancelled.
    """
    key = key_of(_DERIVED_BY, original, optimized, runtime, evalset)
    return kept(Layers, STEP, key, lambda: _asked(original, optimized, runtime, evalset, cancelled))


def _asked(
    original: Model,
    optimized: Model,
    runtime: Runtime,
    evalset: EvalSet,
    cancelled: Callable[[], bool],
) -> Layers:
    with machine_to_itself(cancelled), scratch(STEP) as folder:
        found = runtime.call(
            _COMPARE,
            {
                "original": str(original.path),
                "optimized": str(optimized.path),
                "runtime": runtime.spelling,
                "evalset_digest": evalset.digest,
                "folder": str(folder),
            },
            where=STEP,
            files=sandbox.Files(
                readable=(original.folder, optimized.folder, evalset.path), writable=(folder,)
            ),
            cancelled=cancelled,
        )
    return Layers.model_validate(found)


def first_jump(errors: Iterable[TensorError]) -> TensorError | None:
    """Where the error jumps first: to 10 times the noise of all before it, and below 20 dB.

    For one output by itself give it `leading_to(errors, output)`.
    """
    worst = CLEAR_DB
    for error in errors:
        if error.sqnr_db is not None:
            if error.sqnr_db <= worst - JUMP_DB:
                return error
            worst = min(worst, error.sqnr_db)
    return None


def leading_to(errors: Iterable[TensorError], output: str) -> tuple[TensorError, ...]:
    """Those that this output of the model depends on, itself included."""
    return tuple(error for error in errors if output in error.leads_to)


def outputs_among(errors: Iterable[TensorError]) -> tuple[TensorError, ...]:
    """The model's outputs."""
    return tuple(error for error in errors if error.is_output)


def worst_of(errors: Iterable[TensorError]) -> TensorError | None:
    """The tensor with the largest error; None where none can be compared."""
    known = (error for error in errors if error.sqnr_db is not None)
    return min(known, key=lambda error: error.sqnr_db or 0.0, default=None)


def decibels(error: TensorError) -> str:
    """How far a tensor is off, in words."""
    if error.sqnr_db is None:
        return "not comparable"
    if error.sqnr_db >= EXACT_DB:
        return "no difference"
    return f"{error.sqnr_db:.1f} dB"


def jump_told(errors: Sequence[TensorError], jump: TensorError | None) -> str:
    """Where the error jumps first, or that it does not, in a sentence."""
    worst = worst_of(errors)
    if worst is None:
        return "Nothing here can be compared."
    if jump is None:
        return (
            f"The error jumps nowhere: no tensor has {JUMP_DB:g} dB less than all before it. The "
            f"least is {decibels(worst)}, at {legible(worst.node)}."
        )
    before = [error for error in errors[: list(errors).index(jump)] if error.sqnr_db is not None]
    least = min((error.sqnr_db or 0.0 for error in before), default=EXACT_DB)
    since = f"from {least:.1f} dB " if least < EXACT_DB else ""
    return f"The error jumps first at {legible(jump.node)}: {since}to {decibels(jump)}."


def told(found: Layers) -> str:
    """The layers as text: for each output how far it is off and where that began; then notes."""
    lines = []
    for output in outputs_among(found.errors):
        behind = leading_to(found.errors, output.tensor)
        said = jump_told(behind, first_jump(behind))
        lines.append(f"{legible(output.tensor)}: {decibels(output)}. {said}")
    return "\n".join([*lines, f"On {found.samples} validation samples.", *found.notes])
