"""Read an ONNX file that a stranger made, its external data included. Runs in a child."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from optim.errors import InputError
from optim.ingest.dims import MAX_AXES
from optim.ingest.external import take_in
from optim.ingest.kinds import ACCEPTED
from optim.ingest.repair import make_text
from optim.model.proto import all_tensors
from optim.names import legible
from optim.sandbox.archive import extract, open_zip

if TYPE_CHECKING:
    import onnx

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


def read_onnx(
    path: Path, max_bytes: int, granted: Collection[str] | None = None
) -> tuple["onnx.ModelProto", list[str]]:
    """Parse an ONNX file and take its external data into memory.

    Args:
        granted: names of the files that may be read beside it; any by default.

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
    _check_axes(proto)
    take_in(proto, path.parent, max_bytes - path.stat().st_size, granted)
    return proto, notes


def _check_axes(proto: "onnx.ModelProto") -> None:
    for tensor in all_tensors(proto):
        if (axes := len(tensor.dims)) > MAX_AXES:
            raise InputError(
                f"The tensor {legible(tensor.name)!r} has {axes:,} axes; the limit is {MAX_AXES}.",
                "Export the model with fewer axes.",
            )


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
