"""Raw samples that a file of a stranger claims: read within bounds, and fit to be summarized."""

from math import isfinite

from optim.errors import InputError, StepError
from optim.timing.measurement import BASELINE, CANDIDATE, Measurement
from optim.timing.stats import summarize

MAX_BYTES = 64_000_000
_MAX_SAMPLES = 8_000_000
_MAX_FACTS = 64
_LONGEST_FACT = 400


def claimed(data: bytes) -> Measurement:
    """The samples of a JSON text. Raises InputError: too many, none, not positive, one arm only."""
    if len(data) > MAX_BYTES or data.count(b",") > _MAX_SAMPLES:
        raise _unreadable("there are too many")
    found = Measurement.from_json(data)
    for piece in found.slices:
        arms = piece.arms.values()
        paired = {CANDIDATE, BASELINE} <= piece.arms.keys() and len({*map(len, arms)}) == 1
        positive = all(arms) and all(block and min(block) > 0 for arm in arms for block in arm)
        if not (paired and positive):
            raise _unreadable("a process lacks runs of the recipe or of the original beside it")
        told = {**piece.environment, **piece.facts}
        if len(told) > _MAX_FACTS or any(len(text) > _LONGEST_FACT for text in told.values()):
            raise _unreadable("its machine is described at too great length")
    if not found.slices:
        raise _unreadable("there are none")
    return found


def check_sound(found: Measurement) -> None:
    """Raise InputError where no statistics follow from these samples."""
    try:
        summary = summarize(found)
        sound = isfinite(summary.p50_ms.high) and isfinite(summary.gain.high)
    except (StepError, ArithmeticError, ValueError, LookupError, TypeError):
        sound = False
    if not sound:
        raise _unreadable("no statistics follow from them")


def _unreadable(why: str) -> InputError:
    return InputError(f"The timings cannot be used: {why}.", "Export them again.", "measure")
