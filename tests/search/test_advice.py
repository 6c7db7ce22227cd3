"""Every rule fires where it should, and keeps quiet one step beside that."""

import pytest
from support.probes import made_up

from optim.part import Circumstances
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
        ("dynamic_int8:op_types=Conv|MatMul", CNN, MODERN, 2),
        [
            ("dynamic_int8", CNN, MODERN, 2),
            ("dynamic_int8", TRANSFORMER, MODERN, 2),
            ("static_int8", CNN, MODERN, 2),
        ],
    ),
    "dynamic int8 in OpenVINO": (
        ("dynamic_int8 + openvino", TRANSFORMER, MODERN, 2),
        [
            ("dynamic_int8 + onnxruntime", TRANSFORMER, MODERN, 2),
            ("static_int8 + openvino", TRANSFORMER, MODERN, 2),
        ],
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
        [
            ("dynamic_int8", LSTM, MODERN, 2),
            ("static_int8", {**CNN, **LSTM}, MODERN, 2),
            ("unroll_gru + static_int8 + openvino", {"GRU": 1}, MODERN, 2),
        ],
    ),
    "a GRU in pieces": (
        ("unroll_gru", {"GRU": 1}, MODERN, 2),
        [("unroll_gru + dynamic_int8", {"GRU": 1}, MODERN, 2)],
    ),
    "static int8 of steps on ONNX Runtime": (
        ("unroll_gru + static_int8", {"GRU": 1}, MODERN, 2),
        [("unroll_gru + static_int8 + openvino", {"GRU": 1}, MODERN, 2)],
    ),
    "int8 gains little": (
        ("static_int8", CNN, "avx2", 2),
        [("static_int8", CNN, "avx2 avx_vnni", 2), ("openvino", CNN, "avx2", 2)],
    ),
    "fp16 on a CPU": (
        ("fp16 + onnxruntime", CNN, MODERN, 2),
        [("fp16 + openvino", CNN, MODERN, 2), ("onnxruntime", CNN, MODERN, 2)],
    ),
    "nncf on ONNX Runtime": (
        ("nncf_int8", CNN, MODERN, 2),
        [("nncf_int8 + openvino", CNN, MODERN, 2)],
    ),
    "bf16 weights only": (
        ("bf16", CNN, MODERN, 2),
        [("bf16 + openvino", CNN, MODERN, 2)],
    ),
    "bf16 on Inductor": (
        ("inductor:precision=bf16", CNN, "avx2", 2),
        [("inductor:precision=bf16", CNN, "amx_bf16", 2), ("inductor", CNN, "avx2", 2)],
    ),
    "bf16 gains little": (
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
    "pruned and not recovered": (
        ("structured_prune:flops=0.5", CNN, MODERN, 2),
        [
            ("structured_prune:flops=0.5 + recover", CNN, MODERN, 2),
            ("structured_prune:flops=0.05", CNN, MODERN, 2),
        ],
    ),
    "layers left out and not recovered": (
        ("drop_layers", CNN, MODERN, 2),
        [("drop_layers + recover", CNN, MODERN, 2)],
    ),
    "low rank and convolutions": (
        ("low_rank", CNN, MODERN, 2),
        [("low_rank + recover", CNN, MODERN, 2), ("low_rank", TRANSFORMER, MODERN, 2)],
    ),
    "nothing to recover": (
        ("simplify + recover", CNN, MODERN, 2),
        [
            ("structured_prune + recover", CNN, MODERN, 2),
            ("recover + static_int8", CNN, MODERN, 2),
        ],
    ),
    "clusters in a dense engine": (
        ("cluster_weights", CNN, MODERN, 2),
        [("simplify", CNN, MODERN, 2)],
    ),
    "weights only": (
        ("weight_only", FORESTS, MODERN, 2),
        [("weight_only", TRANSFORMER, MODERN, 2), ("simplify", FORESTS, MODERN, 2)],
    ),
    "fused already": (
        ("fuse_activations", {**TRANSFORMER, "Erf": 4}, MODERN, 2),
        [("fuse_activations + openvino", {**TRANSFORMER, "Erf": 4}, MODERN, 2)],
    ),
    "texts are cut": (
        ("true_length:which=calibration", TRANSFORMER, MODERN, 2),
        [("true_length", TRANSFORMER, MODERN, 2)],
    ),
    "more threads than cores": (
        ("onnxruntime:threads=3", CNN, MODERN, 2),
        [("onnxruntime:threads=2", CNN, MODERN, 2), ("openvino:threads=3", CNN, MODERN, 4)],
    ),
}


