"""Every rule fires where it should, and keeps quiet one step beside that."""

import pytest

from optim.recipe import Recipe, ingredients
from optim.search.advice import advise

CNN = {"Conv": 20, "Gemm": 1}
TRANSFORMER = {"MatMul": 32, "Softmax": 4}
LSTM = {"LSTM": 2, "Gemm": 1}
FORESTS = {"TreeEnsembleClassifier": 1}
MODERN = "avx2 avx512_vnni avx512_bf16 amx_int8"

HAZARDS = {hazard.code for part in ingredients().values() for hazard in part.hazards}

# code -> what fires it, what does not: (recipe, operators, flags, cores)
CASES = {
    "dynamic int8 on convolutions": (
        ("dynamic_int8", CNN, MODERN, 2),
        [("dynamic_int8", TRANSFORMER, MODERN, 2), ("static_int8", CNN, MODERN, 2)],
    ),
    "signed activations": (
        ("static_int8:activations=s8 + onnxruntime", CNN, MODERN, 2),
        [
            ("static_int8:activations=s8 + openvino", CNN, MODERN, 2),
            ("static_int8 + onnxruntime", CNN, MODERN, 2),
        ],
    ),
    "int8 on recurrent": (
        ("static_int8", LSTM, MODERN, 2),
        [("dynamic_int8", LSTM, MODERN, 2), ("static_int8", {**CNN, **LSTM}, MODERN, 2)],
    ),
    "no int8 instructions": (
        ("static_int8", CNN, "avx2", 2),
        [("static_int8", CNN, "avx2 avx_vnni", 2), ("openvino", CNN, "avx2", 2)],
    ),
    "fp16 on a CPU": (
        ("fp16 + onnxruntime", CNN, MODERN, 2),
        [("fp16 + openvino", CNN, MODERN, 2), ("onnxruntime", CNN, MODERN, 2)],
    ),
    "no bf16 instructions": (
        ("openvino:precision=bf16", CNN, "avx2", 2),
        [("openvino:precision=bf16", CNN, "amx_bf16", 2), ("openvino", CNN, "avx2", 2)],
    ),
    "recurrent on OpenVINO": (
        ("openvino", {"GRU": 1}, MODERN, 2),
        [("onnxruntime", {"GRU": 1}, MODERN, 2), ("openvino", CNN, MODERN, 2)],
    ),
    "zeros in a dense engine": (
        ("magnitude_prune", CNN, MODERN, 2),
        [("simplify", CNN, MODERN, 2)],
    ),
    "weights only": (
        ("weight_only", FORESTS, MODERN, 2),
        [("weight_only", TRANSFORMER, MODERN, 2), ("simplify", FORESTS, MODERN, 2)],
    ),
    "more threads than cores": (
        ("onnxruntime:threads=3", CNN, MODERN, 2),
        [("onnxruntime:threads=2", CNN, MODERN, 2), ("openvino:threads=3", CNN, MODERN, 4)],
    ),
}


def codes(recipe: str, ops: dict[str, int], flags: str, cores: int) -> set[str]:
    return {w.code for w in advise(Recipe.parse(recipe), ops, flags.split(), cores)}


def test_every_rule_has_a_case() -> None:
    assert CASES.keys() == HAZARDS


@pytest.mark.parametrize("code", CASES)
def test_a_rule_fires_and_does_not_fire(code: str) -> None:
    fires, quiet = CASES[code]
    assert code in codes(*fires)
    for setting in quiet:
        assert code not in codes(*setting), setting


def test_the_plain_baseline_gets_no_advice() -> None:
    for ops in (CNN, TRANSFORMER, LSTM, FORESTS):
        assert codes("onnxruntime", ops, "avx2", 1) == set()
