"""Refuse TorchScript files that would do anything but compute with tensors.

Loading one is not harmless: PyTorch 2.13 evaluates default arguments and constants of classes as it
compiles them (`evaluateDefaults` in its ir_emitter.cpp), and runs `__setstate__`. Text cannot guard
that, since TorchScript is tokens (`torch . save` is a call). So before loading

- the source is parsed, what loading evaluates must be constants, and what is loaded is written anew
  from what was parsed, so that no other reader of the file sees other code;
- records that are not known are left out or refused, and so are objects of native classes;

and before anything runs, the graph of `forward`, all that it calls written out in it, may have only
operators that ONNX export knows or that plain numbers and lists need. All else is refused by name.
"""

import ast
import importlib
import pickletools
import pkgutil
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from optim.errors import InputError
from optim.names import legible
from optim.sandbox.archive import content, open_zip, rewrite

_SOURCE = re.compile(r"[^/]+/code/.+\.py")
_PICKLE = re.compile(r"[^/]+/(data|constants|traced_inputs)\.pkl")
_PLAIN = re.compile(
    r"[^/]+/((data|constants|traced_inputs)/\d+|version|byteorder|\.data/(version|serialization_id)"
    r"|\.format_version|\.storage_alignment)"
)
_NEEDLESS = re.compile(r"[^/]+/(code/.+\.debug_pkl|extra/.*|bytecode\.pkl|mobile_debug_handles.*)")
_MAX_SOURCE_BYTES = 32 << 20
_NATIVE = "torch.classes"
_NOT_SAFE = "Leave that out of it, or export the network to ONNX in the program that defines it."
_QUANTIZED = InputError(
    "It is quantized already, by PyTorch, in a form that has no counterpart in ONNX.",
    "Bring the float model that it was made from, and quantize it here.",
)
_MAKES_CONSTANTS = {"float", "torch.device"}
_CONSTANTS = {"inf", "nan", "infj"}
_BY_INTERFACE = "prim::CallMethod"  # all other calls are written out
_STATE = {"__setstate__", "__getstate__"}

_OF_NUMBERS_AND_LISTS = """
    Bool Complex Float FloatImplicit Int IntImplicit ScalarImplicit __and__ __contains__
    __derive_index __getitem__ __is__ __isnot__ __not__ __or__ __range_length
    __round_to_zero_floordiv __xor__ _infer_size _set_item _shape_as_tensor abs add append ceil chr
    clear copy copy_ count dict dim div endswith eq extend fill_ find floor floordiv format ge
    get_device gt hash index_put_ insert is_autocast_enabled is_complex is_floating_point
    is_scripting items join keys le len list lower lt max min mul ne neg numel ord percentFormat
    pop popitem pow remainder remove
    replace requires_grad_ reverse round setdefault size sort sorted split sqrt startswith str strip
    sub sum truediv update upper values warn zero_
"""
_PRIM = """
    Constant ConstantChunk ConstantSplit CreateObject DictConstruct EnumName EnumValue GetAttr If
    ListConstruct ListUnpack Loop NumToTensor Print RaiseException SetAttr TupleConstruct TupleIndex
    TupleSlice TupleUnpack Uninitialized abs convert_element_type data device dtype index is_cpu
    is_cuda isinstance itemsize layout max min ndim requires_grad shape tolist type unchecked_cast
    unchecked_unwrap_optional
"""


def write_checked(path: Path, checked: Path, max_bytes: int) -> None:
    """Write to `checked` what of a TorchScript file is safe to load. Raises InputError."""
    with open_zip(path, max_bytes) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        sources = [name for name in names if _SOURCE.fullmatch(name)]
        _check_records(names)
        _check_sizes(archive.getinfo(name) for name in sources)
        for name in filter(_PICKLE.fullmatch, names):
            _check_pickle(content(archive, name))
        written = {name: _written_anew(content(archive, name)) for name in sources}
        needless = set(filter(_NEEDLESS.fullmatch, names))
        rewrite(archive, checked, max_bytes, replaced=written, left_out=needless)


def _check_records(names: Iterable[str]) -> None:
    for name in names:
        if not any(kind.fullmatch(name) for kind in (_SOURCE, _PICKLE, _PLAIN, _NEEDLESS)):
            raise _refusal(f"holds a record {legible(name)!r}, which nobody here knows")


def _check_sizes(infos: Iterable[zipfile.ZipInfo]) -> None:
    size = sum(info.file_size for info in infos)
    if size > _MAX_SOURCE_BYTES:
        raise _refusal(f"has {size / 1e6:.0f} MB of source")


def _check_pickle(data: bytes) -> None:
    """TorchScript's own reader makes no Python objects, but objects of native classes."""
    try:
        for operation, argument, _ in pickletools.genops(data):
            if operation.name == "GLOBAL" and _NATIVE in str(argument):
                raise _QUANTIZED if "quantized" in str(argument) else _native(str(argument))
    except (ValueError, IndexError, OverflowError) as error:
        raise InputError(
            f"The TorchScript file is damaged ({legible(str(error), 120)}).", "Save it again."
        ) from None


def _native(name: str) -> InputError:
    return _refusal(f"holds an object of the native class {legible(name.split()[-1])!r}")


