"""The child's side of bringing a model: `inspect` says what to ask, `bring` makes the file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optim.arrays import Feeds
from optim.errors import InputError
from optim.evalset.axes import fitted
from optim.evalset.layout import widths
from optim.evalset.matching import Form, match
from optim.evalset.naming import other_splits
from optim.evalset.npz import RESERVED
from optim.evalset.peek import first_sample, shapes_in
from optim.evalset.tables import is_table, read_table
from optim.ingest.dims import (
    bind,
    check_interface,
    name_dims,
    suggested,
    width_of,
    without_shape,
)
from optim.ingest.external import asking
from optim.ingest.finishing import check_and_write, stage
from optim.ingest.kinds import FileKind, kind_of
from optim.ingest.noting import notes_of
from optim.ingest.onnx_file import read_onnx, unzip_onnx
from optim.ingest.operators import check_operators
from optim.ingest.repair import (
    keep_numbers,
    made_dense,
    make_names_unique,
    make_plain,
    make_sorted,
    without_functions,
)
from optim.ingest.scopes import make_values_unique
from optim.ingest.specs import InputSpec
from optim.ingest.texts import number_texts
from optim.ingest.torch_sizes import Declared, check, nearest, settled, sizes_in
from optim.ingest.trying import tried
from optim.model.proto import MODEL_FILE, real_inputs
from optim.names import legible

if TYPE_CHECKING:
    import onnx

Brought = tuple["onnx.ModelProto", list[str]]
"""A model and plain sentences on what was changed to read it."""


@asking
def inspect(
    source: str, folder: str, max_bytes: int, granted: list[str] | None = None
) -> dict[str, Any]:
    """What must be known to bring the file: its kind, dimensions with suggestions, open inputs."""
    path = Path(source)
    kind = kind_of(path, max_bytes)
    if kind is FileKind.TORCHSCRIPT:
        from optim.ingest.torch_files import arguments, open_torchscript, traced_specs

        module = open_torchscript(path, Path(folder), max_bytes)
        inputs = [] if traced_specs(module) else arguments(module)
        return {"kind": kind, "dims": {}, "inputs": inputs, "seen_to_run": False}
    if kind is FileKind.TORCH_EXPORT:
        from optim.ingest.torch_export import declared, open_pt2, pt2_inputs

        program = open_pt2(path, Path(folder), max_bytes)
        asked = nearest(declared(program), suggested(pt2_inputs(program)))
        return {"kind": kind, "dims": asked, "inputs": [], "seen_to_run": False}
    proto = _read(path, kind, Path(folder), max_bytes, granted)[0]
    graph = proto.graph
    check_interface(graph)
    name_dims(graph)
    unknown = without_shape(graph)
    dims, ran = (suggested(graph), False) if unknown else _tried(proto, Path(folder))
    return {"kind": kind, "dims": dims, "inputs": unknown, "seen_to_run": ran}


def _tried(
    proto: "onnx.ModelProto", folder: Path, widths: Sequence[int] = ()
) -> tuple[dict[str, int], bool]:
    stage(folder, "trying sizes for the dimensions that the model leaves open")
    return tried(proto, widths) if suggested(proto.graph) else ({}, False)


def _widths(
    proto: "onnx.ModelProto", evalset: str, max_mb: int, asked: Mapping[str, int]
) -> list[int]:
    """How many columns an EvalSet that is a table may have for a model that leaves that open."""
    width = width_of(proto.graph)
    if not evalset or not width or width in asked or not is_table(Path(evalset)):
        return []
    return widths(read_table(Path(evalset), max_mb, [])[0])


@asking
def bring(
    source: str,
    folder: str,
    max_bytes: int,
    dims: dict[str, int],
    specs: list[str],
    evalset: str,
    granted: list[str] | None = None,
    max_evalset_mb: int = 0,
) -> dict[str, Any]:
    """Write `folder`/model.onnx, bound, checked and run once. Returns what `store_model` needs."""
    path, work = Path(source), Path(folder)
    given_specs = [InputSpec.parse(text) for text in specs]
    sample = first_sample(Path(evalset)) if evalset else {}
    stage(work, "reading the file")
    kind = kind_of(path, max_bytes)
    may_be: Declared = {}
    if kind is FileKind.TORCH_EXPORT:
        proto, notes, may_be, dims = _from_torch_export(path, work, max_bytes, dims, sample)
    elif kind is FileKind.TORCHSCRIPT:
        inputs = {name: array for name, array in sample.items() if name not in RESERVED}
        proto, notes = _from_torchscript(path, work, max_bytes, given_specs, inputs)
    else:
        proto, notes = _read(path, kind, work, max_bytes, granted)
    check_interface(proto.graph)
    feeds = _fitted(proto, sample, shapes_in(Path(evalset)) if sample else {})
    shapes = {spec.name: spec.shape for spec in _matching(proto, given_specs)}
    name_dims(proto.graph)
    of_table = [] if shapes else _widths(proto, evalset, max_evalset_mb, dims)
    if of_table or not (dims or feeds or shapes or without_shape(proto.graph)):
        dims = _tried(proto, work, of_table)[0] | dims
    notes += [_bound(width, dims[width]) for width in [width_of(proto.graph)] if of_table]
    if not (feeds or shapes):
        dims = nearest(may_be, suggested(proto.graph) if may_be else {}) | dims
    values = bind(proto.graph, dims, {k: v.shape for k, v in feeds.items()} | shapes)
    check(may_be, values)
    notes += make_names_unique(proto) + make_sorted(proto)
    make_plain(proto)
    notes += made_dense(proto)
    stage(work, "checking the model")
    check_operators(proto)
    proto = without_functions(proto)
    make_values_unique(proto)
    described, more = check_and_write(proto, work / MODEL_FILE, feeds)
    notes += more
    source_name = "onnx" if kind in (FileKind.ONNX, FileKind.ONNX_ZIP) else str(kind)
    return {
        "described": described,
        "dims": values,
        "source": source_name,
        "notes": notes + notes_of(proto),
    }


def _bound(width: str, size: int) -> str:
    return f"The file leaves {legible(width)!r} open: it is {size}, by the table and a trial run."


def _read(
    path: Path, kind: FileKind, folder: Path, max_bytes: int, granted: list[str] | None = None
) -> Brought:
    if kind is FileKind.ONNX_ZIP:
        unpacked = folder / "unpacked"
        unpacked.mkdir()
        proto, notes = read_onnx(unzip_onnx(path, unpacked, max_bytes), max_bytes)
    else:
        proto, notes = read_onnx(path, max_bytes, granted)
    return proto, notes + keep_numbers(proto) + number_texts(proto)


def _from_torch_export(
    path: Path, folder: Path, max_bytes: int, dims: dict[str, int], sample: Feeds
) -> tuple["onnx.ModelProto", list[str], Declared, dict[str, int]]:
    """The program as ONNX, notes, the sizes that it may have, and those that are still wanted."""
    from optim.ingest.torch_export import declared, export_pt2, open_pt2, pt2_inputs

    stage(folder, "exporting the torch.export program to ONNX")
    program = open_pt2(path, folder, max_bytes)
    may_be = declared(program)
    check(may_be, dims)
    wanted = sizes_in(pt2_inputs(program), sample) | dims
    proto, notes = export_pt2(program, folder / "exported.onnx", wanted)
    said, rest = settled(proto.graph, may_be, dims)
    left = suggested(proto.graph)
    return proto, notes + said, may_be, {n: rest[n] for n in rest if n in left or n not in may_be}


def _from_torchscript(
    path: Path, folder: Path, max_bytes: int, specs: list[InputSpec], sample: Feeds
) -> Brought:
    from optim.ingest.torch_files import (
        arguments,
        export_torchscript,
        open_torchscript,
        traced_specs,
    )

    stage(folder, "exporting the TorchScript module to ONNX")
    module = open_torchscript(path, folder, max_bytes)
    names = arguments(module)
    candidates = _in_order(specs, names) or _from_sample(sample, names) or [traced_specs(module)]
    if not candidates[0]:
        raise InputError(
            "A TorchScript file does not say what its inputs look like; "
            f"forward takes: {', '.join(map(legible, names))}.",
            f"Give each: --input {legible(names[0])}:float32[1,3,224,224], or an EvalSet.",
        )
    out = folder / "exported.onnx"
    export_torchscript(module, candidates, sample, out)
    return read_onnx(out, max_bytes)


def _in_order(specs: list[InputSpec], names: list[str]) -> list[list[InputSpec]]:
    """The given specifications in forward's order: by name where they match, else as given."""
    if not specs:
        return []
    if len(specs) != len(names):
        raise InputError(
            f"{len(specs)} inputs are described; forward takes {', '.join(map(legible, names))}.",
            "Describe each with --input name:dtype[sizes].",
        )
    by_name = {spec.name: spec for spec in specs}
    return [[by_name[n] for n in names] if set(by_name) == set(names) else specs]


