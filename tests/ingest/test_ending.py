"""A Loop that never ends is stopped in its trial run, and named; what ends is left alone."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.onnx_models import INT64, model, value

from optim.errors import InputError
from optim.ingest import child, ending, trying


def counting(until: float, axes: tuple[int | str, ...] = (1, 3)) -> onnx.ModelProto:
    """Adds one to x until its first number is `until`, which it may have passed already."""
    body = helper.make_graph(
        [
            helper.make_node("Add", ["v", "one"], ["next"]),
            helper.make_node("ReduceMax", ["next"], ["largest"], keepdims=0),
            helper.make_node("Less", ["largest", "until"], ["more"]),
        ],
        "body",
        [value("i", [], INT64), value("c", [], TensorProto.BOOL), value("v", axes)],
        [value("more", [], TensorProto.BOOL), value("next", axes)],
    )
    weights = {"one": np.float32(1), "until": np.float32(until), "on": np.bool_(True)}
    node = helper.make_node("Loop", ["", "on", "x"], ["y"], name="count", body=body)
    given = [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]
    return model([node], [value("x", axes)], [value("y", axes)], given)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(ending, "MOST_SECONDS", 0.5)
    monkeypatch.setattr(trying, "_MOST_SECONDS", 0.5)


@pytest.mark.parametrize("axes", [(1, 3), ("batch", 3)])
def test_a_loop_that_never_ends_is_named(bring, save, axes):
    with pytest.raises(InputError, match="not ended after 0 s; perhaps the Loop 'count' never"):
        bring(save(counting(np.inf, axes)))


def test_sizes_are_asked_for_all_the_same(save, tmp_path):
    asked = child.inspect(str(save(counting(np.inf, ("batch", 3)))), str(tmp_path), 10**6)
    assert asked["dims"] == {"batch": 1} and not asked["seen_to_run"]


def test_a_loop_that_ends_is_brought(bring, save):
    assert bring(save(counting(10))).node_count == 1


def test_samples_of_a_person_have_the_time_of_the_step(bring, save, tmp_path, monkeypatch):
    monkeypatch.setattr(ending, "MOST_SECONDS", 0.0)
    np.savez(tmp_path / "own.npz", x=np.zeros((2, 3), np.float32))
    assert bring(save(counting(5e4)), evalset=tmp_path / "own.npz").node_count == 1
    with pytest.raises(InputError, match="the Loop 'count'"):
        bring(save(counting(5e4)))
