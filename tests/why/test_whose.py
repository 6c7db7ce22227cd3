"""What trials tell of their recipes when a gain is shared."""

from support.trials import quality, summary, trial

from optim.findings import Interval
from optim.why.whose import readings


def test_a_trial_that_never_settled_is_known_and_not_to_be_measured_again():
    wild = Interval(value=0.02, low=1e-9, high=2e7)
    timed = summary(1.0, 1.0).model_copy(update={"speedup": wild, "gain": wild})
    found = trial(1, timed, quality(0.9), "openvino")
    found = found.model_copy(update={"recipe_digest": found.recipe.digest})
    assert found.unsettled
    known, failed = readings([found])
    assert known[found.recipe].factor.high > 1e6 and not failed
    assert not readings([found.model_copy(update={"state": "running"})])[0]
