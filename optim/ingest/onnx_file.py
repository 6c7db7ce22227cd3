"""Read an ONNX file that a stranger made, its external data included. Runs in a child."""

import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from optim.errors import InputError
from optim.ingest.kinds import ACCEPTED
from optim.ingest.repair import make_text
from optim.model.proto import all_tensors, take_external_data
from optim.names import legible
from optim.sandbox.archive import extract, open_zip

if TYPE_CHECKING:
    import onnx

_TOGETHER = (
    "Give the .onnx file with its external data: both at once, as a zip, or side by side in a "
    "folder."
)
_INSIDE = "Export the model again with its external data in the folder of the .onnx file."
_ONNX_FIRST_BYTES = (0x08, 0x12, 0x3A, 0x42)  # ir_version, producer, graph or opset_import first


def unzip_onnx(path: Path, folder: Path, max_bytes: int) -> Path:
    """Unpack a zip and find the one .onnx file in it. Raises InputError."""
    with open_zip(path, max_bytes) as archive:
        files = [f for f in extract(archive, folder, max_bytes) if f.suffix == ".onnx"]
    if len(files) != 1:
        names = ", ".join(legible(file.name, 40) for file in files[:5])
        raise InputError(
            f"The zip holds {len(files)} .onnx files ({names}); one is expected.",
            "Zip one model at a time.",
        )
    return files[0]


def read_onnx(path: Path, max_bytes: int) -> tuple["onnx.ModelProto", list[str]]:
    """Parse an ONNX file and take its external data into memory.

    Returns: the model, and sentences on what was changed to read it.

    Raises: InputError for what is no ONNX, and for external data that is missing, too short, too
        large or outside of the file's folder.
    """
    proto = _parse(path)
    notes = make_text(proto)
    if not proto.graph.node:
        raise InputError(
            "The file reads as ONNX but its graph has no nodes.", f"Is it a model? {ACCEPTED}"
        )
    _take_external_data(proto, path.parent, max_bytes - path.stat().st_size)
    return proto, notes


def _parse(path: Path) -> "onnx.ModelProto":
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(path, load_external_data=False, format="protobuf")
    except DecodeError:
        pass
    with path.open("rb") as source:
        looks_like_onnx = source.read(1)[:1] in [bytes([b]) for b in _ONNX_FIRST_BYTES]
    if path.suffix == ".onnx" or looks_like_onnx:
        raise InputError(
            f"The ONNX file is incomplete or damaged ({path.stat().st_size} bytes do not parse).",
            "Download, export or upload it again.",
        )
    if path.suffix == ".pb":
        raise InputError(
            "It is not ONNX, perhaps a TensorFlow graph.",
            "Convert it with `python -m tf2onnx.convert --graphdef PATH --inputs X:0 "
            "--outputs Y:0 --output model.onnx` (pip install tf2onnx).",
        )
    raise InputError("The file is not a model in a format read here.", ACCEPTED)


def _take_external_data(proto: "onnx.ModelProto", folder: Path, left: int) -> None:
    import onnx

    for tensor in all_tensors(proto):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        left -= _checked_size(tensor, folder)
        if left < 0:
            raise InputError(
                "The external data is larger than the limit for a model.",
                "Use a smaller model or raise OPTIM_MAX_MODEL_MB.",
            )
        try:
            take_external_data(tensor, folder)
        except (ValueError, OSError, onnx.checker.ValidationError) as error:
            raise InputError(
                f"The external data of {legible(tensor.name)!r} cannot be read "
                f"({legible(str(error).replace(f'{folder}/', ''), 200)}).",
                _TOGETHER,
            ) from None


def _checked_size(tensor: "onnx.TensorProto", folder: Path) -> int:
    """Bytes of a tensor's external data, once it is known to lie within `folder`."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    named = f"The external data of {legible(tensor.name)!r} ({legible(location)!r})"
    if "\0" in location:
        raise InputError(f"{named} is no name of a file.", _INSIDE)
    if not location or ".." in parts or "/" in parts[:1] or PureWindowsPath(location).drive:
        raise InputError(f"{named} points outside of the model's folder.", _INSIDE)
    path = folder / location
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{named} is a link to outside of the model's folder.", _INSIDE)
    if not path.exists():
        raise InputError(f"{named} is missing.", _TOGETHER)
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{named} is not a regular file.", _INSIDE)
    if path.stat().st_nlink > 1:  # `onnx` refuses it too, and names the folder
        raise InputError(f"{named} has a second name (a hard link).", "Copy the file.")
    try:
        offset = int(entries.get("offset") or 0)
        length = int(entries.get("length") or max(0, path.stat().st_size - offset))
    except ValueError:
        raise InputError(f"{named} has an offset or length that is no number.", _INSIDE) from None
    if offset < 0 or length < 0 or offset + length > path.stat().st_size:
        raise InputError(
            f"{named} is incomplete: {offset + length} bytes are needed, "
            f"the file has {path.stat().st_size}.",
            _TOGETHER,
        )
    return length
