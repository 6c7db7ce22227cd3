"""One graph with switches answers as the float model, the quantized one, and all in between."""

import numpy as np
import onnxruntime
import pytest
from support.pass_models import context, feeds, load, outputs

from optim.errors import StepError
from optim.judging.switches import Switched, left_on, switched
from optim.passes.base import NodeByNode
from optim.passes.dynamic_int8 import DynamicInt8
from optim.passes.static_int8 import StaticInt8
from optim.passes.weight_only import WeightOnly

CASES = [
    ("cnn", StaticInt8()),
    ("cnn", StaticInt8(per_channel=False, weights="u8", calibration="percentile")),
    ("mlp", StaticInt8()),
    ("mlp", DynamicInt8()),
    ("mlp", WeightOnly(bits=8, block_size=16)),
    ("lstm", DynamicInt8()),
]


def both(name: str, one) -> tuple[Switched, object]:
    form = one.form(load(name))
    return switched(form, one.run(load(name), context(name)).model, one.chosen(form)), form


def answers(graph: Switched, name: str, on: list[bool]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(
        graph.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    switches = {n: np.array(v) for n, v in zip(graph.inputs, on, strict=True)}
    rows = [session.run(None, {**sample, **switches}) for sample in feeds(name)]
    return np.array([np.concatenate([np.ravel(out) for out in row]) for row in rows])


def near(a: np.ndarray, b: np.ndarray, share: float) -> bool:
    return bool(np.linalg.norm(a - b) <= share * np.linalg.norm(b))


@pytest.mark.parametrize(("name", "one"), CASES, ids=str)
def test_all_off_is_the_original_and_all_on_is_what_the_pass_made(name: str, one) -> None:
    graph, _ = both(name, one)
    off = answers(graph, name, [False] * len(graph.owners))
    on = answers(graph, name, [True] * len(graph.owners))
    original = outputs(load(name), feeds(name))
    made = outputs(one.run(load(name), context(name)).model, feeds(name))
    assert near(off, original, 1e-4)
    damage = np.linalg.norm(made - original)
    assert damage > 0
    assert np.linalg.norm(on - made) < 0.35 * damage, "integers may round halves otherwise"


@pytest.mark.parametrize(("name", "one"), [CASES[0], CASES[2], CASES[3]], ids=str)
def test_switching_off_is_what_excluding_does(name: str, one) -> None:
    graph, form = both(name, one)
    original = outputs(load(name), feeds(name))
    for node in sorted(set().union(*graph.owners)):
        excluded = type(one)(**{**one.model_dump(), "exclude": (node.removesuffix("_MatMul"),)})
        really = outputs(excluded.run(load(name), context(name)).model, feeds(name))
        left = frozenset(one.chosen(form)) - frozenset(excluded.chosen(form))
        switches = list(left_on(graph.owners, left))
        tried = answers(graph, name, switches)
        assert np.linalg.norm(tried - really) < 0.4 * np.linalg.norm(really - original) + 1e-6, node


def test_a_relu_that_rounding_absorbs_is_there_in_float() -> None:
    """Else switching off would let negative values through."""
    graph, _ = both("cnn", StaticInt8())
    assert sum(node.op_type == "Relu" for node in graph.model.graph.node) == 2


def test_weights_and_values_have_switches_of_those_who_share_them() -> None:
    graph, _ = both("mlp", StaticInt8())
    assert all(graph.owners)
    named = set().union(*graph.owners)
    assert named <= {node.name for node in StaticInt8().form(load("mlp")).graph.node}


def test_what_is_not_quantized_has_nothing_to_switch() -> None:
    form = StaticInt8().form(load("mlp"))
    with pytest.raises(StepError, match="switched off"):
        switched(form, form, [])


@pytest.mark.parametrize("one", [StaticInt8(), DynamicInt8(), WeightOnly()], ids=str)
def test_quantizing_passes_say_what_they_quantize(one) -> None:
    assert isinstance(one, NodeByNode)
    assert one.chosen(one.form(load("mlp")))
