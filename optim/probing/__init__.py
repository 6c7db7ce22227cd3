"""Know the machine: what its engines reach, measured once and kept; whether bytes overflow."""

import json
from collections.abc import Callable

from optim.home import kept, kept_already
from optim.machine.environment import machine_id, usable_cores
from optim.probing.values import KINDS, Probe, Row
from optim.runtimes.base import engine_versions
from optim.runtimes.support.overflow import overflows_here, saturates_here

__all__ = ["KINDS", "Probe", "Row", "known", "overflows_here", "probe", "saturates_here"]

_FOLDER = "probes"
_REVISION = 1
"""Another one where other things are probed, so that a machine is probed anew."""


def known() -> Probe | None:
    """What was probed of this machine with these engines before; probes nothing.

    On as many cores as may be used, or on more: what one core reaches it knows as well.
    """
    found = kept_already(Probe, _FOLDER, _key())
    return found if found and found.cores >= usable_cores() else None


def probe(
    on_progress: Callable[[str, float], None] = lambda text, share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Probe:
    """Probe this machine afresh, in about 15 s where it is quiet, at most 30 s; and keep it.

    Args:
        on_progress: is told what is being probed, and the share that is done.
        cancelled: polled; true ends it.

    Raises: Cancelled.
    """
    from optim.probing.run import probed

    return kept(Probe, _FOLDER, _key(), lambda: probed(on_progress, cancelled), afresh=True)


def _key() -> str:
    return json.dumps([_REVISION, machine_id(), engine_versions()])
