"""The arrays of an `.npz`, each read only after its header was checked. Runs in a child."""

import math
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from optim.arrays import Array, npy_header
from optim.errors import InputError, first_line
from optim.evalset.stored import fail
from optim.names import legible
from optim.sandbox.directory import opened

_DAMAGED = (
    *(OSError, EOFError, ValueError, OverflowError, RuntimeError),
    *(zlib.error, zipfile.BadZipFile),
)
_ZIP = b"PK\3\4"
HEAD_BYTES = 4096
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""What text of two bytes a letter begins with."""
_READABLE = bytes([*b"\t\n\r\f", *range(0x20, 0x7F), *range(0x80, 0x100)])
_MOST_EMPTY = 10_000_000  # texts: a file holds any number of them in no bytes at all
_LAST_CHARACTER = 0x10FFFF  # of Unicode


_OTHERS = {
    b"PAR1": ("a Parquet file", "pandas.read_parquet"),
    b"ARROW1": ("an Arrow file", "pandas.read_feather"),
    b"\x89HDF": ("an HDF5 file", "h5py.File"),
    b"\x93NUMPY": ("a single array (.npy)", "numpy.load"),
    b"RIFF": ("a recording (.wav)", "scipy.io.wavfile.read"),
    b"fLaC": ("a recording (.flac)", "soundfile.read"),
    b"OggS": ("a recording (.ogg)", "soundfile.read"),
    b"ID3": ("a recording (.mp3)", "soundfile.read"),
    b"MATLAB": ("a MATLAB file", "scipy.io.loadmat"),
    b"\x80\x04": ("a Python pickle", "the program that wrote it"),
    b"\x80\x05": ("a Python pickle", "the program that wrote it"),
}
"""First bytes of files in which data comes -> what they are called, and what reads them."""
_TABLES = ("pandas.read_parquet", "pandas.read_feather")


def _no_npz(path: Path) -> InputError:
    with path.open("rb") as source:
        head = source.read(HEAD_BYTES)
    what, reader = next((v for k, v in _OTHERS.items() if head.startswith(k)), ("", ""))
    if is_json(head):
        lines = ", lines=True" if b"}\n{" in head.replace(b"\r", b"") else ""
        return _of_rows(f"{path.name} is JSON", f'pandas.read_json("{path.name}"{lines})')
    if reader in _TABLES:
        return _of_rows(f"{path.name} is {what}", f'{reader}("{path.name}")')
    known = f"{path.name} is {what}, not an .npz file."
    made = 'numpy.savez("evalset.npz", input_name=array, labels=labels)'
    return fail(
        known if what else f"{path.name} is not an .npz file, or it is cut off.",
        f"Read it with {reader} and write {made}." if what else f"Make one with {made}.",
    )


def _of_rows(known: str, read: str) -> InputError:
    """What to do with a file that pandas reads as rows."""
    return fail(
        f"{known}, not an .npz file or a table.",
        f'Read it: d = {read}. Where its columns are numbers, d.to_csv("evalset.csv", index=False) '
        'writes a table to give; where they are lists of one length, numpy.savez("evalset.npz", '
        "**{c: numpy.array(d[c].tolist()) for c in d}) the arrays.",
    )


def is_text(head: bytes) -> bool:
    """Whether a file that begins so is text, and none of the others in which data comes."""
    if head.startswith(tuple(_OTHERS)) or _ZIP.startswith(head[: len(_ZIP)]):
        return False
    return head.startswith(UTF_16) or not head.translate(None, _READABLE)


def is_json(head: bytes) -> bool:
    """Whether a file that begins so is JSON."""
    return is_text(head) and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))


def load(path: Path, max_mb: int, pickled: dict[str, InputError] | None = None) -> dict[str, Array]:
    """All arrays of an `.npz` whose headers promise no more than `max_mb`. Raises InputError.

    Args:
        pickled: gets what is said of arrays of Python objects, which are never read; without it,
            that is raised.
    """
    if not zipfile.is_zipfile(path):
        raise _no_npz(path)
    try:
        with opened(path) as archive:
            members = archive.infolist()
            check_size(sum(member.file_size for member in members), max_mb)
            _check_once(members)
            found = {_key(member): _array(archive, member, pickled) for member in members}
            return {name: array for name, array in found.items() if array is not None}
    except _DAMAGED as error:
        raise fail(
            f"{path.name} is damaged ({first_line(error)}).", "Save it again with numpy.savez."
        ) from None


def _check_once(members: list[zipfile.ZipInfo]) -> None:
    """Of two arrays of one name nobody can tell which is meant."""
    counts = Counter(member.filename for member in members)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise fail(f"It holds {legible(twice[0])!r} twice.", "Save each array once.")


def check_size(size: int, max_mb: int) -> None:
    """Raise InputError where an archive unpacks to more than the limit."""
    if size > max_mb * 1_000_000:
        raise fail(
            f"It unpacks to {size / 1e6:,.0f} MB; the limit is {max_mb:,} MB.",
            "Use fewer samples or raise OPTIM_MAX_EVALSET_MB.",
        )


def _key(member: zipfile.ZipInfo) -> str:
    if not member.filename.endswith(".npy"):
        raise fail(
            f"It holds {legible(member.filename)!r}, which is no array.",
            "Save arrays only, with numpy.savez.",
        )
    return member.filename.removesuffix(".npy")


def _array(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, pickled: dict[str, InputError] | None
) -> Array | None:
    """Read one array after its header has been checked against the member's size; not a pickle."""
    with archive.open(member) as stream:
        shape, _, dtype = npy_header(stream)
        start = stream.tell()
    name = legible(_key(member))
    if dtype.hasobject:
        error = fail(
            f"The array {name!r} holds pickled Python objects, which can run code "
            "when they are read; it is refused.",
            'Save plain numbers or texts: array.astype("float32"), array.astype(str) for names; '
            "rows of several lengths are padded to one, with an attention mask or lengths beside.",
        )
        if pickled is None:
            raise error
        pickled[_key(member)] = error
        return None
    if dtype.names:
        raise fail(
            f"The array {name!r} has named columns ({', '.join(map(legible, dtype.names[:5]))}).",
            "Save them as one array of numbers: "
            "numpy.lib.recfunctions.structured_to_unstructured(array).",
        )
    size = dtype.itemsize * math.prod(shape)  # of Python's integers: no overflow
    if not dtype.itemsize and math.prod(shape) > _MOST_EMPTY:
        raise fail(
            f"The array {name!r} holds {math.prod(shape):,} empty texts.",
            "Leave it out, or give the texts.",
        )
    if start + size != member.file_size:
        raise fail(
            f"The array {name!r} is damaged: its header says {list(shape)} {dtype}, "
            f"{size:,} bytes, but it holds {member.file_size - start:,}.",
            "Save it again with numpy.savez.",
        )
    with archive.open(member) as stream:
        array = np.asarray(npy.read_array(stream, allow_pickle=False))
    if dtype.kind == "U" and size and _points(array).max() > _LAST_CHARACTER:
        raise fail(
            f"The array {name!r} holds characters that do not exist.",
            "Save it again.",
        )
    return array


def _points(texts: Array) -> Array:
    """The characters of texts as numbers, whatever they are."""
    native = np.ascontiguousarray(texts.astype(texts.dtype.newbyteorder("=")))
    return native.reshape(-1).view(np.uint32)
