"""External data of an ONNX file: weights in files beside it, named by the file itself.

A stranger's model may name any file, and what it names becomes weights, which bundles carry on. So
a child may read the model alone until it has said which files it wants; this program then looks at
each, and the child is started again with those that can be weights.
"""

import math
import stat
from collections.abc import Callable, Collection, Iterator
from functools import wraps
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from optim.errors import InputError
from optim.model.proto import all_tensors, take_external_data
from optim.names import legible

if TYPE_CHECKING:
    import onnx

WANTED = "wanted"
"""In what a child gives back: the files that it needs to go on."""
_MOST_FILES = 10_000
_TOGETHER = (
    "Give the .onnx file with its external data: both at once, as a zip, or side by side in a "
    "folder."
)
_INSIDE = "Export the model again with its external data in the folder of the .onnx file."
_IN_ONE = "Export the model again with its weights in the .onnx file itself."
_HEAD_BYTES = 4096
_READABLE = bytes([*b"\t\n\r\f", *range(0x20, 0x7F)])
_FEW = 8  # different bytes: weights that are all alike may read as one letter


class _Wanted(Exception):
    """A model needs files that this child may not read."""

    def __init__(self, names: list[str]) -> None:
        self.names = names


def asking(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Have a child's function give back the names of files that it needs, where it needs any."""

    @wraps(function)
    def asked(*arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return function(*arguments, **named)
        except _Wanted as wanted:
            return {WANTED: wanted.names}

    return asked


def granted(folder: Path, names: Collection[str]) -> tuple[Path, ...]:
    """The files of these names, each looked at. Raises InputError for what cannot be weights."""
    if len(names) > _MOST_FILES:
        raise InputError(
            f"The model has its external data in {len(names):,} files; the limit is "
            f"{_MOST_FILES:,}.",
            _IN_ONE,
        )
    return tuple(_checked_file(folder, str(name)) for name in names)


def take_in(
    proto: "onnx.ModelProto", folder: Path, left: int, granted: Collection[str] | None
) -> None:
    """Take external data into memory.

    Args:
        left: bytes that it may have.
        granted: names of the files that may be read; any of `folder` by default.

    Raises: InputError for data that is missing, of another length, too much, or no weights.
    """
    tensors = [*_external(proto)]
    wanted = list(dict.fromkeys(_entries(tensor).get("location", "") for tensor in tensors))
    if granted is not None and not set(wanted) <= set(granted):
        raise _Wanted(wanted)
    for name in wanted:
        _checked_file(folder, name)
    for tensor in tensors:
        left -= _checked_size(tensor, folder)
        if left < 0:
            raise InputError(
                "The external data is larger than the limit for a model.",
                "Use a smaller model or raise OPTIM_MAX_MODEL_MB.",
            )
        _take(tensor, folder)


def _external(proto: "onnx.ModelProto") -> Iterator["onnx.TensorProto"]:
    import onnx

    external = onnx.TensorProto.EXTERNAL
    return (tensor for tensor in all_tensors(proto) if tensor.data_location == external)


def _entries(tensor: "onnx.TensorProto") -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _checked_file(folder: Path, name: str) -> Path:
    """A file within `folder` that may hold weights. Raises InputError."""
    parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
    named = f"The external data {legible(name)!r}"
    if "\0" in name:
        raise InputError(f"{named} is no name of a file.", _INSIDE)
    if not name or ".." in parts or "/" in parts[:1] or PureWindowsPath(name).drive:
        raise InputError(f"{named} points outside of the model's folder.", _INSIDE)
    if any(part.startswith(".") for part in parts):
        raise InputError(f"{named} is a hidden file, as no exporter writes.", _INSIDE)
    path = folder / name
    try:
        if not any(path.resolve().is_relative_to(place) for place in _places(folder)):
            raise InputError(f"{named} is a link to outside of the model's folder.", _INSIDE)
        if not path.exists():
            raise InputError(f"{named} is missing.", _TOGETHER)
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{named} is not a regular file.", _INSIDE)
        if found.st_nlink > 1:  # `onnx` refuses it too, and names the folder
            raise InputError(f"{named} has a second name (a hard link).", "Copy the file.")
        if _is_text(path):
            raise InputError(f"{named} is a text file, which holds no weights.", _IN_ONE)
    except OSError as error:  # such as a name too long
        raise InputError(f"{named} cannot be read ({error.strerror}).", _TOGETHER) from None
    return path


def _places(folder: Path) -> list[Path]:
    """Where a model's files may lie: its folder, and the store of the cache that it is in.

    Hugging Face's caches keep files by their digests in `models--NAME/blobs`; the folders in
    `models--NAME/snapshots/REVISION` hold links to them. An upload has no links.
    """
    whole = folder.resolve()
    snapshots = (one for one in whole.parents if one.name == "snapshots")
    caches = (one.parent for one in snapshots if one.parent.name.startswith("models--"))
    return [whole, *(cache / "blobs" for cache in caches)]


def _is_text(path: Path) -> bool:
    with path.open("rb") as source:
        head = source.read(_HEAD_BYTES)
    return len(set(head)) > _FEW and not head.translate(None, _READABLE)


def _checked_size(tensor: "onnx.TensorProto", folder: Path) -> int:
    """Bytes of a tensor's external data, which are those that its shape needs."""
    entries = _entries(tensor)
    location = entries["location"]
    size = (folder / location).stat().st_size
    named = f"The external data of {legible(tensor.name)!r} ({legible(location)!r})"
    try:
        offset = int(entries.get("offset") or 0)
        length = int(entries.get("length") or max(0, size - offset))
    except ValueError:
        raise InputError(f"{named} has an offset or length that is no number.", _INSIDE) from None
    if offset < 0 or length < 0 or offset + length > size:
        raise InputError(
            f"{named} is incomplete: {offset + length} bytes are needed, the file has {size}.",
            _TOGETHER,
        )
    if length != (needed := _needed(tensor)):
        raise InputError(
            f"{named} has {length} bytes; its shape needs {needed}.",
            "Give the data that belongs to the model, or export it again.",
        )
    return length


def _needed(tensor: "onnx.TensorProto") -> int:
    """Bytes of a tensor's values; those of fewer than 8 bits are packed. Raises InputError."""
    import onnx

    try:
        name = onnx.TensorProto.DataType.Name(tensor.data_type)
        item_bytes = int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except (KeyError, ValueError, TypeError):
        raise InputError(
            f"The external data of {legible(tensor.name)!r} is of the type {tensor.data_type}, "
            "which ONNX does not have.",
            "Export the model again.",
        ) from None
    forms = {bits: (f"INT{bits}", f"UINT{bits}", f"FLOAT{bits}E") for bits in (2, 4)}
    packed = (bits for bits, names in forms.items() if name.startswith(names))
    bits: int = math.prod(tensor.dims) * next(packed, 8 * item_bytes)
    return -(-bits // 8)


def _take(tensor: "onnx.TensorProto", folder: Path) -> None:
    """`onnx` follows no links, so it is given the file itself, which has been looked at."""
    import onnx

    file = (folder / _entries(tensor)["location"]).resolve()
    for entry in tensor.external_data:
        if entry.key == "location":
            entry.value = file.name
    try:
        take_external_data(tensor, file.parent)
    except (ValueError, OSError, onnx.checker.ValidationError) as error:
        raise InputError(
            f"The external data of {legible(tensor.name)!r} cannot be read "
            f"({legible(str(error).replace(f'{file.parent}/', ''), 200)}).",
            _TOGETHER,
        ) from None