def _from_sample(sample: Feeds, names: list[str]) -> list[list[InputSpec]]:
    """Specifications after an EvalSet's sample: with a batch axis put before it, or as it is."""
    inputs = [name for name in names if name in sample]
    if len(inputs) < len(names):
        inputs = list(sample) if len(sample) == len(names) else []
    if not inputs:
        return []
    arrays = [(name, sample[name]) for name in inputs]
    return [
        [InputSpec(name, a.dtype.name, (1, *a.shape)) for name, a in arrays],
        [InputSpec(name, a.dtype.name, a.shape) for name, a in arrays],
    ]


def _fitted(proto: "onnx.ModelProto", sample: Feeds, whole: Mapping[str, tuple[int, ...]]) -> Feeds:
    """The EvalSet's first sample for the inputs that it has, each with the input's rank and dtype.

    Whether the values survive that is for the EvalSet's own check to say. An array whose last axis
    counts the samples has none here.

    Args:
        whole: the shapes of the EvalSet's arrays.
    """
    import numpy as np
    import onnx

    fitted = {}
    values = {value.name: value.type.tensor_type for value in real_inputs(proto.graph)}
    for name, key in _meant(values, sample).items():
        dtype = onnx.helper.tensor_dtype_to_np_dtype(values[name].elem_type)
        with np.errstate(all="ignore"):
            array = sample[key].astype(dtype)
        sizes = tuple(dim.dim_value for dim in values[name].shape.dim)[1:]
        if whole.get(key, ())[:-1] != sizes or array.shape == sizes:
            fitted[name] = _one_run(array, values[name].shape.dim)
    return fitted


