"""What ONNX Runtime says, as people can read it."""

from optim.runtimes.support.ort_errors import reason


def test_a_missing_kernel_is_said_in_words() -> None:
    raw = RuntimeError(
        "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for "
        "Conv(22) node with name 'n1'"
    )
    assert reason(raw) == "it has no kernel for Conv in the types of node 'n1'"


def test_places_in_templates_of_its_source_are_left_out() -> None:
    raw = RuntimeError(
        "Exception during initialization: /src/ml/tree.h:288 onnxruntime::Status "
        "Tree<T>::Init(int, const Attributes<T>&) [with T = float; List = Inlined<T, 3>[2]] "
        "n >= 0 was false. ids[0]=-7 must be in [0, 5] for branches."
    )
    said = "n >= 0 was false. ids[0]=-7 must be in [0, 5] for branches"
    assert reason(raw) == f"Exception during initialization: {said}"
