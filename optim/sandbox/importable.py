"""What of the folders that modules are found in a child may read: what can be imported, no more.

A checkout holds the web application's secrets beside its modules (`.streamlit/secrets.toml`), and
whatever else somebody keeps in it.
"""

import sys
from collections.abc import Iterator
from importlib.machinery import all_suffixes
from pathlib import Path

_DESCRIBING = (".dist-info", ".egg-info")


def installed() -> set[str]:
    """The folders of Python itself and of its environment, all of which may be read."""
    return {sys.prefix, sys.base_prefix}


def elsewhere(site: Path | None) -> list[Path]:
    """Folders of modules outside of those, such as a checkout.

    Args:
        site: a folder of packages that was installed for a part, and may be read as a whole.
    """
    whole = [*map(Path, installed())] + ([site] if site else [])
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
