"""What a probe says: rates, gains over sizes, and nothing where nothing was measured."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.probes import made_up, row

from optim.probing import Probe

ORT, OV = "onnxruntime", "openvino"


def test_a_gain_is_the_geometric_mean_over_sizes_and_operations() -> None:
    probe = made_up({(ORT, "conv 3x3", "u8s8"): 4.0, (ORT, "conv 1x1", "u8s8"): 1.0})
    gain = probe.gain(ORT, "u8s8", "conv")
    assert gain and gain.value == pytest.approx(2.0, rel=0.01)
    assert gain.low < 2.0 < gain.high
    assert probe.gain(ORT, "u8s8", "depthwise") is None
    assert probe.gain(OV, "u8s8", "conv") is None


def test_int8_is_dynamic_where_there_is_no_other() -> None:
    probe = made_up({(ORT, "lstm", "dynamic"): 2.5, (ORT, "matmul", "u8s8"): 3.0,
                     (ORT, "matmul", "dynamic"): 1.5})  # fmt: skip
    assert probe.gain(ORT, "int8", "recurrent") == probe.gain(ORT, "dynamic", "recurrent")
    assert probe.gain(ORT, "int8", "matmul") == probe.gain(ORT, "u8s8", "matmul")


@given(st.floats(0.05, 20).filter(lambda true: true != 1))  # 1: it is its own reference
def test_the_interval_of_one_process_is_wide_enough_for_others(true: float) -> None:
    gain = row(ORT, "matmul", "u8s8", true).gain
    assert gain and gain.low <= true <= gain.high
    assert math.log(gain.high / gain.low) > 0.1  # processes alone differ by 2.5 %


def test_what_is_its_own_reference_is_exactly_one() -> None:
    itself = row(ORT, "matmul", "fp32", 1.0)
    gain = itself.model_copy(update={"rounds": itself.reference}).gain
    assert gain and (gain.low, gain.value, gain.high) == (1, 1, 1)


def test_rates_have_their_unit_and_quartiles_in_order() -> None:
    timed = row(ORT, "matmul", "fp32", 1.0)
    low, median, high = timed.quartiles or (0, 0, 0)
    assert timed.unit == "GFLOP/s" and low < median < high
    assert median == pytest.approx(100)  # 1e8 operations in 1 ms
    assert row(ORT, "memory", "fp32", 1.0, work=2e7).quartiles[1] == pytest.approx(20)
    empty = row(ORT, "empty", "fp32", 200.0, work=0.0)
    assert empty.unit == "µs" and empty.quartiles[1] == pytest.approx(5)


def test_what_was_not_timed_has_no_figures() -> None:
    lacking = row(OV, "matmul", "bf16", 1.0, rounds=(), lacks="It has no such kernel.")
    assert lacking.quartiles is None and lacking.gain is None


def test_a_runs_cost_and_what_threads_bring() -> None:
    probe = made_up({(ORT, "empty", "fp32"): 200.0})
    assert probe.dispatch_us(ORT) == pytest.approx(5)
    assert probe.dispatch_us(OV) is None and probe.threads_gain(ORT) is None
    threaded = row(OV, "conv 3x3", "fp32", 1.8, threads=2)
    more = probe.model_copy(update={"rows": (*probe.rows, threaded)})
    gain = more.threads_gain(OV)
    assert gain and gain.value == pytest.approx(1.8, rel=0.01)
    assert more.gain(OV, "fp32", "conv") is None, "threads are no gain of a precision"
    busy = row(OV, "conv 3x3", "fp32", 4.7, threads=2)  # no two cores are as fast as that
    assert probe.model_copy(update={"rows": (busy,)}).threads_gain(OV) is None


def test_saturation_is_of_the_usual_products() -> None:
    probe = made_up({}, {OV: ("s8s8", "u8s8"), ORT: ("s8s8",)})
    assert probe.saturates(OV) and not probe.saturates(ORT) and not probe.saturates("another")


def test_it_is_kept_whole() -> None:
    probe = made_up({(ORT, "conv 3x3", "u8s8"): 4.0}, {OV: ("u8s8",)})
    assert Probe.model_validate_json(probe.model_dump_json()) == probe
