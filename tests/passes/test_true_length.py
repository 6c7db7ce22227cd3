"""The true length of sequences: exact for every input, or refused."""

import numpy as np
import onnx
import pytest
from onnx import helper
from support import pass_models
from support.pass_models import Weights, model

from optim.errors import InputError
from optim.passes.base import Calibration, Context
from optim.passes.true_length import TrueLength, Which

LENGTH, WIDTH = 12, 8
node = helper.make_node


def pooled(masked: bool) -> onnx.ModelProto:
    """Embedding and position, a mean over places: of the true ones, or of all."""
    w = Weights(7)
    w.normal("table", 20, WIDTH), w.normal("position", 1, LENGTH, WIDTH)
    w.constant("last", np.array([-1], np.int64)), w.constant("along", np.array([1], np.int64))
    w.constant("shape", np.array([1, LENGTH, 2, WIDTH // 2], np.int64))
    nodes = [
        node("Gather", ["table", "ids"], ["e"], name="embed"),
        node("Add", ["e", "position"], ["p"], name="place"),
        node("Cast", ["mask"], ["m"], name="cast", to=onnx.TensorProto.FLOAT),
        node("Unsqueeze", ["m", "last"], ["m3"], name="widen"),
        node("Mul", ["p", "m3"], ["k"], name="hide") if masked else node("Identity", ["p"], ["k"]),
        node("Reshape", ["k", "shape"], ["heads"], name="heads"),
        node("ReduceSum", ["heads", "along"], ["y"], name="sum", keepdims=0),
    ]
    made = model(nodes[:0] + [node("Identity", ["position"], ["y"])], w, {}, {"y": (1, 12, 8)})
    del made.graph.node[:], made.graph.output[:]
    made.graph.node.extend(nodes)
    for name in ("ids", "mask"):
        typed = helper.make_tensor_value_info(name, onnx.TensorProto.INT64, (1, LENGTH))
        made.graph.input.append(typed)
    out = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (1, 2, WIDTH // 2))
    made.graph.output.append(out)
    return made


def sample(length: int) -> dict[str, np.ndarray]:
    ids = np.zeros((1, LENGTH), np.int64)
    ids[0, :length] = 1 + np.arange(length)
    return {"ids": ids, "mask": (ids > 0).astype(np.int64)}


def context(*lengths: int) -> Context:
    return Context(calibration=Calibration([sample(length) for length in lengths]))


@pytest.mark.parametrize("multiple", [1, 5])
def test_every_length_is_answered_as_before(multiple: int) -> None:
    made = pooled(masked=True)
    outcome = TrueLength(multiple_of=multiple).run(made, context(3, 5, 7, 12))
    assert "1 stored values of full length, 1 targets" in outcome.notes[-1]
    every = [sample(length) for length in range(LENGTH + 1)]
    before, after = (pass_models.outputs(m, every) for m in (made, outcome.model))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_where_answers_depend_on_padding_it_refuses() -> None:
    with pytest.raises(InputError, match="depends on the padding"):
        TrueLength().run(pooled(masked=False), context(3, 5, 7, 12))


def test_without_padding_it_does_nothing() -> None:
    outcome = TrueLength().run(pooled(masked=True), context(12, 12, 12))
    assert not outcome.modified and "No input is padded" in outcome.notes[0]


def test_one_length_for_all_cuts_what_is_longer_and_says_so() -> None:
    made = pooled(masked=True)
    short = TrueLength(which=Which.CALIBRATION, percentile=75)
    outcome = short.run(made, context(3, 5, 7, 12))
    assert "1 of 4 calibration samples lose their end." in outcome.notes[1]
    fits, longer = [sample(6)], [sample(12)]
    before = pass_models.outputs(made, fits)
    np.testing.assert_allclose(pass_models.outputs(outcome.model, fits), before, rtol=1e-5)
    assert np.abs(pass_models.outputs(outcome.model, longer)).sum() != pytest.approx(
        np.abs(pass_models.outputs(made, longer)).sum()
    )


def test_padding_is_found_in_numbers_where_there_is_no_mask() -> None:
    made = pooled(masked=True)
    (of_mask,) = [n for n in made.graph.node if n.name == "cast"]
    zero = onnx.numpy_helper.from_array(np.array(0, np.int64), "zero")
    made.graph.initializer.append(zero)
    made.graph.node.insert(0, node("Greater", ["ids", "zero"], ["own_mask"], name="own_mask"))
    of_mask.input[0] = "own_mask"
    del made.graph.input[1]
    feeds = [{"ids": sample(length)["ids"]} for length in (3, 5, 7, 9)]
    outcome = TrueLength().run(made, Context(calibration=Calibration(feeds)))
    assert outcome.modified
    before, after = (pass_models.outputs(m, feeds) for m in (made, outcome.model))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)
