"""TorchScript and torch.export files to ONNX. Runs in a child only."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import DTYPES, Array, Feeds
from optim.errors import InputError, OptimError, StepError
from optim.ingest.first_run import check_same, made_up, run_once
from optim.ingest.pt2_guard import check_pt2
from optim.ingest.specs import InputSpec
from optim.ingest.torchscript_guard import check_module, write_checked
from optim.names import legible
from optim.sandbox.archive import open_zip, rewrite

if TYPE_CHECKING:
    import onnx

OPSET = 18
"""Opset of exported models: the oldest that PyTorch's newer exporter writes by itself."""
_SYMBOL = re.compile(r"\b[su]\d+\b")
_KIND = re.compile(r"^(?:[\w.]+(?:Error|Exception): )+")
_DAMAGED = "it is damaged, or another version of PyTorch wrote it"
_HOW = "Export it to ONNX in the program that defines the network."


def open_torchscript(path: Path, folder: Path, max_bytes: int) -> Any:
    """Load a TorchScript file in evaluation mode, shapes of a trace restored.

    Raises InputError for what would do more than compute with tensors, then or later.
    """
    import torch

    checked = folder / "checked.pt"
    write_checked(path, checked, max_bytes)
    with _as_input_error("Loading the TorchScript file", _DAMAGED):
        unit = torch._C.CompilationUnit()
        module = torch._C.import_ir_module(unit, str(checked), torch.device("cpu"), {}, True)
        check_module(module)
        return torch.jit._recursive.wrap_cpp_module(module).eval()


def arguments(module: Any) -> list[str]:
    """Names of the tensors that a TorchScript module's forward needs. Raises InputError."""
    needed = [a for a in module.forward.schema.arguments[1:] if not a.has_default_value()]
    for argument in needed:
        if str(argument.type) != "Tensor":
            raise InputError(
                f"The argument {legible(argument.name)!r} of forward is a {argument.type}, "
                "not a tensor.",
                "Wrap the module in one whose forward takes tensors only.",
            )
    return [argument.name for argument in needed]


def traced_specs(module: Any) -> list[InputSpec]:
    """The inputs that a traced module was traced with; empty for a scripted one."""
    found = []
    for name, value in zip(arguments(module), list(module.graph.inputs())[1:], strict=False):
        sizes = getattr(value.type(), "sizes", lambda: None)()
        dtype = getattr(value.type(), "dtype", lambda: None)()
        if sizes is None or dtype is None or 0 in sizes:
            return []
        found.append(InputSpec(name, str(dtype).removeprefix("torch."), tuple(sizes)))
    return found


def export_torchscript(
    module: Any, candidates: list[list[InputSpec]], given: Feeds, out: Path
) -> None:
    """Write a TorchScript module as ONNX with static shapes and check what it computes.

    Args:
        candidates: input specifications; the first with which the module runs is taken.
        given: inputs to check with, where their shape fits; else random ones.
    """
    import torch

    _check_returns(module)
    specs, feeds, reference = _first_that_runs(module, candidates, given)
    names = ["output"] if len(reference) == 1 else [f"output_{i}" for i in range(len(reference))]
    with _as_input_error("Exporting the TorchScript module to ONNX"):
        torch.onnx.export(
            module,
            tuple(torch.from_numpy(feeds[spec.name]) for spec in specs),
            str(out),
            dynamo=False,
            opset_version=OPSET,
            input_names=[spec.name for spec in specs],
            output_names=names,
        )
    outputs, _ = run_once(out, feeds)
    check_same(reference, list(outputs.values()))


def _first_that_runs(
    module: Any, candidates: list[list[InputSpec]], given: Feeds
) -> tuple[list[InputSpec], Feeds, list[Array]]:
    problems: list[Exception] = []
    for specs in candidates:
        feeds = dict(made_up(specs))
        for spec in specs:
            if spec.name in given and given[spec.name].size == np.prod(spec.shape, dtype=int):
                feeds[spec.name] = given[spec.name].reshape(spec.shape).astype(spec.dtype)
        try:
            return specs, feeds, _run_torch(module, feeds)
        except Exception as error:  # a TorchScript program may raise anything
            problems.append(error)
    shapes = ", ".join(f"{legible(s.name)}:{s.dtype}{list(s.shape)}" for s in candidates[0])
    raise InputError(
        f"The TorchScript module fails on {shapes} ({_last_line(problems[0])}).",
        "Give inputs that it takes: --input name:float32[1,3,224,224].",
    )


def _run_torch(module: Any, feeds: Feeds) -> list[Array]:
    import torch

    with torch.no_grad():
        result = module(*(torch.from_numpy(array) for array in feeds.values()))
    leaves = torch.utils._pytree.tree_leaves(result)
    return [leaf.detach().numpy() for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _check_returns(module: Any) -> None:
    returned = str(module.forward.schema.returns[0].type)
    if "Dict" in returned or "List" in returned or "[]" in returned:
        raise InputError(
            f"The module's forward returns {legible(returned)}; ONNX has tensors only.",
            "Wrap it in a module whose forward returns a tensor or a tuple of tensors.",
        )


def open_pt2(path: Path, folder: Path, max_bytes: int) -> Any:
    """Load a torch.export file without running anything in it. Raises InputError."""
    import torch

    checked = folder / "checked.pt2"
    with open_zip(path, max_bytes) as archive:
        rewrite(archive, checked, max_bytes)
    with open_zip(checked, max_bytes) as archive:
        check_pt2(archive)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # torch.export.load would unpickle anything
    with _as_input_error("Loading the torch.export file", _DAMAGED):
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


def export_pt2(program: Any, out: Path) -> "onnx.ModelProto":
    """A program as ONNX, its dynamic dimensions symbolic; checks what it computes."""
    import torch

    with _as_input_error("Exporting the program to ONNX"):
        exported = torch.onnx.export(program, dynamo=True, opset_version=OPSET, verbose=False)
        proto = exported.model_proto
    _name_symbols(proto.graph)
    _forget_exporter(proto)
    _check_against_torch(program, proto, out)
    return proto


def _name_symbols(graph: "onnx.GraphProto") -> None:
    """Name PyTorch's symbols (s0, s77) after the first input axis that has them."""
    names: dict[str, str] = {}
    for value in graph.input:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if _SYMBOL.fullmatch(dim.dim_param):
                names.setdefault(dim.dim_param, f"{value.name}_{axis}" if axis else "batch")
    for value in (*graph.input, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = _SYMBOL.sub(lambda m: names.get(m[0], m[0]), dim.dim_param)


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
        raise StepError("The exported model has other inputs than the program.", _HOW)
    out.write_bytes(proto.SerializeToString())
    feeds = made_up(specs)
    with _as_input_error("Running the torch.export program"):
        reference = _run_torch(program.module(check_guards=False), feeds)
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
                raise InputError(f"The input {legible(node.name)!r} is not a tensor.", _HOW)
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


@contextmanager
def _as_input_error(doing: str, why: str = "") -> Iterator[None]:
    """PyTorch's many kinds of errors, as one sentence each; `why` instead of what PyTorch says."""
    try:
        yield
    except OptimError:
        raise
    except Exception as error:
        raise InputError(f"{doing} failed: {why or _last_line(_first(error))}.", _HOW) from error


def _first(error: BaseException) -> BaseException:
    """What an error came of in the end: the exporter to ONNX itself only says where to look."""
    return _first(error.__cause__) if error.__cause__ else error


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return legible(_KIND.sub("", lines[-1]) if lines else type(error).__name__, 300).rstrip(".")
