"""The graphs that are timed: in the form that the passes write, and computing the same."""

from collections import Counter

import numpy as np
import onnx
import pytest
from support import pass_models

from optim.passes.base import Calibration, Context
from optim.probing.cases import Case, cases
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes

CASES = {f"{case.operation} {case.size}": case for case in cases()}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
_SAME = 0.97  # cosine; 8 bits with made up ranges


def answer(model: onnx.ModelProto, feeds: dict[str, np.ndarray], folder) -> np.ndarray:
    path = folder / "model.onnx"
    onnx.save(model, path)
    session = all_runtimes()["onnxruntime"]().open(path)
    return next(iter(session.run(feeds).values()))


def feeds_of(case: Case) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(3).random(case.shape, np.float32)}


@each_case
def test_all_precisions_compute_the_same(case: Case, tmp_path) -> None:
    expected = answer(case.model("fp32"), feeds_of(case), tmp_path)
    assert np.isfinite(expected).all() and expected.std() > 0 or case.operation == "empty"
    for precision in set(case.precisions) - {"fp32", "bf16"}:  # bf16: see below
        got = answer(case.model(precision), feeds_of(case), tmp_path)
        assert got.shape == expected.shape and got.dtype == np.float32
        assert pass_models.cosine(got, expected) > _SAME, precision


@pytest.mark.parametrize("name", [name for name in CASES if "matmul" in name])
def test_bf16_weights_are_the_upper_halves(name: str) -> None:
    """ONNX's own evaluator runs what this engine has no kernels for."""
    from onnx.reference import ReferenceEvaluator

    case = CASES[name]
    (expected,) = ReferenceEvaluator(case.model("fp32")).run(None, feeds_of(case))
    (got,) = ReferenceEvaluator(case.model("bf16")).run(None, feeds_of(case))
    assert pass_models.cosine(np.asarray(got, np.float32), expected) > 0.999


@pytest.mark.parametrize(
    ("name", "recipe", "precision"),
    [
        ("conv 3x3 128 channels, 14x14", "static_int8", "u8s8"),
        ("conv 3x3 128 channels, 14x14", "static_int8:activations=s8", "s8s8"),
        ("depthwise 3x3 384 channels, 14x14", "static_int8:weights=u8", "u8u8"),
        ("matmul 128 x 384 x 384", "static_int8", "u8s8"),
        ("matmul 1 x 1024 x 1024", "dynamic_int8", "dynamic"),
        ("lstm 32 steps of 128", "dynamic_int8", "dynamic"),
    ],
)
def test_they_have_the_form_that_passes_write(name: str, recipe: str, precision: str) -> None:
    """The same operators on the same types, but for a bias of zeros and rounding between layers."""
    case = CASES[name]
    (one,) = Recipe.parse(recipe).passes
    given = case.model("fp32")
    given.opset_import[0].version = 17  # the quantizers' own shape inference knows no newer one
    made = one.run(given, Context(calibration=Calibration([feeds_of(case)]))).model
    assert heavy(made) == heavy(case.model(precision))


def heavy(model: onnx.ModelProto) -> Counter[tuple[str, ...]]:
    """Products, their weights' types, and what is rounded before them."""
    types = {one.name: onnx.TensorProto.DataType.Name(one.data_type)
             for one in model.graph.initializer}  # fmt: skip
    made_by = {name: node for node in model.graph.node for name in node.output}
    found: Counter[tuple[str, ...]] = Counter()
    for node in model.graph.node:
        if any(kind in node.op_type for kind in ("Conv", "MatMul", "Gemm", "LSTM")):
            weight = made_by.get(node.input[1])
            source = made_by.get(node.input[0])
            stored = weight.input[0] if weight else node.input[1]
            kind = node.op_type.replace("Gemm", "MatMul")
            found[kind, types[stored], source.op_type if source else "input"] += 1
    return found
