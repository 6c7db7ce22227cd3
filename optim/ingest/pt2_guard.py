"""Refuse torch.export files whose loading would run code that is in the file.

`torch.export.load` (PyTorch 2.13) unpickles custom objects, opens compiled libraries, evaluates
size expressions as Python (sympy.sympify), looks operators up by dotted name and writes names into
generated source. So a file is read only if its program is made of plain names, tensor operators
and arithmetic. What is pickled as tensors is left to `torch.load`'s weights-only mode.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from optim.errors import InputError
from optim.names import legible

_MAX_JSON_BYTES = 200 << 20
_TARGET = re.compile(
    r"torch\.ops\.(aten|prims?|quantized_decomposed|torchvision)\.(?!from_file|save)\w+(\.\w+)?"
    r"|torch\.ops\.higher_order\.(cond|while_loop|scan|map_impl|associative_scan"
    r"|wrap_with_set_grad_enabled|wrap_with_autocast)"
    r"|torch\.sym_\w+|torch\._sym_\w+|math\.\w+"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|pow|neg|pos|abs|index|getitem"
    r"|eq|ne|lt|le|gt|ge|and_|or_|xor|not_|lshift|rshift)"
)
_WORDS = {  # what sympy's srepr writes, and torch.utils._sympy.functions
    *("Symbol", "Integer", "Float", "Rational", "Half", "Add", "Mul", "Pow", "Max", "Min", "Abs"),
    *("Equality", "Unequality", "GreaterThan", "LessThan", "StrictGreaterThan", "StrictLessThan"),
    *("And", "Or", "Not", "true", "false", "True", "False", "oo", "int_oo", "precision"),
    *("integer", "positive", "negative", "nonnegative", "real", "floor", "ceiling", "Piecewise"),
    *("FloorDiv", "ModularIndexing", "Where", "PythonMod", "Mod", "CleanDiv", "CeilToInt"),
    *("FloorToInt", "CeilDiv", "LShift", "RShift", "PowByNatural", "FloatPow", "FloatTrueDiv"),
    *("IntTrueDiv", "TruncToFloat", "TruncToInt", "RoundToInt", "RoundDecimal", "ToFloat"),
    *("Identity", "IsNonOverlappingAndDenseIndicator"),
}
_QUOTED = re.compile(r"'(s|u|z|f|zuf)?[\d.]+'")  # a symbol's name or a number
_EXPRESSION = re.compile(r"[\w\s+\-*/%(),<>=&|~]*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_SYMBOL = re.compile(r"[a-z]+\d+")
_NAME = re.compile(r"[\w.\-/: +<>]*")
_FREE_TEXT = {  # kept as text only: never evaluated, imported or written into source
    *("stack_trace", "nn_module_stack", "torch_fn", "source_fn_stack", "custom", "from_node"),
    *("as_string", "as_strings", "torch_version"),
}
_SPECS = {"in_spec", "out_spec"}
_GUARDS = {"guards_code"}  # never compiled here: the program runs with check_guards=False
_SAFE_SPEC = re.compile(r"[\w\s\[\]{}\",:.\\\-]*")
_PAYLOAD = re.compile(r"(weight|tensor)_\d+")


def check_pt2(archive: zipfile.ZipFile) -> None:
    """Raise InputError unless loading the archive runs nothing that came with it."""
    programs = 0
    for info in archive.infolist():
        inner = info.filename.partition("/")[2]
        if inner.startswith("data/aotinductor"):
            raise _refusal("holds compiled code (AOTInductor)")
        if re.match(r"data/constants/(custom_obj|opaque)", inner):
            raise _refusal("holds pickled objects")
        if info.filename.endswith(".json"):
            document = _read_json(archive, info)
            if inner.startswith("data/"):
                _check_payloads(document)
            else:
                programs += 1
                _check(document, "")
    if programs != 1:
        raise _refusal(f"holds {programs} programs instead of one")


def _read_json(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Any:
    if info.file_size > _MAX_JSON_BYTES:
        raise _refusal(f"describes its program in {info.file_size / 1e6:.0f} MB")
    try:
        return json.loads(archive.read(info))
    except (ValueError, RecursionError, zipfile.BadZipFile, OSError) as error:
        raise _refusal(f"is damaged ({legible(str(error), 120)})") from None


def _check_payloads(document: Any) -> None:
    for key, value in _walk(document, ""):
        if key == "path_name" and not _PAYLOAD.fullmatch(str(value)):
            raise _refusal(f"refers to {legible(str(value))!r}")


def _check(document: Any, key: str) -> None:
    for where, value in _walk(document, key):
        if isinstance(value, str) and not _allowed(where, value):
            raise _refusal(f"has {legible(value)!r} as {legible(where)!r}, which could run code")


def _walk(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Every leaf with the key it stands under; keys are leaves of their own."""
    waiting = [(key, value)]
    while waiting:
        where, item = waiting.pop()
        if isinstance(item, dict):
            waiting += [("a name", name) for name in item]
            waiting += item.items()
        elif isinstance(item, list):
            waiting += [(where, part) for part in item]
        else:
            yield where, item


def _allowed(key: str, value: str) -> bool:
    if key in _FREE_TEXT | _GUARDS:
        return True
    if key in _SPECS:
        return bool(_SAFE_SPEC.fullmatch(value)) and not re.search(r"__|defaultdict", value)
    if key == "target":
        return bool(_TARGET.fullmatch(value)) and "__" not in value
    if key == "expr_str":
        rest = _QUOTED.sub("0", value)
        return bool(_EXPRESSION.fullmatch(rest)) and all(
            word in _WORDS or _SYMBOL.fullmatch(word) for word in _WORD.findall(rest)
        )
    return bool(_NAME.fullmatch(value))


def _refusal(why: str) -> InputError:
    return InputError(
        f"The torch.export file {why}.",
        "Save it again with torch.export.save, of a network made of tensor operations only.",
    )
