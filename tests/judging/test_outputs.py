import numpy as np
import pytest
from support import evalset_models as models

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
