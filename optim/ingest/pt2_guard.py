"""Refuse torch.export files whose loading would run code that is in the file.

`torch.export.load` (PyTorch 2.13) unpickles custom objects, opens compiled libraries, evaluates
size expressions as Python (sympy.sympify), looks operators up by dotted name and writes names into
source. So a file is read only if its program has the form of PyTorch's schema, with no field more,
and is made of plain names, tensor operators and arithmetic. What is pickled as tensors is left to
`torch.load`'s weights-only mode.
"""

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from optim.errors import InputError
from optim.names import legible
from optim.sandbox.archive import content

K = TypeVar("K")
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
_LONGEST_NAME = 1000  # the exporter takes a minute over one of 100,000 letters
_NAME = re.compile(r"[\w.\-/: +<>]*")
_SAFE_SPEC = re.compile(r"[\w\s\[\]{}\",:.\\\-]*")
_NUMBERS = re.compile(r"-?(Infinity|NaN|inf|nan)")
_METADATA = {"stack_trace", "nn_module_stack", "torch_fn", "source_fn_stack", "custom", "from_node"}
"""Kept as text only: never evaluated, imported or written into source."""
_PAYLOAD = re.compile(r"(weight|tensor)_\d+")


def check_pt2(archive: zipfile.ZipFile) -> None:
    """Raise InputError unless loading the archive runs nothing that came with it."""
    from torch._export.serde import schema

    programs = 0
    for info in archive.infolist():
        inner = info.filename.partition("/")[2]
        if inner.startswith("data/aotinductor"):
            raise _refusal("holds compiled code (AOTInductor)")
        if re.match(r"data/constants/(custom_obj|opaque)", inner):
            raise _refusal("holds pickled objects")
        if info.filename.endswith(".json"):
            is_program = not inner.startswith("data/")
            programs += is_program
            form = schema.ExportedProgram if is_program else schema.PayloadConfig
            _check(_read_json(archive, info), form, "")
    if programs != 1:
        raise _refusal(f"holds {programs} programs instead of one")


def _read_json(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Any:
    if info.file_size > _MAX_JSON_BYTES:
        raise _refusal(f"describes its program in {info.file_size / 1e6:.0f} MB")
    try:
        return json.loads(content(archive, info.filename))
    except (ValueError, RecursionError) as error:
        raise _refusal(f"is damaged ({legible(str(error), 120)})") from None


def _check(value: Any, form: Any, field: str) -> None:
    """Raise InputError unless a value has the form that PyTorch's schema gives the field."""
    if get_origin(form) is Annotated:
        form = get_args(form)[0]
    if get_origin(form) in (Union, UnionType):  # something or None
        if value is None:
            return
        form = get_args(form)[0]
    if get_origin(form) is list:
        for item in _as(list, value, field):
            _check(item, get_args(form)[0], field)
    elif get_origin(form) is dict:
        _check_named(_as(dict, value, field), get_args(form)[1], field)
    elif is_dataclass(form):
        _check_fields(_as(dict, value, field), form)
    elif form is str:
        _check_text(_as(str, value, field), field)
    elif not _is_number(value):
        raise _could_run(value, field)


def _check_named(values: dict[str, Any], form: Any, field: str) -> None:
    """Values under names that are the program's own, or under the sizes that they bound."""
    may_be = _is_expression if field == "range_constraints" else _is_name  # `8*s6` is a size
    for name, item in values.items():
        _check_length(name)
        if not may_be(name):
            raise _could_run(name, f"a key of {field}")
        _check(item, form, name if field == "metadata" and name in _METADATA else field)


def _check_fields(value: dict[str, Any], form: Any) -> None:
    forms = _forms(form)
    for key, item in value.items():
        if key not in forms:
            raise _refusal(f"has a field {legible(key)!r}, which nobody here knows")
        if item is not None or not issubclass(form, _union()):
            _check(item, forms[key], key)


@cache
def _forms(form: Any) -> dict[str, Any]:
    """Field -> its form. The schema's names for what is not defined yet are resolved."""
    return get_type_hints(form, include_extras=True)


@cache
def _union() -> Any:
    from torch._export.serde.union import _Union

    return _Union


def _as(kind: type[K], value: Any, field: str) -> K:
    if not isinstance(value, kind):
        raise _could_run(value, field)
    return value


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_NUMBERS.fullmatch(value))
    return value is None or isinstance(value, int | float)


def _check_text(text: str, field: str) -> None:
    rule = _TEXTS.get(field)
    if rule in (_is_name, _is_operator):
        _check_length(text)
    if rule is None or not rule(text):
        raise _could_run(text, field)


def _check_length(name: str) -> None:
    if len(name) > _LONGEST_NAME:
        start = legible(name, 20)
        raise _refusal(f"has a name of {len(name):,} letters, {start!r}; most is {_LONGEST_NAME:,}")


def _could_run(value: Any, field: str) -> InputError:
    text, where = legible(str(value)), legible(field)
    return _refusal(f"has {text!r} as {where!r}, which could run code")


def _is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text))


def _is_operator(text: str) -> bool:
    return bool(_TARGET.fullmatch(text)) and "__" not in text


def _is_spec(text: str) -> bool:
    return bool(_SAFE_SPEC.fullmatch(text)) and not re.search(r"__|defaultdict", text)


def _is_expression(text: str) -> bool:
    rest = _QUOTED.sub("0", text)
    return bool(_EXPRESSION.fullmatch(rest)) and all(
        word in _WORDS or _SYMBOL.fullmatch(word) for word in _WORD.findall(rest)
    )


def _is_free(text: str) -> bool:
    return True


_TEXTS: dict[str, Callable[[str], bool]] = {
    **{"target": _is_operator, "as_operator": _is_operator, "expr_str": _is_expression},
    **{"in_spec": _is_spec, "out_spec": _is_spec},
    **dict.fromkeys(_METADATA, _is_free),
    **dict.fromkeys(("as_string", "as_strings", "torch_version"), _is_free),
    "guards_code": _is_free,  # `open_pt2` forgets it, since running the program would compile it
    "path_name": lambda text: bool(_PAYLOAD.fullmatch(text)),
    **dict.fromkeys(("name", "as_name", "fqn", "type", "verifiers"), _is_name),
    **dict.fromkeys(("parameter_name", "buffer_name", "tensor_constant_name"), _is_name),
    **dict.fromkeys(("user_input_name",), _is_name),
    **dict.fromkeys(("forward_arg_names", "field_names", "metadata"), _is_name),
}
"""Field -> what its text may be. A field that is not here may hold none."""


def _refusal(why: str) -> InputError:
    return InputError(
        f"The torch.export file {why}.",
        "Save it again with torch.export.save, of a network made of tensor operations only.",
    )
