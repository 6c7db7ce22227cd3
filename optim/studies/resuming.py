"""What an interrupted trial leaves to the one that goes on with it."""

from contextlib import suppress

from optim.errors import OptimError
from optim.machine.environment import environment
from optim.studies.trial import Progress, Trial, measurement_of


def left_by(ended: Trial) -> Progress | None:
    """What is known of a trial whose program ended; None where it has to begin anew.

    It stands where it was timed on this machine with the libraries of today: a slice more of
    another machine, or of another engine, would be the measurement of neither.
    """
    if ended.state == "interrupted" and ended.slices and ended.model_digest and _timed_here(ended):
        return ended.progress
    return None


def _timed_here(ended: Trial) -> bool:
    here = environment().items()
    with suppress(OptimError, OSError):  # samples that are lost are measured again
        return all(
            here <= piece.environment.items() for piece in measurement_of(ended.slices).slices
        )
    return False
