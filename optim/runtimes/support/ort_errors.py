"""What ONNX Runtime says where it fails, without what tells a person nothing."""

import re

_NOISE = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : |Load model from \S+ failed:|/\S+:\d+ .*?\) (?=[A-Z])"
)
_NO_KERNEL = re.compile(
    r"NOT_IMPLEMENTED : Could not find an implementation for (?P<op>\w+)\(\d+\) "
    r"node with name '(?P<node>[^']*)'"
)


def reason(error: Exception) -> str:
    """Its message on one line, without codes, paths of files and places in its source."""
    text = " ".join(_NOISE.sub("", str(error)).split()).rstrip(".")
    return _NO_KERNEL.sub(r"it has no kernel for \g<op> in the types of node '\g<node>'", text)