def _meant(values: Mapping[str, "onnx.TypeProto.Tensor"], sample: Feeds) -> Mapping[str, str]:
    """The array of the sample for each input for which one is meant."""
    import onnx

    def form(tensor: "onnx.TypeProto.Tensor") -> Form:
        sizes = tuple(dim.dim_value or None for dim in tensor.shape.dim)
        return Form(sizes, onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name)

    left_out = {*other_splits(sample, values), *RESERVED} - values.keys()
    given = {k: Form(a.shape, a.dtype.name) for k, a in sample.items() if k not in left_out}
    return match({name: form(tensor) for name, tensor in values.items()}, given).arrays


def _one_run(array: Any, dims: Any) -> Any:
    """A sample with the input's rank; repeated where the input takes a fixed number of samples."""
    sizes = [dim.dim_value or None for dim in dims]
    sample = array if array.ndim == len(dims) else array[None]
    if sample.ndim != len(dims) and (shape := fitted(array.shape, sizes[1:])):
        sample = array.reshape(1, *shape)
    together = dims[0].dim_value if dims else 1
    return sample.repeat(together, axis=0) if together > 1 and len(sample) == 1 else sample


def _matching(proto: "onnx.ModelProto", specs: list[InputSpec]) -> list[InputSpec]:
    import onnx

    types = {v.name: v.type.tensor_type.elem_type for v in real_inputs(proto.graph)}
    for spec in specs:
        if spec.name not in types:
            names = ", ".join(map(legible, types))
            raise InputError(
                f"The model has no input {legible(spec.name)!r}.", f"Its inputs: {names}."
            )
        dtype = onnx.helper.tensor_dtype_to_np_dtype(types[spec.name]).name
        if dtype != spec.dtype:
            raise InputError(
                f"The input {legible(spec.name)!r} is {dtype}, not {spec.dtype}.",
                f"Write {legible(spec.name)}:{dtype}[sizes].",
            )
    return specs
