"""What an installer says, as one sentence for people."""

import re

from optim.errors import OptimError, StepError, disk_is_full

_FULL = re.compile(r"No space left on device|os error 28|Disk quota exceeded")
_OFFLINE = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Failed to establish a new "
    r"connection|Connection refused|Connection reset|Network is unreachable|Read timed out|"
    r"ConnectTimeout|ProxyError|dns error|error sending request|SSLError"
)
_NONE = re.compile(r"No matching distribution found for (\S+)|no version of (\S+)")
_BROKEN = re.compile(
    r"BadZipFile|[Ii]nvalid wheel|has an invalid|is invalid|DO NOT MATCH THE HASHES"
)
_LONGEST = 300


def refusal(name: str, said: str) -> OptimError:
    """Why an installer has failed. Nothing is left of what it did."""
    if _FULL.search(said):
        return disk_is_full()
    if _OFFLINE.search(said):
        return _error(
            name,
            f"The packages of {name} could not be fetched: the package index cannot be reached.",
            "Connect this machine, or name an index that it can reach (PIP_INDEX_URL), and try "
            "again; nothing was left half-made.",
        )
    if match := _NONE.search(said):
        wanted = (match[1] or match[2]).rstrip(",.")
        return _error(
            name,
            f"There is no package {wanted} for this Python and machine.",
            "It cannot be used here; everything else goes on without it.",
        )
    if _BROKEN.search(said):
        return _error(
            name,
            f"A package of {name} is broken: {_last(said)}.",
            "Try again, since a download may have been cut short; else its maker must mend it.",
        )
    return _error(
        name,
        f"The packages of {name} could not be installed: {_last(said)}.",
        "Try again; nothing was left half-made.",
    )


def unusable(name: str, said: str) -> OptimError:
    """What was installed cannot be imported. Nothing is left of it."""
    return _error(
        name,
        f"The packages of {name} were fetched but do not work on this machine: {_last(said)}.",
        "It cannot be used here; everything else goes on without it.",
    )


def _error(name: str, what: str, next_step: str) -> OptimError:
    return StepError(what, next_step, f"install {name}")


def _last(said: str) -> str:
    """The last line that tells something, an error's by choice."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    line = (errors or lines or ["it said nothing"])[-1]
    return line.removeprefix("ERROR:").strip().rstrip(".")[:_LONGEST]
