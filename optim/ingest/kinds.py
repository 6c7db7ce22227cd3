"""What kind of file this is, by its content; what cannot be read is refused with what to do."""

import zipfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from optim.errors import InputError
from optim.sandbox.archive import open_zip

ACCEPTED = "Give an ONNX file (.onnx, or a zip with its external data), TorchScript or .pt2."
_HEAD_BYTES = 4096
_TENSORFLOW = (
    "Convert it with `python -m tf2onnx.convert --{flag} PATH --output model.onnx` "
    "(pip install tf2onnx)."
)
_PICKLE = (
    "It is a Python pickle (torch.save of a module or of its weights), and unpickling runs code "
    "that is in the file."
)
_PROTOCOLS = [bytes([number]) for number in range(1, 6)]
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib")  # protocol 0 has no mark of its own
_FROM_PYTORCH = (
    "In the program that defines the network, save it with "
    "`torch.onnx.export(model.eval(), (example,), 'model.onnx')`, `torch.export.save` (.pt2) or "
    "`torch.jit.script(model).save('model.pt')`."
)
_FROM_PYTHON = f"{_FROM_PYTORCH} A model of scikit-learn: `skl2onnx.to_onnx(model, example)`."


class FileKind(StrEnum):
    """The kinds of files that become a Model."""

    ONNX = "onnx"
    ONNX_ZIP = "onnx zip"
    TORCHSCRIPT = "torchscript"
    TORCH_EXPORT = "torch.export"


class _Refusal(NamedTuple):
    what: str
    next_step: str
    applies: Callable[[bytes], bool]
    """Told by the first bytes of the file."""


_REFUSALS = (
    _Refusal(
        "It is a Keras or HDF5 file, not ONNX.",
        "Load it in TensorFlow and `model.export('folder')`. "
        + _TENSORFLOW.format(flag="saved-model"),
        lambda head: head.startswith(b"\x89HDF"),
    ),
    _Refusal(
        "It is a TensorFlow Lite file, not ONNX.",
        _TENSORFLOW.format(flag="tflite"),
        lambda head: head[4:8] == b"TFL3",
    ),
    _Refusal(
        "It is in ONNX Runtime's own format (.ort).",
        "Give the .onnx file that it was made from.",
        lambda head: head[4:8] == b"ORTM",
    ),
    _Refusal(
        "It is a safetensors file: weights without the network.",
        _FROM_PYTORCH,
        lambda head: head[8:10] == b'{"',
    ),
    _Refusal(
        "It is a GGUF file, which only llama.cpp runs.",
        "Give the network as ONNX.",
        lambda head: head.startswith(b"GGUF"),
    ),
    _Refusal(
        "It is a Git LFS pointer, not the file itself.",
        "Run `git lfs pull` where it came from.",
        lambda head: head.startswith(b"version https://git-lfs"),
    ),
    _Refusal(
        "It is a web page; the download has probably failed.",
        "Download the model again.",
        lambda head: head.lstrip()[:9].lower().startswith((b"<html", b"<!doctype")),
    ),
    _Refusal(
        "It is an XML file, perhaps OpenVINO's.",
        "Give the model that it was made from.",
        lambda head: head.lstrip().startswith((b"<?xml", b"<net ")),
    ),
    _Refusal(
        "It is a NumPy array, not a model.", ACCEPTED, lambda head: head.startswith(b"\x93NUMPY")
    ),
    _Refusal(
        "It is a picture or a document, not a model.",
        ACCEPTED,
        lambda head: head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"%PDF")),
    ),
    _Refusal(
        "It is a compressed archive other than zip.",
        "Unpack it first, or make it a zip.",
        lambda head: (
            head.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"\xfd7zXZ")) or head[257:262] == b"ustar"
        ),
    ),
    _Refusal("It is a text file, not a model.", ACCEPTED, lambda head: _is_text(head)),
)


def kind_of(path: Path, max_bytes: int) -> FileKind:
    """The kind of a file or folder. Raises InputError for what is not a model we read."""
    if path.is_dir():
        raise _folder_error(path)
    with path.open("rb") as source:
        head = source.read(_HEAD_BYTES)
    if not head:
        raise InputError("The file is empty (0 bytes).", "Export or upload the model again.")
    if head[:4] == b"PK\x03\x04" or head[:4] == b"PK\x05\x06":
        with open_zip(path, max_bytes) as archive:
            return _kind_of_zip(archive)
    if _is_pickle(head, path):
        raise InputError(_PICKLE, _FROM_PYTHON)
    for refusal in _REFUSALS:
        if refusal.applies(head):
            raise InputError(refusal.what, refusal.next_step)
    return FileKind.ONNX


def _is_pickle(head: bytes, path: Path) -> bool:
    return (head[0] == 0x80 and head[1:2] in _PROTOCOLS) or path.suffix in _PICKLE_SUFFIXES


def _is_text(head: bytes) -> bool:
    """Whether it begins with readable characters only; every ONNX file has others in its head."""
    readable = bytes([*b"\t\n\r\f", *range(0x20, 0x7F), *range(0x80, 0x100)])
    return not head.translate(None, readable)


def _folder_error(path: Path) -> InputError:
    if (path / "saved_model.pb").exists():
        return InputError(
            "It is a TensorFlow SavedModel, not ONNX.", _TENSORFLOW.format(flag="saved-model")
        )
    return InputError("It is a folder.", "Give the path of the model file in it.")


def _kind_of_zip(archive: zipfile.ZipFile) -> FileKind:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    below_top = {name.partition("/")[2] for name in names}
    either = below_top | set(names)
    if "archive_format" in either or "serialized_exported_program.json" in either:
        return FileKind.TORCH_EXPORT
    if "constants.pkl" in below_top and any(name.startswith("code/") for name in below_top):
        return FileKind.TORCHSCRIPT
    if "data.pkl" in either:
        raise InputError(_PICKLE, _FROM_PYTHON)
    if any(name.endswith(".onnx") for name in names):
        return FileKind.ONNX_ZIP
    if "saved_model.pb" in either or "model.weights.h5" in either:
        raise InputError(
            "It is a TensorFlow SavedModel or Keras file, not ONNX.",
            "Unpack it (for .keras: load it, `model.export('folder')`), then run "
            "`python -m tf2onnx.convert --saved-model FOLDER --output model.onnx` "
            "(pip install tf2onnx).",
        )
    if names and all(name.endswith(".npy") for name in names):
        raise InputError("It is an .npz of arrays, not a model.", "Give it as the EvalSet.")
    raise InputError(f"The zip holds no .onnx file ({len(names)} files).", ACCEPTED)