# code -> the same where a machine was probed: (recipe, operators, what was measured)
MEASURED = {
    "int8 gains little": (
        ("static_int8 + openvino", CNN, {("openvino", "conv 3x3", "u8s8"): 0.6}),
        [
            ("static_int8 + openvino", CNN, {("openvino", "conv 3x3", "u8s8"): 1.6}),
            ("static_int8 + onnxruntime", CNN, {("onnxruntime", "matmul", "u8s8"): 2.0}),
        ],  # a Gemm is a matrix product
    ),
    "dynamic int8 gains little": (
        ("dynamic_int8", TRANSFORMER, {("onnxruntime", "matmul", "dynamic"): 0.8}),
        [
            ("dynamic_int8", TRANSFORMER, {("onnxruntime", "matmul", "dynamic"): 1.5}),
            ("dynamic_int8", LSTM, {("onnxruntime", "lstm", "dynamic"): 1.5,
                                    ("onnxruntime", "matmul", "dynamic"): 0.8}),
            ("dynamic_int8", {"Conv": 20}, {("onnxruntime", "conv 3x3", "dynamic"): 0.2}),
        ],
    ),
    "bf16 gains little": (
        ("openvino:precision=bf16", CNN, {("openvino", "conv 3x3", "bf16"): 0.5}),
        [("openvino:precision=bf16", CNN, {("openvino", "conv 3x3", "bf16"): 2.4})],
    ),
    "signed activations": (
        ("static_int8:activations=s8 + openvino", CNN,
         {("openvino", "conv 3x3", "s8s8"): 0.8, ("openvino", "conv 3x3", "u8s8"): 1.6}),
        [("static_int8:activations=s8 + onnxruntime", CNN,
          {("onnxruntime", "conv 3x3", "s8s8"): 1.6, ("onnxruntime", "conv 3x3", "u8s8"): 1.6})],
    ),
    "recurrent on OpenVINO": (
        ("openvino", LSTM, {("openvino", "lstm", "fp32"): 0.8}),
        [("openvino", LSTM, {("openvino", "lstm", "fp32"): 1.4})],
    ),
    "fp16 on a CPU": (
        ("fp16 + onnxruntime", CNN, {("onnxruntime", "conv 3x3", "fp16"): 0.9}),
        [("fp16 + onnxruntime", CNN, {("onnxruntime", "conv 3x3", "fp16"): 1.8})],
    ),
}  # fmt: skip


def codes(recipe: str, ops: dict[str, int], flags: str, cores: int) -> set[str]:
    return {w.code for w in advise(Recipe.parse(recipe), ops, flags.split(), cores)}


def on_probed(recipe: str, ops: dict[str, int], gains: dict, flags: str) -> dict[str, str]:
    found = advise(Recipe.parse(recipe), ops, flags.split(), 2, made_up(gains))
    return {one.code: one.text for one in found}


@pytest.mark.parametrize("flags", ["avx2", MODERN])
@pytest.mark.parametrize("code", MEASURED)
def test_what_was_measured_goes_before_what_flags_let_assume(code: str, flags: str) -> None:
    """Nothing is said that it contradicts, and what is said cites it."""
    fires, quiet = MEASURED[code]
    said = on_probed(*fires, flags)[code]
    gain = next(iter(fires[2].values()))
    assert "Measured here: " in said and f"reach {gain:.2g}x of fp32" in said
    for setting in quiet:
        assert code not in on_probed(*setting, flags), setting


def test_what_was_measured_of_other_arithmetic_says_nothing() -> None:
    products = {("onnxruntime", "matmul", "u8s8"): 0.5}
    assert "int8 gains little" not in on_probed("static_int8", {"Conv": 3}, products, MODERN)
    assert "int8 gains little" in on_probed("static_int8", {"Conv": 3}, products, "avx2")
    elsewhere = {("openvino", "conv 3x3", "u8s8"): 0.5}
    assert "int8 gains little" not in on_probed("static_int8", {"Conv": 3}, elsewhere, MODERN)


def test_bf16_is_started_with_where_it_gains() -> None:
    """A CPU without bf16 flags whose engine gains all the same, and the other way about."""
    (start,) = [one for one in ingredients()["openvino"].starts if "bf16" in one.spelling]
    gains = made_up({("openvino", "conv 3x3", "bf16"): 2.0})
    loses = made_up({("openvino", "conv 3x3", "bf16"): 0.5})
    assert start.when(Circumstances(CNN, known=gains))
    assert not start.when(Circumstances(CNN, frozenset({"amx_bf16"}), known=loses))
    assert start.when(Circumstances(CNN, frozenset({"amx_bf16"})))


def test_every_rule_has_a_case() -> None:
    assert CASES.keys() | MEASURED.keys() == HAZARDS


@pytest.mark.parametrize("code", CASES)
def test_a_rule_fires_and_does_not_fire(code: str) -> None:
    fires, quiet = CASES[code]
    assert code in codes(*fires)
    for setting in quiet:
        assert code not in codes(*setting), setting


def test_the_plain_baseline_gets_no_advice() -> None:
    for ops in (CNN, TRANSFORMER, LSTM, FORESTS):
        assert codes("onnxruntime", ops, "avx2", 1) == set()
