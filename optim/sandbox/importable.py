"""What of the folders of the system and of modules a child may read: what runs, no more.

A checkout holds the web application's secrets beside its modules (`.streamlit/secrets.toml`), and
whatever else somebody keeps in it. Wherever the program is installed, what is to be hidden may lie
within what is to be read: the folders on the way there are then opened one by one.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.machinery import all_suffixes
from pathlib import Path

_DESCRIBING = (".dist-info", ".egg-info")
_SYSTEM = ("/usr", "/usr/local")
_OF_PROGRAMS = (
    *("bin", "sbin", "lib", "lib32", "lib64", "libexec", "include", "share", "pyvenv.cfg"),
    *("cuda", "cuda-*"),
)
"""What programs and libraries need of a folder that they are installed in."""


def installed() -> list[Path]:
    """What the system's programs, Python and its environment consist of."""
    folders = [Path(one) for one in sorted({*_SYSTEM, sys.prefix, sys.base_prefix})]
    found = [path for folder in folders for name in _OF_PROGRAMS for path in folder.glob(name)]
    named = map(Path, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))
    return [*found, *(path for path in named if path.is_absolute())]


def opened(folders: Iterable[Path], hidden: Iterable[Path]) -> Iterator[Path]:
    """These folders, but for what is hidden: in its place what lies beside it and on the way."""
    secrets = [path.resolve() for path in hidden]
    for folder in folders:
        real = folder.resolve()
        if any(real.is_relative_to(secret) for secret in secrets):
            continue
        if any(secret.is_relative_to(real) for secret in secrets):
            with suppress(OSError):
                yield from opened(real.iterdir(), secrets)
        else:
            yield folder


def elsewhere(site: Path | None) -> list[Path]:
    """Folders of modules outside of those, such as a checkout.

    Args:
        site: a folder of packages that was installed for a part, and may be read as a whole.
    """
    whole = installed() + ([site] if site else [])
    folders = [Path(entry) for entry in sys.path if entry]
    return [f for f in folders if f.is_dir() and not any(f.is_relative_to(w) for w in whole)]


def importable(folder: Path) -> Iterator[Path]:
    """Modules, packages and what describes them, of those in a folder."""
    endings = tuple(all_suffixes())
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            package = path.name.isidentifier() and any(
                inner.name.endswith(endings) for inner in path.iterdir()
            )
            if package or path.suffix in _DESCRIBING:
                yield path
        elif path.name.endswith(endings):
            yield path
