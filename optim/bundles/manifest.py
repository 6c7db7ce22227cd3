"""A bundle's files and its MANIFEST: one SHA-256 per file, in the form `sha256sum -c` reads."""

import re
from pathlib import Path, PurePosixPath

from optim.errors import InputError
from optim.home.files import hash_files
from optim.model.proto import DATA_FILE, MODEL_FILE
from optim.names import legible, may_be_file

MANIFEST = "MANIFEST"
ABOUT = "bundle.json"
RECIPE = "recipe.yaml"
SESSION = "session.yaml"
SCRIPT = "run.py"
HOST = "host.py"
HOST_REQUIREMENTS = "requirements-host.txt"
SERVER = "server/"
DEPLOY = "deploy/"
README = "README.md"
REQUIREMENTS = "requirements.txt"
REPORT = "report.html"
EVALSET = "evalset.npz"
EXAMPLE = "example.npz"
MODEL = MODEL_FILE
COMPILED = "compiled/"
ORIGINAL = f"original/{MODEL_FILE}"
MEASUREMENT = "evidence/measurement.json.gz"
QUALITY = "evidence/quality.json"
SUMMARY = "evidence/summary.json"
ENVIRONMENT = "evidence/environment.json"
PASSES = "evidence/passes.json"
POINTS = "evidence/points.json"
CAUTIONS = "evidence/cautions.json"
SHARES = "evidence/shares.json"
ORIGINAL_VALUE = "evidence/original.json"
MODEL_VALUE = "evidence/model.json"
EVALSET_VALUE = "evidence/evalset.json"

REQUIRED = (
    *(ABOUT, RECIPE, SESSION, SCRIPT, REQUIREMENTS, REPORT, EVALSET, EXAMPLE, MODEL, ORIGINAL),
    *(MEASUREMENT, QUALITY, SUMMARY, ENVIRONMENT, PASSES),
    *(ORIGINAL_VALUE, MODEL_VALUE, EVALSET_VALUE),
)
_OPTIONAL = (
    *(DATA_FILE, f"original/{DATA_FILE}", POINTS, CAUTIONS, SHARES, README),
    *(HOST, HOST_REQUIREMENTS),
)
"""Large weights have a file of their own; earlier versions' bundles have no points, no cautions,
no README and no server.
Shares are there where the recipe's sub-recipes were measured."""
MADE = (SERVER, DEPLOY)
"""Folders whose files have any name; a replay makes them again."""
HOLDS = {
    README: "what it is, and what to run first",
    SCRIPT: "answers samples and times itself; needs nothing but the runtime",
    REQUIREMENTS: "that runtime, with its version",
    HOST: "serves it over REST and gRPC",
    HOST_REQUIREMENTS: "what that needs, with its versions",
    MODEL: "the optimized model",
    DATA_FILE: "its weights, where they are too large for one file",
    EXAMPLE: "one sample, as inputs for run.py",
    EVALSET: "what it was calibrated and judged on",
    REPORT: "all of it to read, in one file",
    COMPILED: "what the engine has compiled the model to, which run.py opens",
    "original/": "the model it was made from",
    RECIPE: "every pass with all its settings",
    SESSION: "the runtime's session options",
    "evidence/": "raw samples, environment, quality, what each pass did",
    SERVER: "the program's modules that host.py runs",
    DEPLOY: "files for Docker, KServe, Triton and others, as they were chosen",
    ABOUT: "names, digests and library versions",
    MANIFEST: "SHA-256 of every file, as sha256sum -c reads it",
}
"""File or folder of a bundle -> what it is, in the order in which people want them."""
_LINE = re.compile(r"([0-9a-f]{64})  (\S[^\n\r]*)")
_MAX_FILES = 200
_MAX_MANIFEST_BYTES = 100_000


def write_manifest(folder: Path) -> None:
    """Write the MANIFEST of every file in `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{hash_files(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8")


def verify(folder: Path) -> dict[str, str]:
    """Check every file against the MANIFEST; returns the hash of each file by its name.

    Raises: InputError for what is no bundle, for a file that is missing, changed, a link or
        outside of the bundle, for one that the MANIFEST does not list or that no bundle holds, and
        for a required one that it does not list.
    """
    listed = _listed(folder)
    missing = [name for name in REQUIRED if name not in listed]
    if missing:
        raise _bad(f"Its {MANIFEST} does not list {missing[0]}.")
    known = {*REQUIRED, *_OPTIONAL}
    folders = (*MADE, COMPILED)
    strange = sorted(name for name in listed if name not in known and not name.startswith(folders))
    for name, digest in listed.items():
        path = _contained(folder, name)
        if hash_files(path) != digest:
            raise _bad(f"The file {legible(name)!r} is not what was exported: its SHA-256 differs.")
    if strange:
        raise _bad(f"The file {legible(strange[0])!r} does not belong in a bundle.")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    added = sorted(there - listed.keys() - {MANIFEST})
    if added:
        raise _bad(
            f"The file {legible(added[0])!r} is not in its {MANIFEST}: it was added afterwards."
        )
    return listed


def _listed(folder: Path) -> dict[str, str]:
    path = folder / MANIFEST
    if path.is_symlink() or not path.is_file():
        raise InputError(
            f"This is not a bundle: it has no {MANIFEST}.",
            "Give the folder or zip that an export wrote.",
            "replay",
        )
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise _bad(f"Its {MANIFEST} is too large.")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    if not all(found) or len(lines) > _MAX_FILES:
        raise _bad(f"Its {MANIFEST} is not a list of hashes and files.")
    return {match[2]: match[1] for match in found if match}


def _contained(folder: Path, name: str) -> Path:
    """The file called `name`, known to lie in the folder. Raises InputError."""
    relative = PurePosixPath(name)
    path = folder / relative
    if relative.is_absolute() or ".." in relative.parts or "\\" in name:
        raise _bad(f"Its {MANIFEST} names {legible(name)!r}, which is outside of the bundle.")
    if not may_be_file(name):
        raise _bad(f"Its {MANIFEST} names {legible(name)!r}, which no file can be called.")
    if path.resolve() != folder.resolve() / relative:
        raise _bad(f"{legible(name)!r} is a link.")
    if not path.is_file():
        raise _bad(f"The file {legible(name)!r} is missing.")
    return path


def _bad(what: str) -> InputError:
    return InputError(what, "Export the bundle again, or ask for an intact copy.", "replay")
