"""The central directory of a zip that a stranger made: walked within bounds before it is parsed.

`zipfile` makes an object of each entry, and takes quadratic time over an entry's extra field: a
million entries, or a few hundred with long fields, are half a minute's work.
"""

import struct
import zipfile
from pathlib import Path
from typing import IO

from optim.errors import InputError

MAX_ENTRIES = 10_000
_MAX_EXTRA_BYTES = 4096  # times and rights take some dozens
_HEADER = struct.Struct("<4s24xHHH12x")  # the lengths of name, extra field and comment follow
_SIGNATURE = b"PK\x01\x02"
_SIZE, _LOCATION = 5, 9  # in the end-of-central-directory record as `zipfile` reads it
_ZIP64 = b"PK\x06\x06"
_ZIP64_END_BYTES = 56 + 20  # its record and the locator
_WHOLE = "Zip the needed files alone, with an ordinary program."


def opened(path: Path, most: int = MAX_ENTRIES) -> zipfile.ZipFile:
    """The zip file. Raises InputError beyond the bounds, and what `zipfile` raises for damage.

    Args:
        most: entries that it may have.
    """
    with path.open("rb") as source:
        _check(source, most)
    return zipfile.ZipFile(path)


def _check(source: IO[bytes], most: int) -> None:
    """Raise InputError for more entries, or longer fields, than a zip for us has.

    The record at the end may lie: the entries themselves are counted, at the place and up to the
    length that `zipfile` goes by.
    """
    record = zipfile._EndRecData(source)  # type: ignore[attr-defined]
    if not record:  # no zip: `zipfile` says so
        return
    end = record[_LOCATION] - (_ZIP64_END_BYTES if record[0] == _ZIP64 else 0)
    start = end - record[_SIZE]
    count = 0
    while 0 <= start < end:
        source.seek(start)
        header = source.read(_HEADER.size)
        if len(header) < _HEADER.size or header[:4] != _SIGNATURE:
            return  # damaged: `zipfile` says so when it gets here
        _, name, extra, comment = _HEADER.unpack(header)
        count += 1
        if count > most:
            raise InputError(f"The zip holds over {most:,} files.", _WHOLE)
        if extra > _MAX_EXTRA_BYTES:
            raise InputError(
                f"An entry of the zip has {extra:,} bytes of notes for other programs; the limit "
                f"is {_MAX_EXTRA_BYTES:,}.",
                _WHOLE,
            )
        start += _HEADER.size + name + extra + comment