def _written_anew(source: bytes) -> bytes:
    """The source as Python reads it, once what loading evaluates is known to be constants."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.decode())
        for statement in tree.body:
            _check_statement(statement)
        return (ast.unparse(tree) + "\n").encode()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refusal(f"has source that cannot be read ({type(error).__name__})") from None


def _check_statement(statement: ast.stmt) -> None:
    """One statement outside of functions, whatever of it is evaluated at once."""
    match statement:
        case ast.ClassDef(body=body, keywords=[], decorator_list=[]):
            for inner in body:
                _check_statement(inner)
        case ast.FunctionDef():
            _check_functions(statement)
        case ast.AnnAssign(value=None) | ast.Pass():
            pass
        case ast.AnnAssign(value=value) | ast.Assign(value=value) if _is_constant(value):
            pass
        case ast.Assign(targets=[ast.Subscript(value=ast.Name("__annotations__"))]):
            pass  # gives a type
        case _:
            raise _runs_at_load(statement)


def _check_functions(top: ast.stmt) -> None:
    """A function and those inside it: what is evaluated when they are compiled, and names."""
    for node in ast.walk(top):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            if not isinstance(node, ast.FunctionDef) or node.decorator_list:
                raise _runs_at_load(node)
            if node.name in _STATE:
                raise _refusal(f"defines {node.name}, which loading it would run")
            given = node.args
            for default in (*given.defaults, *filter(None, given.kw_defaults)):
                if not _is_constant(default):
                    raise _runs_at_load(default)


def _is_constant(value: ast.expr | None) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_constant(operand)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return all(map(_is_constant, items))
        case ast.Dict(keys=keys, values=values):
            return all(map(_is_constant, (*keys, *values)))
        case ast.Name(id=name):
            return name in _CONSTANTS
        case ast.Attribute(value=ast.Name("CONSTANTS")):
            return True
        case ast.Call(func=ast.Name("annotate"), args=[given, value], keywords=[]):
            return _is_constant(value) and not any(isinstance(n, ast.Call) for n in ast.walk(given))
        case ast.Call(func=made, args=args, keywords=[]):
            return ast.unparse(made) in _MAKES_CONSTANTS and all(map(_is_constant, args))
    return False


def _runs_at_load(node: ast.AST) -> InputError:
    text = legible(" ".join(ast.unparse(node).split()))
    return _refusal(f"has {text!r}, which would be evaluated while it is loaded")


def check_module(module: Any) -> None:
    """Raise InputError unless running a loaded module only computes with tensors.

    Args:
        module: PyTorch's own object, without its Python wrapper, whose attributes a file may name.
    """
    modules = [*_modules(module)]
    for name in (name for one in modules for name in _children(one)):
        if name in _own_names() or name.startswith("__"):
            raise _refusal(f"has a part named {legible(name)!r}, as PyTorch calls something itself")
    unknown = sorted({kind for graph in _graphs(modules) for kind in _kinds(graph)} - _allowed())
    if any(kind.startswith("quantized::") for kind in unknown):
        raise _QUANTIZED
    if _BY_INTERFACE in unknown:
        raise InputError(
            "The TorchScript program calls a part by an interface type: which part answers is "
            "known only as it runs.",
            "Annotate it with its own class, or torch.jit.trace the network; or export it to ONNX "
            "in the program that defines it.",
        )
    if unknown:
        rest = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise _refusal(f"uses the operator {legible(unknown[0])}{rest}, which ONNX does not know")


def _children(module: Any) -> dict[str, Any]:
    import torch

    return dict(torch._C.ModuleDict(module).items())


def _modules(module: Any) -> Iterator[Any]:
    yield module
    for child in _children(module).values():
        yield from _modules(child)


@cache
def _own_names() -> frozenset[str]:
    """What the Python wrapper of a module keeps under a name, or finds there."""
    import torch

    return frozenset({*vars(torch.nn.Module()), "_c", "_concrete_type", "_initializing", "forward"})


def _graphs(modules: list[Any]) -> Iterator[Any]:
    """What a call runs: forward with all that it calls, and the hooks of every submodule."""
    if not modules[0]._has_method("forward"):
        raise _refusal("has no method forward, or several of that name")
    yield modules[0]._get_method("forward").inlined_graph
    for inner in modules:
        for hook in (*inner._get_forward_pre_hooks(), *inner._get_forward_hooks()):
            yield hook.inlined_graph


def _kinds(block: Any) -> Iterator[str]:
    for node in block.nodes():
        yield node.kind()
        for inner in node.blocks():
            yield from _kinds(inner)


@cache
def _allowed() -> frozenset[str]:
    """Operators that PyTorch's exporter to ONNX knows, in place or not, and the helpers."""
    from torch.onnx._internal import torchscript_exporter as exporter

    for module in pkgutil.iter_modules(exporter.__path__):
        if module.name.startswith("symbolic_opset"):  # each registers what it knows
            importlib.import_module(f"{exporter.__name__}.{module.name}")
    registry = importlib.import_module(f"{exporter.__name__}.registration").registry
    known = {name for name in registry.all_functions() if name.startswith("aten::")}
    in_place = {f"{name}_" for name in known}
    helpers = {f"aten::{name}" for name in _OF_NUMBERS_AND_LISTS.split()}
    return frozenset(known | in_place | helpers | {f"prim::{name}" for name in _PRIM.split()})


def _refusal(why: str) -> InputError:
    return InputError(f"The TorchScript program {why}.", _NOT_SAFE)
