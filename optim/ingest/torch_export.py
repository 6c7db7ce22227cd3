"""torch.export files to ONNX. Runs in a child only."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import DTYPES
from optim.errors import InputError, StepError
from optim.ingest.dims import sizes_with
from optim.ingest.first_run import check_same, made_up, run_once
from optim.ingest.pt2_guard import check_pt2
from optim.ingest.specs import InputSpec
from optim.ingest.torch_files import DAMAGED, HOW, OPSET, as_input_error, nested, run_torch
from optim.ingest.torch_sizes import Declared, Sizes, sizes_of
from optim.names import legible
from optim.sandbox.archive import open_zip, rewrite

if TYPE_CHECKING:
    import onnx

_SYMBOL = re.compile(r"\b[su]\d+\b")


def open_pt2(path: Path, folder: Path, max_bytes: int) -> Any:
    """Load a torch.export file without running anything in it. Raises InputError."""
    import torch

    checked = folder / "checked.pt2"
    with open_zip(path, max_bytes) as archive:
        rewrite(archive, checked, max_bytes)
    with open_zip(checked, max_bytes) as archive:
        check_pt2(archive)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # torch.export.load would unpickle anything
    with as_input_error("Loading the torch.export file", DAMAGED):
        program = torch.export.load(str(checked))
    program._guards_code = []  # the exporter to ONNX would compile both, as Python
    program.example_inputs = None
    return program


def pt2_inputs(program: Any) -> "onnx.GraphProto":
    """A graph with the inputs that the exported program will have, and nothing else."""
    import onnx

    values = []
    for name, value in _user_inputs(program):
        dtype = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(_dtype(value)))
        sizes = [size if isinstance(size, int) else str(size) for size in value.shape]
        values.append(onnx.helper.make_tensor_value_info(name, dtype, sizes))
    graph = onnx.helper.make_graph([], "inputs", values, [])
    _name_symbols(graph)
    return graph


def declared(program: Any) -> Declared:
    """The sizes that each dynamic dimension may have, under the names of `pt2_inputs`."""
    found = dict[str, Sizes]()
    tensors = [tensor for _, tensor in _user_inputs(program)]
    for value, tensor in zip(pt2_inputs(program).input, tensors, strict=True):
        for dim, size in zip(value.type.tensor_type.shape.dim, tensor.shape, strict=True):
            if not isinstance(size, int):
                found.setdefault(dim.dim_param, sizes_of(size, program.range_constraints))
    return found


def export_pt2(
    program: Any, out: Path, wanted: Mapping[str, int]
) -> tuple["onnx.ModelProto", list[str]]:
    """A program as ONNX, its dynamic dimensions symbolic; checks what it computes.

    Where PyTorch's exporter cannot keep them open it is exported once more at one size of each: as
    wanted, else as the program was exported with. Then a sentence says so.
    """
    try:
        proto, notes = _exported(program), list[str]()
    except InputError:
        sizes = _one_size_each(program, wanted)
        if not sizes:
            raise
        program = _static(program, sizes)
        said = ", ".join(f"{legible(name)} = {size}" for name, size in sizes.items())
        proto = _exported(program)
        notes = [f"PyTorch's exporter cannot leave its sizes open: it was exported at {said}."]
    _forget_exporter(proto)
    _check_against_torch(program, proto, out)
    return proto, notes


def _exported(program: Any) -> "onnx.ModelProto":
    import torch

    with as_input_error("Exporting the program to ONNX"):
        exported = torch.onnx.export(program, dynamo=True, opset_version=OPSET, verbose=False)
        proto: onnx.ModelProto = exported.model_proto
    _name_symbols(proto.graph)
    return proto


def _one_size_each(program: Any, wanted: Mapping[str, int]) -> dict[str, int]:
    sizes = dict[str, int]()
    for value, spec in zip(pt2_inputs(program).input, _example_specs(program), strict=True):
        for dim, size in zip(value.type.tensor_type.shape.dim, spec.shape, strict=True):
            if dim.dim_param:
                sizes.setdefault(dim.dim_param, wanted.get(dim.dim_param, size))
    return sizes


def _static(program: Any, sizes: Mapping[str, int]) -> Any:
    """The program exported by torch.export again, with inputs of these sizes."""
    import torch

    specs = zip(pt2_inputs(program).input, _example_specs(program), strict=True)
    shaped = [spec._replace(shape=tuple(sizes_with(value, sizes))) for value, spec in specs]
    tensors = [torch.from_numpy(array) for array in made_up(shaped).values()]
    args, kwargs = nested(tensors, program.call_spec.in_spec)
    with as_input_error("Exporting the program at one size"):
        again = torch.export.export(program.module(check_guards=False), tuple(args), kwargs)
    again._guards_code = []
    return again


def _name_symbols(graph: "onnx.GraphProto") -> None:
    """Name PyTorch's symbols (s0, s77) after the first input axis that has them.

    A size that is made of a symbol which no axis has by itself (8*s6) is named as a whole.
    """
    names: dict[str, str] = {}
    axes = [
        (f"{value.name}_{axis}" if axis else "batch", dim)
        for value in graph.input
        for axis, dim in enumerate(value.type.tensor_type.shape.dim)
    ]
    for plain in (True, False):
        for name, dim in axes:
            text = dim.dim_param
            if bool(_SYMBOL.fullmatch(text)) == plain and {*_SYMBOL.findall(text)} - names.keys():
                names.setdefault(text, name)
    for value in (*graph.input, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            whole = names.get(dim.dim_param)
            if dim.dim_param:
                dim.dim_param = whole or _SYMBOL.sub(lambda m: names.get(m[0], m[0]), dim.dim_param)


def _forget_exporter(proto: "onnx.ModelProto") -> None:
    """Drop what the exporter notes of its own machine: stack traces, paths, inferred shapes."""
    graph = proto.graph
    parts = (proto, graph, *graph.input, *graph.output, *graph.node, *graph.initializer)
    for part in (*parts, *proto.functions):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]


def _check_against_torch(program: Any, proto: "onnx.ModelProto", out: Path) -> None:
    """Compare with PyTorch at the sizes the program was exported with (it may refuse others)."""
    specs = _example_specs(program)
    if len(specs) != len(proto.graph.input):
        raise StepError("The exported model has other inputs than the program.", HOW)
    out.write_bytes(proto.SerializeToString())
    feeds = made_up(specs)
    with as_input_error("Running the torch.export program"):
        spec = program.call_spec.in_spec
        reference = run_torch(program.module(check_guards=False), feeds, spec)
    renamed = {
        value.name: array for value, array in zip(proto.graph.input, feeds.values(), strict=True)
    }
    outputs, _ = run_once(out, renamed)
    check_same(reference, list(outputs.values()))


def _example_specs(program: Any) -> list[InputSpec]:
    """The user inputs, each symbol at the size that the program was exported with."""
    return [
        InputSpec(name, _dtype(value), tuple(_hint(size) for size in value.shape))
        for name, value in _user_inputs(program)
    ]


def _user_inputs(program: Any) -> list[tuple[str, Any]]:
    """Name and (fake) tensor of each input. Raises InputError where one is no tensor."""
    import torch

    found = []
    wanted = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in wanted:
            value = node.meta.get("val")
            if not isinstance(value, torch.Tensor):
                raise InputError(f"The input {legible(node.name)!r} is not a tensor.", HOW)
            if _dtype(value) not in DTYPES:
                raise InputError(
                    f"The input {legible(node.name)!r} is {_dtype(value)}, which cannot be fed.",
                    f"Cast inside the network; dtypes of inputs: {', '.join(DTYPES)}.",
                )
            found.append((node.name, value))
    return found


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _hint(size: Any) -> int:
    return size if isinstance(size, int) else int(size.node.hint)
