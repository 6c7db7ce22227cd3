"""Operators that cannot run, named with their node before an engine stumbles over them."""

import re
from typing import TYPE_CHECKING

from optim.errors import InputError
from optim.model.proto import all_nodes, opsets
from optim.names import legible

if TYPE_CHECKING:
    import onnx

_STANDARD = ("", "ai.onnx.ml")
_RUNTIME_DOMAINS = ("com.microsoft", "com.ms.", "org.pytorch.aten", "ai.onnx.preview")
_NO_KERNEL = re.compile(
    r"implementation for (?P<op>\S+?)\((?P<version>\d+)\) node.*?'(?P<node>.*?)'"
)
_UNKNOWN = re.compile(r"(?P<domain>[\w.]+):(?P<op>\w+)\(-1\) is not a registered function")
_RUNNING = re.compile(
    r"Non-zero status code returned while running (?P<op>\S+) node\. Name:'(?P<node>.*?)' "
    r"Status Message: "
)
_PREFIX = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
_SOURCE_LINE = re.compile(r"/\S+\.(cc|h):\d+ .*?\)( const)? (?=[A-Z])")
_PATH = re.compile(r"(/[^\s:'\"]+)+")
_STANDARD_OPS = "Export it with standard ONNX operators, or leave that part out of the model."


def check_operators(proto: "onnx.ModelProto") -> None:
    """Raise InputError for an opset that is too new and for operators nobody here knows."""
    import onnx

    versions = opsets(proto)
    newest = onnx.defs.onnx_opset_version()
    if versions.get("", 0) > newest:
        raise InputError(
            f"The model uses opset {versions['']}; the newest known here is {newest}.",
            f"Export it with an opset from 17 to {newest}.",
        )
    local = {(_domain(function.domain), function.name) for function in proto.functions}
    for node in all_nodes(proto):
        domain = _domain(node.domain)
        if (domain, node.op_type) not in local:
            _check_node(node, domain, versions)


def _check_node(node: "onnx.NodeProto", domain: str, versions: dict[str, int]) -> None:
    import onnx

    named = f"Node {legible(node.name)!r} uses the operator {legible(node.op_type)!r}"
    if domain not in _STANDARD:
        if domain.startswith(_RUNTIME_DOMAINS):
            return
        raise InputError(
            f"{named} of the custom domain {legible(domain)!r}, which no engine here knows.",
            _STANDARD_OPS,
        )
    try:
        schema = onnx.defs.get_schema(node.op_type, versions.get(domain, 1), domain)
    except onnx.defs.SchemaError:
        schema = None
    if schema is None or schema.deprecated:
        raise InputError(
            f"{named}, which ONNX opset {versions.get(domain, 1)} does not have.",
            _newer(node.op_type, domain) if schema is None else _STANDARD_OPS,
        )


def _newer(operator: str, domain: str) -> str:
    """What helps where an opset lacks an operator: one that has it, if there is one."""
    import onnx

    try:
        newest = onnx.defs.get_schema(operator, domain)
    except onnx.defs.SchemaError:
        return _STANDARD_OPS
    versions = [
        one.since_version
        for one in onnx.defs.get_all_schemas_with_history()
        if (one.domain, one.name) == (newest.domain, newest.name)
    ]
    return (
        f"ONNX has it since opset {min(versions)}: export the model for that opset or a newer one."
    )


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def explained(error: Exception, doing: str) -> InputError:
    """ONNX Runtime's or the checker's error in a sentence, with the operator and node it names."""
    message = _SOURCE_LINE.sub("", _PREFIX.sub("", str(error)))
    text = " ".join(_PATH.sub("the file", message).split())
    if found := _NO_KERNEL.search(text):
        return InputError(
            f"ONNX Runtime cannot run the operator {legible(found['op'])!r} (opset "
            f"{found['version']}) of node {legible(found['node'])!r} on the CPU.",
            "Export with another opset or dtype, or leave that part out of the model.",
        )
    if found := _UNKNOWN.search(text):
        return InputError(
            f"ONNX Runtime does not know the operator {legible(found['op'])!r} of the domain "
            f"{legible(found['domain'])!r}.",
            _STANDARD_OPS,
        )
    where = ""
    if found := _RUNNING.search(text):
        where = f" at the operator {legible(found['op'])!r} of node {legible(found['node'])!r}"
        text = text[found.end() :]
    if re.search(r"allocate|bad.?alloc|out of memory", text, re.I):
        return InputError(
            f"{doing} needs more memory than there is{where}.",
            "Use a smaller model or smaller dimensions.",
        )
    return InputError(
        f"{doing} failed{where} ({legible(text, 300)}).",
        "Export the model again, or with other dimensions.",
    )
