"""What ONNX Runtime says where it fails, without what tells a person nothing."""

import re

_NOISE = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : |Load model from \S+ failed:|/\S+:\d+ .*?\) (?=[A-Z])"
)
_PLACE = re.compile(r"/\S+:\d+ ")
_TYPES = " [with "  # what a C++ compiler says of a template, behind the function's name
_NO_KERNEL = re.compile(
    r"NOT_IMPLEMENTED : Could not find an implementation for (?P<op>\w+)\(\d+\) "
    r"node with name '(?P<node>[^']*)'"
)


def reason(error: Exception) -> str:
    """Its message on one line, without codes, paths of files and places in its source."""
    text = " ".join(_NOISE.sub("", _without_types(str(error))).split()).rstrip(".")
    return _NO_KERNEL.sub(r"it has no kernel for \g<op> in the types of node '\g<node>'", text)


def _without_types(text: str) -> str:
    """Without a place in C++ whose function is a template, and what its types are."""
    found = _PLACE.search(text)
    begun = text.find(_TYPES, found.end()) if found else -1
    if not found or begun < 0:
        return text
    opened = 0
    for at in range(begun, len(text)):
        opened += {"[": 1, "]": -1}.get(text[at], 0)
        if text[at] == "]" and not opened:
            return text[: found.start()] + text[at + 1 :].lstrip()
    return text
