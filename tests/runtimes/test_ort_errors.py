"""What ONNX Runtime says, as people can read it."""

from optim.runtimes.support.ort_errors import reason


def test_a_missing_kernel_is_said_in_words() -> None:
    raw = RuntimeError(
        "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for "
        "Conv(22) node with name 'n1'"
    )
    assert reason(raw) == "it has no kernel for Conv in the types of node 'n1'"
