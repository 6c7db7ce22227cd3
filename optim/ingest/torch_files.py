"""TorchScript files to ONNX, and what both of PyTorch's forms share. Runs in a child only."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from optim.arrays import Array, Feeds
from optim.errors import InputError, OptimError, StepError
from optim.ingest.first_run import check_same, made_up, run_once
from optim.ingest.specs import InputSpec
from optim.ingest.torchscript_guard import check_module, write_checked
from optim.names import legible

OPSET = 18
"""Opset of exported models: the oldest that PyTorch's newer exporter writes by itself."""
_KIND = re.compile(r"^(?:[\w.]+(?:Error|Exception): )+")
_TRAINS = {"aten::dropout": 2, "aten::batch_norm": 5, "aten::feature_dropout": 2}
"""Operator -> the place of the argument that says whether it trains."""
_ALLOCATION = re.compile(r"you tried to allocate (\d+) bytes")
DAMAGED = "it is damaged, or another version of PyTorch wrote it"
HOW = "Export it to ONNX in the program that defines the network."


def open_torchscript(path: Path, folder: Path, max_bytes: int) -> Any:
    """Load a TorchScript file in evaluation mode, shapes of a trace restored.

    Raises InputError for what would do more than compute with tensors, then or later.
    """
    import torch

    checked = folder / "checked.pt"
    write_checked(path, checked, max_bytes)
    with as_input_error("Loading the TorchScript file", DAMAGED):
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
    with as_input_error("Exporting the TorchScript module to ONNX"):
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
    try:
        check_same(reference, list(outputs.values()))
    except StepError:
        if kinds := _in_training(module):
            raise InputError(
                f"The module was traced in training mode ({', '.join(kinds)}): its answers are "
                "not those that it is meant to give.",
                "Call model.eval() before torch.jit.trace, and save it again.",
            ) from None
        raise


def _in_training(module: Any) -> list[str]:
    """Operators that a trace has fixed in training mode."""
    graph = module.inlined_graph
    return [
        name.removeprefix("aten::")
        for name, place in _TRAINS.items()
        if any([*node.inputs()][place].toIValue() is True for node in graph.findAllNodes(name))
    ]


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
            return specs, feeds, run_torch(module, feeds)
        except Exception as error:  # a TorchScript program may raise anything
            problems.append(error)
    shapes = ", ".join(f"{legible(s.name)}:{s.dtype}{list(s.shape)}" for s in candidates[0])
    raise InputError(
        f"The TorchScript module fails on {shapes} ({_last_line(problems[0])}).",
        "Give inputs that it takes: --input name:float32[1,3,224,224].",
    )


def run_torch(module: Any, feeds: Feeds, spec: Any = None) -> list[Array]:
    """The tensors that a module answers.

    Args:
        spec: how its inputs are nested in tuples, lists and dicts (PyTorch's TreeSpec).
    """
    import torch

    args, kwargs = nested([torch.from_numpy(array) for array in feeds.values()], spec)
    with torch.no_grad():
        result = module(*args, **kwargs)
    leaves = torch.utils._pytree.tree_leaves(result)
    return [leaf.detach().numpy() for leaf in leaves if isinstance(leaf, torch.Tensor)]


def nested(tensors: Sequence[Any], spec: Any) -> tuple[Sequence[Any], dict[str, Any]]:
    """What a module is called with, positional and by name, of these tensors."""
    import torch

    if spec is None or spec.num_leaves != len(tensors):
        return tensors, {}
    args, kwargs = torch.utils._pytree.tree_unflatten([*tensors], spec)
    return args, kwargs


def _check_returns(module: Any) -> None:
    returned = str(module.forward.schema.returns[0].type)
    if "Dict" in returned or "List" in returned or "[]" in returned:
        raise InputError(
            f"The module's forward returns {legible(returned)}; ONNX has tensors only.",
            "Wrap it in a module whose forward returns a tensor or a tuple of tensors.",
        )


@contextmanager
def as_input_error(doing: str, why: str = "") -> Iterator[None]:
    """PyTorch's many kinds of errors, as one sentence each; `why` instead of what PyTorch says."""
    try:
        yield
    except OptimError:
        raise
    except Exception as error:
        raise InputError(f"{doing} failed: {why or _last_line(_first(error))}.", HOW) from error


def _first(error: BaseException) -> BaseException:
    """What an error came of in the end: the exporter to ONNX itself only says where to look."""
    return _first(error.__cause__) if error.__cause__ else error


def _last_line(error: BaseException) -> str:
    if asked := _ALLOCATION.search(str(error)):
        return f"it asks for {int(asked[1]) / 1e9:,.1f} GB of memory at once"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return legible(_KIND.sub("", lines[-1]) if lines else type(error).__name__, 300).rstrip(".")
