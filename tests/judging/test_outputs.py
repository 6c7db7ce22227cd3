import numpy as np
import pytest
from onnx import TensorProto, helper
from support import evalset_models as models

from optim.errors import StepError
from optim.evalset import synthesize
from optim.judging import outputs
from optim.recipe import Recipe

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("count", [1, 40])
def test_many_sessions_answer_in_order_what_one_answers(
    tmp_path, monkeypatch, engine, cores, count
):
    monkeypatch.setattr(outputs, "affinity", lambda: range(cores))
    model = models.classifier(tmp_path)
    feeds = synthesize(model, samples=60).feeds("validation", count)
    runtime = Recipe.parse(engine).runtime
    session = runtime.open(model.path)
    expected = [session.run(sample) for sample in feeds]
    answers = list(outputs.outputs_of(runtime, model.path, feeds))
    assert len(feeds) == len(answers) == count
    for ours, theirs in zip(answers, expected, strict=True):
        for name, value in theirs.items():
            np.testing.assert_array_equal(ours[name], value)


def test_an_input_that_is_a_size_gets_one_that_the_model_takes_and_a_wrong_one_is_a_sentence(
    tmp_path,
):
    model = models.keep(
        tmp_path,
        [helper.make_node("Expand", ["x", "size"], ["y"])],
        [("x", TensorProto.FLOAT, [1, 3]), ("size", TensorProto.INT64, [2])],
        [("y", TensorProto.FLOAT, [1, 3])],
        {},
    )
    feeds = synthesize(model, 12).feeds("validation")
    runtime = Recipe.baseline().runtime
    assert len(list(outputs.outputs_of(runtime, model.path, feeds))) == len(feeds)
    feeds[4] = feeds[4] | {"size": np.array([1, 2])}
    with pytest.raises(StepError, match="fails on sample 4") as told:
        list(outputs.outputs_of(runtime, model.path, feeds))
    assert "/" not in str(told.value)
