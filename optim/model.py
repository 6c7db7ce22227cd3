"""The Model value: a bound ONNX network, content-addressed, in its folder under `settings().home`.

A folder holds `model.onnx`, `model.data` where the weights are too large for one protobuf message
(2 GB; onnx.proto, "External Data"), and `model.json`, the Model value.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.errors import InputError
from optim.files import checked_digest, hash_files
from optim.settings import settings

if TYPE_CHECKING:
    import onnx

MODEL_FILE = "model.onnx"
DATA_FILE = "model.data"
_VALUE_FILE = "model.json"
_SPILL_BYTES = 1_500_000_000
_SPILL_TENSOR_BYTES = 1024
_ALIGNMENT = 4096  # so that an engine can map a tensor instead of reading it
DATA_DEPENDENT = -1
"""Stands in an output's shape for a length that depends on the data."""


class TensorSpec(BaseModel):
    """An input or output: its name, NumPy dtype name and static shape."""

    model_config = ConfigDict(frozen=True)

    name: str
    dtype: str
    shape: tuple[int, ...]


class Model(BaseModel):
    """A network as ONNX with static input shapes; `digest` addresses its bytes.

    `dims` is what symbolic dimensions were bound to; `source` is one of onnx, torchscript,
    torch.export, optimized; `notes` are plain sentences on what was found when it was brought.
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
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The model.onnx file; its external data, if any, lies beside it."""
        return _folder(self.digest) / MODEL_FILE


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
        described = sandbox.call("optim.model:describe", {"path": str(proto_path)}, step="model")
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
    folder = _folder(model.digest)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="new-") as parent:
        new = Path(parent, "model")
        new.mkdir()
        for file, kept_name in zip(files, (MODEL_FILE, DATA_FILE), strict=False):
            shutil.copyfile(file, new / kept_name)
        (new / _VALUE_FILE).write_text(model.model_dump_json(indent=1))
        try:
            new.rename(folder)
        except OSError:  # another process has stored the same content meanwhile
            if not (folder / _VALUE_FILE).exists():
                raise


def _folder(digest: str) -> Path:
    return settings().home / "models" / checked_digest(digest)


def describe(path: str) -> dict[str, Any]:
    """Child function: what a bound ONNX file declares (inputs, outputs, opset, node_count)."""
    import onnx

    proto = onnx.load(path, load_external_data=False)
    given = {tensor.name for tensor in proto.graph.initializer}
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    return {
        "inputs": [_spec(value) for value in proto.graph.input if value.name not in given],
        "outputs": [_spec(value) for value in proto.graph.output],
        "opset": opsets.get("", opsets.get("ai.onnx", 0)),
        "node_count": len(proto.graph.node),
    }


def _spec(value: "onnx.ValueInfoProto") -> dict[str, Any]:
    import onnx

    tensor = value.type.tensor_type
    shape = [
        dim.dim_value if dim.HasField("dim_value") else DATA_DEPENDENT for dim in tensor.shape.dim
    ]
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    return {"name": value.name, "dtype": dtype, "shape": shape}


def read_proto(path: Path) -> "onnx.ModelProto":
    """The ONNX model at `path` with its external data in memory. Only for use in a child."""
    import onnx

    proto = onnx.load(path, load_external_data=False)
    for tensor in all_tensors(proto):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            take_external_data(tensor, path.parent)
    return proto


def take_external_data(tensor: "onnx.TensorProto", folder: Path) -> None:
    """Move a tensor's external data into it, so that it equals one that never had any.

    Raises what `onnx` does for bad external data: ValueError, OSError, ValidationError.
    """
    from onnx.external_data_helper import load_external_data_for_tensor

    load_external_data_for_tensor(tensor, str(folder))
    tensor.ClearField("data_location")


def write_proto(proto: "onnx.ModelProto", path: Path, spill_bytes: int = _SPILL_BYTES) -> None:
    """Write a model; with more than `spill_bytes` of weights they go to `model.data` beside it.

    Spilling moves the weights out of `proto`, so that they are never in memory twice. A folder
    holds one model.
    """
    data = path.with_name(DATA_FILE)
    data.unlink(missing_ok=True)
    large = [t for t in proto.graph.initializer if len(t.raw_data) >= _SPILL_TENSOR_BYTES]
    if sum(len(tensor.raw_data) for tensor in large) > spill_bytes:
        _spill(large, data)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def _spill(tensors: list["onnx.TensorProto"], data: Path) -> None:
    from onnx.external_data_helper import set_external_data

    with data.open("wb") as sink:
        for tensor in tensors:
            sink.write(b"\0" * (-sink.tell() % _ALIGNMENT))
            offset = sink.tell()
            sink.write(tensor.raw_data)
            set_external_data(tensor, DATA_FILE, offset, len(tensor.raw_data))
            tensor.ClearField("raw_data")


def all_tensors(proto: "onnx.ModelProto") -> Iterator["onnx.TensorProto"]:
    """Every stored tensor: initializers and attributes, also in subgraphs and functions."""
    yield from _tensors_of_graph(proto.graph)
    for function in proto.functions:
        yield from _tensors_of_nodes(function.node)


def _tensors_of_graph(graph: "onnx.GraphProto") -> Iterator["onnx.TensorProto"]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Any) -> Iterator["onnx.TensorProto"]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            if attribute.HasField("g"):
                yield from _tensors_of_graph(attribute.g)
            for graph in attribute.graphs:
                yield from _tensors_of_graph(graph)
