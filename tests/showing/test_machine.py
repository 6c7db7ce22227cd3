"""A probe in sentences, tables and the picture: whatever is missing, and nothing made up."""

import pytest
from support.probes import made_up, row

from optim.probing.values import LATE
from optim.showing.machine import PRECISIONS, facts, gains_chart, gains_table, rates_table

ORT, OV = "onnxruntime", "openvino"
PROBE = made_up(
    {
        (ORT, "conv 3x3", "fp32"): 1.0,
        (ORT, "conv 3x3", "u8s8"): 4.0,
        (OV, "conv 3x3", "bf16"): 0.5,
        (ORT, "empty", "fp32"): 200.0,
    },
    {OV: ("u8s8",)},
)


def test_the_table_has_every_runtime_and_precision_and_gaps_where_nothing_was_measured() -> None:
    header, *rows = gains_table(PROBE)
    assert header[2:] == list(PRECISIONS)
    by_place = {
        (cells[0], cells[1]): dict(zip(PRECISIONS, cells[2:], strict=True)) for cells in rows
    }
    convolutions = by_place["ONNX Runtime", "convolutions"]
    assert convolutions["u8s8"] == "4.00×" and convolutions["bf16"] == "-"
    assert by_place["OpenVINO", "convolutions"]["bf16"] == "0.50×"
    assert set(by_place["OpenVINO", "LSTM"].values()) == {"-"}


def test_rates_stand_in_one_row_for_each_operation_and_size() -> None:
    _, *rows = rates_table(PROBE)
    assert [cells[:2] for cells in rows] == [
        ["ONNX Runtime", "conv 3x3"], ["OpenVINO", "conv 3x3"], ["ONNX Runtime", "empty"],
    ]  # fmt: skip
    assert rows[0][4:] == ["100", "-", "-", "400", "-", "-", "-", "GFLOP/s"]
    assert rows[2][4] == "5" and rows[2][-1] == "µs"


def test_sentences_say_what_overflows_what_a_run_costs_and_what_lacks() -> None:
    lacking = row(ORT, "matmul", "bf16", 1.0, rounds=(), lacks="It has no such kernel.")
    late = row(OV, "matmul", "fp32", 1.0, rounds=(), lacks=LATE)
    said = "\n".join(
        facts(
            PROBE.model_copy(
                update={
                    "rows": (*PROBE.rows, lacking, late),
                    "failed": {"OpenVINO, 2 cores": "It crashed."},
                }
            )
        )
    )
    assert "exact in ONNX Runtime: weights may use all 8 bits" in said
    assert "overflow in OpenVINO (u8s8)" in said
    assert "ONNX Runtime: a run with nothing in it takes 5 µs." in said
    assert "ONNX Runtime, bf16, matmul: It has no such kernel." in said
    assert "1 of 6 figures were not reached in time" in said and LATE not in said
    assert "OpenVINO, 2 cores could not be probed. It crashed." in said


@pytest.mark.parametrize(
    ("gain", "said"),
    [(1.8, "2 cores bring 1.8"), (1.0, "2 cores are not shown to differ")],
)
def test_what_cores_bring_is_said_only_where_it_is_shown(gain: float, said: str) -> None:
    threaded = row(OV, "conv 3x3", "fp32", gain, threads=2)
    assert said in "\n".join(facts(PROBE.model_copy(update={"rows": (threaded,), "cores": 2})))


def test_bars_go_up_for_faster_and_down_for_slower() -> None:
    figure = gains_chart(PROBE)
    bars = {(bar.xaxis, bar.name): bar for bar in figure.data if len(bar.y)}
    assert bars["x", "int8 (u8s8)"].y[0] == pytest.approx(2, abs=0.01)  # log2 of 4
    assert bars["x2", "bf16"].y[0] == pytest.approx(-1, abs=0.01)
    assert bars["x", "fp32"].y[0] == pytest.approx(0, abs=0.01)
    assert {bar.name for bar in figure.data if bar.showlegend and len(bar.y)} == {
        "fp32", "int8 (u8s8)", "bf16",
    }  # fmt: skip
    ticks = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    assert ticks[0] == "1×" and ticks[2] == "4×" and ticks[-1] == "1/2×"


def test_a_bar_that_is_in_no_column_is_in_no_legend() -> None:
    hidden = [bar for bar in gains_chart(PROBE).data if bar.name == "u8u8"]
    assert hidden and not any(len(bar.y) for bar in hidden)
