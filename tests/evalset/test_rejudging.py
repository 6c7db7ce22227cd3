"""A metric that is asked for, whatever form the EvalSet came in."""

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score
from support import evalset_models as models
from support.pictures import FLOAT, png, scene, segmenter, zipped

from optim.errors import InputError
from optim.evalset import judged_by, load_evalset, synthesize
from optim.judging.quality import quality_of
from optim.recipe import Recipe

pytestmark = pytest.mark.usefixtures("home")
RANDOM = np.random.default_rng(2)
SCORES = RANDOM.normal(size=(60, 8)).astype(np.float32)
LABELS = RANDOM.integers(0, 8, 60)


@pytest.fixture
def classifier(tmp_path):
    """It answers its input: eight scores."""
    from onnx import helper

    node, form = helper.make_node("Identity", ["x"], ["y"]), [1, 8]
    return models.keep(tmp_path, [node], [("x", FLOAT, form)], [("y", FLOAT, form)], {})


@pytest.fixture
def table(tmp_path):
    lines = [",".join(f"s{i}" for i in range(8)) + ",label"]
    lines += [
        ",".join(map(str, row)) + f",{label}" for row, label in zip(SCORES, LABELS, strict=True)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_is_judged_as_asked_and_as_scikit_learn_does(classifier, table) -> None:
    loaded = load_evalset(table, classifier)
    evalset = judged_by(loaded, "top-5", classifier)
    assert (loaded.metric, evalset.metric) == ("top1", "top5")
    assert "Judged by Top-5 accuracy, as asked." in evalset.notes
    labels = evalset.labels("validation")
    rows = np.array([feeds["x"][0] for feeds in evalset.feeds("validation")])
    expected = top_k_accuracy_score(labels, rows, k=5, labels=range(8))
    quality = quality_of(classifier, classifier, Recipe.baseline(), evalset)
    assert quality.baseline_value == pytest.approx(expected)


def test_masks_of_a_zip_are_judged_as_asked(tmp_path) -> None:
    members = {f"images/{i}.png": png(scene(i)[0]) for i in range(3)}
    members |= {f"masks/{i}.png": png(scene(i)[1]) for i in range(3)}
    model = segmenter(tmp_path)
    evalset = load_evalset(zipped(tmp_path, members), model)
    other = judged_by(evalset, "pixel_accuracy", model)
    assert (evalset.metric, other.metric) == ("miou", "pixel_accuracy")
    assert np.array_equal(evalset.labels("validation"), other.labels("validation"))


@pytest.mark.parametrize(
    ("metric", "message"),
    [("map", "fits none"), ("nonsense", "no metric 'nonsense'"), ("fidelity", "not read labels")],
)
def test_metrics_that_do_not_fit_are_refused(classifier, table, metric, message) -> None:
    with pytest.raises(InputError, match=message):
        judged_by(load_evalset(table, classifier), metric, classifier)


def test_without_labels_one_is_refused_that_needs_some(classifier) -> None:
    with pytest.raises(InputError, match="needs labels, and the EvalSet has none"):
        judged_by(synthesize(classifier, 8), "top5", classifier)
