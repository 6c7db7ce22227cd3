"""The Model value: a bound ONNX network, content-addressed, in its folder under `settings().home`.

A folder holds `model.onnx`, `model.data` where the weights are too large for one protobuf message
(2 GB; onnx.proto, "External Data"), and `model.json`, the Model value.
"""

import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.arrays import TensorSpec as TensorSpec
from optim.errors import InputError
from optim.home import place, written
from optim.home.files import checked_digest, hash_files
from optim.model.proto import DATA_FILE, MODEL_FILE, describe

_VALUE_FILE = "model.json"


class Model(BaseModel):
    """A network as ONNX with static input shapes; `digest` addresses its bytes.

    `dims` is what symbolic dimensions were bound to; `source` is one of onnx, torchscript,
    torch.export, optimized; `random` names the operators that draw at random; `notes` are plain
    sentences on what was found when it was brought.
    """

    model_config = ConfigDict(frozen=True)

    digest: str
    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    opset: int
    size_bytes: int
    dims: dict[str, int]
    source: str
    node_count: int
    random: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The model.onnx file; its external data, if any, lies beside it."""
        return self.folder / MODEL_FILE

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return _folder(self.digest)


def load_model(digest: str) -> Model:
    """The stored Model with this digest. Raises InputError if there is none."""
    path = _folder(digest) / _VALUE_FILE
    if not path.exists():
        raise InputError(f"There is no stored model {digest[:12]}.", "Bring the model again.")
    return Model.model_validate_json(path.read_bytes())


def store_model(
    proto_path: Path,
    name: str,
    source: str,
    dims: dict[str, int],
    *,
    notes: tuple[str, ...] = (),
    described: dict[str, Any] | None = None,
) -> Model:
    """Keep a bound ONNX file (and the `model.data` beside it) as a Model.

    Content that is stored already gives the Model it was stored as, first name included.

    Args:
        proto_path: as `write_proto` wrote it.
        described: what `describe` said of it, if a child has just asked; else a child is asked.
    """
    data = proto_path.with_name(DATA_FILE)
    files = [proto_path, data] if data.exists() else [proto_path]
    digest = hash_files(*files)
    if (_folder(digest) / _VALUE_FILE).exists():
        return load_model(digest)
    if described is None:
        described = sandbox.call(
            describe,
            {"path": str(proto_path)},
            where="model",
            files=sandbox.Files(readable=(proto_path.parent,)),
        )
    model = Model.model_validate(
        {
            **described,
            "digest": digest,
            "name": name,
            "source": source,
            "dims": dims,
            "size_bytes": sum(file.stat().st_size for file in files),
            "notes": notes,
        }
    )
    _keep(model, files)
    return model


def _keep(model: Model, files: list[Path]) -> None:
    with written(_folder(model.digest)) as new:
        new.mkdir()
        for file, kept_name in zip(files, (MODEL_FILE, DATA_FILE), strict=False):
            shutil.copyfile(file, new / kept_name)
        (new / _VALUE_FILE).write_text(model.model_dump_json(indent=1))


def _folder(digest: str) -> Path:
    return place("models", checked_digest(digest))
