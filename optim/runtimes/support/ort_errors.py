"""What ONNX Runtime says where it fails, without what tells a person nothing."""

import re

_NOISE = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : |Load model from \S+ failed:|/\S+:\d+ .*?\) (?=[A-Z])"
)


def reason(error: Exception) -> str:
    """Its message on one line, without codes, paths of files and places in its source."""
    return " ".join(_NOISE.sub("", str(error)).split()).rstrip(".")
