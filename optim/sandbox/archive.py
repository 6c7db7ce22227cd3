"""Zip files that strangers made: bounds on what they unpack to, and where."""

import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from optim.errors import InputError
from optim.names import legible, may_be_file
from optim.sandbox.directory import opened

_MAX_RATIO = 300  # weights rarely shrink 2-fold; DEFLATE's limit is 1032
_RATIO_MATTERS_BYTES = 20_000_000
_BLOCK = 1 << 20
_ZIP_ERRORS = (zipfile.BadZipFile, ValueError, OSError, NotImplementedError)
_HONEST = "Zip the model file and its external data alone, with an ordinary program."


def open_zip(path: Path, max_bytes: int) -> zipfile.ZipFile:
    """Open a zip and check what it claims to hold. Raises InputError."""
    try:
        archive = opened(path)
    except _ZIP_ERRORS as error:
        raise InputError(
            f"The zip file is damaged or incomplete ({legible(str(error), 200)}).", "Make it again."
        ) from None
    infos = archive.infolist()
    if any(info.flag_bits & 1 for info in infos):
        raise InputError("The zip is encrypted.", "Make one without a password.")
    total = sum(info.file_size for info in infos)
    packed = max(1, sum(info.compress_size for info in infos))
    if total > max_bytes:
        raise InputError(
            f"The zip unpacks to {total / 1e6:.0f} MB; the limit is {max_bytes / 1e6:.0f} MB.",
            "Use a smaller model or raise OPTIM_MAX_MODEL_MB.",
        )
    if total > _RATIO_MATTERS_BYTES and total / packed > _MAX_RATIO:
        raise InputError(
            f"The zip unpacks to {total / packed:.0f} times its size, as zip bombs do.", _HONEST
        )
    return archive


def extract(archive: zipfile.ZipFile, folder: Path, max_bytes: int) -> list[Path]:
    """Unpack into an empty folder, counting what really comes out. Raises InputError.

    Returns the files' paths. Nothing is written outside `folder`, no link is made.
    """
    left = max_bytes
    written = []
    for info in archive.infolist():
        _check_entry(info)
        if info.is_dir() or "__MACOSX" in info.filename:
            continue
        target = folder / info.filename
        left -= _copy(archive, info, target, left)
        written.append(target)
    return written


def content(archive: zipfile.ZipFile, name: str) -> bytes:
    """What one entry holds, as much as it declares at most. Raises InputError."""
    info, sink = archive.getinfo(name), io.BytesIO()
    _pump(archive, info, sink, info.file_size)
    return sink.getvalue()


def rewrite(
    archive: zipfile.ZipFile,
    path: Path,
    max_bytes: int,
    replaced: Mapping[str, bytes] | None = None,
    left_out: Collection[str] = (),
) -> None:
    """Write the entries as they were read here to a new zip, uncompressed.

    Another reader may see other entries in the same file; whoever opens the new one sees what was
    checked. Raises InputError.

    Args:
        replaced: entry -> what is written in its place.
        left_out: entries that are not written.
    """
    replaced = replaced or {}
    left = max_bytes
    seen = set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for info in archive.infolist():
            if info.filename in seen:
                raise InputError(f"The zip holds {legible(info.filename)!r} twice.", _HONEST)
            seen.add(info.filename)
            if info.filename in replaced:
                new.writestr(info.filename, replaced[info.filename])
                continue
            if info.filename in left_out:
                continue
            with new.open(zipfile.ZipInfo(info.filename), "w", force_zip64=True) as sink:
                left -= _pump(archive, info, sink, left)


def _check_entry(info: zipfile.ZipInfo) -> None:
    name = info.filename
    windows = PureWindowsPath(name)
    parts = [*PurePosixPath(name).parts, *windows.parts]
    if not name or name.startswith("/") or windows.drive or windows.root or ".." in parts:
        raise InputError(f"The zip's entry {legible(name)!r} points outside of the zip.", _HONEST)
    if not may_be_file(name):
        raise InputError(f"The zip's entry {legible(name)!r} cannot be a file's name.", _HONEST)
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"The zip's entry {legible(name)!r} is a link or a device.", _HONEST)


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int) -> int:
    try:
        if target.exists():
            raise InputError(f"The zip holds {legible(info.filename)!r} twice.", _HONEST)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as sink:
            return _pump(archive, info, sink, left)
    except OSError as error:  # such as a name too long, or a file where a folder should be
        raise _unreadable(info, error) from None


def _pump(archive: zipfile.ZipFile, info: zipfile.ZipInfo, sink: IO[bytes], left: int) -> int:
    count = 0
    try:
        with archive.open(info) as source:
            while block := source.read(_BLOCK):
                count += len(block)
                if count > left:
                    raise InputError("The zip unpacks to more than it declares.", _HONEST)
                sink.write(block)
    except (*_ZIP_ERRORS, EOFError, RuntimeError, zlib.error, lzma.LZMAError) as error:
        raise _unreadable(info, error) from None
    return count


def _unreadable(info: zipfile.ZipInfo, error: Exception) -> InputError:
    said = error.strerror if isinstance(error, OSError) else ""  # without the path here
    why = legible(said or str(error), 200)
    return InputError(
        f"The zip's entry {legible(info.filename)!r} cannot be unpacked ({why}).",
        "Make the zip again.",
    )
