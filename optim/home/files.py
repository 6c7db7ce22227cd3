"""Content-addressed files in the home folder's `files/`: a file's name is its SHA-256."""

import hashlib
import re
import shutil
from pathlib import Path

from optim.errors import InputError
from optim.home import place, written

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,16}){0,2}")


def put_file(path: Path, suffix: str = "") -> str:
    """Keep a copy of a file; putting the same content twice keeps one. Returns its digest."""
    digest = hash_files(path)
    target = file_path(digest, suffix)
    if not target.exists():
        with written(target) as new:
            shutil.copyfile(path, new)
    return digest


def put_bytes(data: bytes, suffix: str = "") -> str:
    """Keep bytes as a file. Returns its digest."""
    digest = hashlib.sha256(data).hexdigest()
    target = file_path(digest, suffix)
    if not target.exists():
        with written(target) as new:
            new.write_bytes(data)
    return digest


def file_path(digest: str, suffix: str = "") -> Path:
    """Where the file with this digest is, or would be. Raises InputError for a malformed digest."""
    if not _SUFFIX.fullmatch(suffix):
        raise InputError(f"Not a file suffix: {suffix[:40]!r}.", "Use one such as '.npz'.")
    return place("files", checked_digest(digest)[:2], f"{digest}{suffix}")


def checked_digest(digest: str) -> str:
    """The digest itself if it is 64 hexadecimal digits, so that no path can hide in it."""
    if not _DIGEST.fullmatch(digest):
        raise InputError(f"Not a SHA-256 digest: {digest[:80]!r}.", "Use 64 hexadecimal digits.")
    return digest


def hash_files(*paths: Path) -> str:
    """SHA-256 over the bytes of the files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as source:
            while block := source.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
