"""Work in child processes with limits: what is heavy, or parses what a stranger made."""

from optim.sandbox.calling import (
    Function,
    Named,
    call,
    module_of,
    wait_until_warm,
    warm,
)
from optim.sandbox.isolation import PROTECTIONS, Files
from optim.sandbox.leavings import believed, text_in
from optim.sandbox.limits import Limits
from optim.sandbox.walls import protections

__all__ = [
    "PROTECTIONS",
    "Files",
    "Function",
    "Limits",
    "Named",
    "believed",
    "call",
    "module_of",
    "protections",
    "text_in",
    "wait_until_warm",
    "warm",
]
