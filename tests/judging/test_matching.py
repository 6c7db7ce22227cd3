"""Outputs of varying number: what belongs together is compared; another number is no collapse."""

import numpy as np
import pytest

from optim.judging.fidelity import Drift
from optim.judging.matching import Matching
from optim.model import TensorSpec

SPECS = (
    TensorSpec(name="found", dtype="float32", shape=(-1, 4)),
    TensorSpec(name="confidence", dtype="float32", shape=(-1,)),
    TensorSpec(name="which", dtype="int64", shape=(-1,)),
)


def boxes(count, seed=0):
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 500, (count, 2))
    found = np.concatenate([corner, corner + random.uniform(5, 30, (count, 2))], axis=1)
    return {
        "found": found.astype(np.float32),
        "confidence": random.uniform(0.3, 1, count).astype(np.float32),
        "which": random.integers(0, 3, count),
    }


def taken(outputs, rows):
    return {name: values[rows] for name, values in outputs.items()}


def cosine(ours, theirs):
    matching, drift = Matching.of(SPECS), Drift("found")
    a, b = matching.aligned(ours, theirs)
    drift.add(b["found"], a["found"])
    return drift, matching


@pytest.mark.parametrize("rows", [np.r_[0:57, 58:180], np.random.default_rng(1).permutation(180)])
def test_one_box_less_or_another_order_is_no_collapse(rows) -> None:
    theirs = boxes(180)
    drift, matching = cosine(taken(theirs, rows), theirs)
    assert not drift.misshapen and drift.cosine > 0.99 and not drift.collapse()
    assert bool(matching.said()) == (len(rows) < 180)
    if len(rows) < 180:
        assert "another number of rows than the original's on 1 of 1" in matching.said()
        assert "99.7 % of all rows have a partner" in matching.said()


def test_rows_behind_an_axis_of_one_sample_are_matched_too() -> None:
    specs = [s.model_copy(update={"shape": (1, *s.shape)}) for s in SPECS]
    theirs = {name: values[None] for name, values in boxes(180).items()}
    ours = {name: np.delete(values, 57, axis=1) for name, values in theirs.items()}
    matching, drift = Matching.of(specs), Drift("found")
    a, b = matching.aligned(ours, theirs)
    assert a["found"].shape == b["found"].shape == (1, 180, 4)
    drift.add(b["found"], a["found"])
    assert not drift.misshapen and drift.cosine > 0.99
    assert "another number of rows" in matching.said()


def test_other_boxes_altogether_are_a_collapse() -> None:
    drift, matching = cosine(boxes(170, seed=9), boxes(180))
    assert drift.cosine < 0.5 and drift.collapse()
    assert drift.misshapen == 0


def test_boxes_made_up_where_there_are_none_count() -> None:
    drift, _ = cosine(boxes(3), taken(boxes(3), np.array([], int)))
    assert drift.cosine == 0 and not drift.misshapen


def test_outputs_that_are_always_empty_are_said() -> None:
    none = taken(boxes(3), np.array([], int))
    drift, matching = cosine(none, none)
    assert drift.cosine == 1 and "empty on all 1 samples" in matching.said()


def test_centres_and_sizes_are_boxes_too() -> None:
    theirs = boxes(50)
    found = theirs["found"]
    sizes = found[:, 2:] - found[:, :2]
    theirs["found"] = np.concatenate([(found[:, :2] + found[:, 2:]) / 2, sizes], axis=1)
    rows = np.random.default_rng(2).permutation(50)[:48]
    drift, _ = cosine(taken(theirs, rows), theirs)
    assert drift.cosine > 0.9


def test_what_has_a_fixed_number_is_left_as_it_is() -> None:
    matching = Matching.of([TensorSpec(name="y", dtype="float32", shape=(1, 4))])
    ours, theirs = {"y": np.ones((1, 4))}, {"y": np.zeros((1, 4))}
    assert matching.aligned(ours, theirs) == (ours, theirs) and not matching.said()
