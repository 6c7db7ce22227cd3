"""The table of families: what is tried, what is kept, how it reads."""

from pathlib import Path

import pytest

from bench.families.measuring import recipes, say
from bench.families.report import report
from bench.families.rows import Kept, Row
from optim.findings import Interval
from optim.part import Circumstances, Searched
from optim.passes.base import Stage, all_passes
from optim.runtimes.openvino import OpenVino

QUIET = Row(
    model="fashion",
    recipe="static_int8 + openvino",
    speedup=Interval(value=4.0, low=3.9, high=4.1),
    loss=Interval(value=0.004, low=-0.01, high=0.02),
    p50_ms=0.5,
)


def test_every_pass_that_takes_the_model_has_a_row_and_training_comes_last() -> None:
    here = Circumstances({"Conv": 3, "Gemm": 1, "Relu": 3}, frozenset(), 2)
    tried = recipes(here)
    named = {part.name for recipe in tried for part in recipe.parts}
    wanted = {k.name for k in all_passes().values() if not k.missing() and k().takes(here)}
    assert wanted <= named and {"onnxruntime", "openvino"} <= named
    trains = [any(one.stage == Stage.RECOVER for one in recipe.passes) for recipe in tried]
    assert trains == sorted(trains)
    assert len(tried) == len(set(tried)) and tried[0].is_baseline


def test_what_engines_declare_of_their_settings_has_a_row(monkeypatch) -> None:
    bf16 = Circumstances({"Conv": 3}, frozenset({"avx512_bf16"}), 2)
    tried = [recipe.spelling for recipe in recipes(bf16)]
    assert {"openvino:precision=bf16", "onnxruntime:threads=2"} <= {*tried}
    none = Circumstances({"Conv": 3}, frozenset(), 1)
    assert not {"openvino:precision=bf16", "onnxruntime:threads=2"} & {
        recipe.spelling for recipe in recipes(none)
    }
    monkeypatch.setattr(OpenVino, "searched", (Searched("pinning", ("on", "off")),))
    assert {"openvino:pinning=on", "openvino:pinning=off"} <= {
        recipe.spelling for recipe in recipes(none)
    }


def test_rows_are_kept_and_a_new_one_takes_the_place_of_the_old(tmp_path: Path) -> None:
    kept = Kept(about={"cpu": "a CPU"}).plus(QUIET).plus(QUIET.model_copy(update={"p50_ms": 0.6}))
    kept.write(tmp_path / "rows.json")
    assert Kept.read(tmp_path / "rows.json", {}) == kept
    assert [row.p50_ms for row in kept.rows] == [0.6]


def test_only_what_is_shown_to_be_faster_and_keeps_its_quality_pays() -> None:
    maybe = QUIET.model_copy(update={"speedup": Interval(value=1.1, low=0.9, high=1.3)})
    worse = QUIET.model_copy(update={"loss": Interval(value=0.05, low=0.04, high=0.06)})
    assert QUIET.pays(0.01)
    for row in (
        maybe,
        worse,
        QUIET.model_copy(update={"sound": False}),
        Row(model="m", recipe="r"),
    ):
        assert not row.pays(0.01)


def test_the_fastest_that_pays_runs_on_the_cpu() -> None:
    gpu = QUIET.model_copy(
        update={"recipe": "torch_cuda", "speedup": Interval(value=9, low=8, high=10)}
    )
    text = report(Kept(about={}, rows=(QUIET, gpu)), ["fashion"], 0)
    assert "| `static_int8 + openvino` | 3.90 to 4.10 |" in text
    assert "| `torch_cuda` | **8.00 to 10.00** |" in text


def test_disturbed_rows_are_not_shown_and_what_pays_is_bold() -> None:
    disturbed = Row(
        model="fashion", recipe="openvino", speedup=QUIET.speedup, loss=QUIET.loss, contention=0.3
    )
    refused = Row(model="fashion", recipe="static_int8 + onnxruntime", error="It cannot.")
    text = report(Kept(about={"cpu": "a CPU"}, rows=(QUIET, disturbed, refused)), ["fashion"], 1)
    assert "| `static_int8 + openvino` | **3.90 to 4.10** | 1 of 1 |" in text
    assert "\n\nSamples: `fashion`: Clothing photos.\n\n" in text
    assert "| `static_int8 + onnxruntime` | no | 0 of 1 |" in text
    assert not QUIET.model_copy(update={"load": 12.0}).quiet
    assert QUIET.model_copy(update={"load": 12.0, "cores": 16}).quiet
    assert "`openvino`" not in text and "2 rows; 1 to go, 1 of them" in text


def test_what_changes_nothing_is_said_to_without_being_timed() -> None:
    same = Row(model="fashion", recipe="zero_tiny + openvino", same=True)
    assert same.quiet and not same.pays(0.01)
    assert "| `zero_tiny + openvino` | = |" in report(Kept(about={}, rows=(same,)), ["fashion"], 0)


def test_progress_is_said_of_every_kind_of_row(capsys: pytest.CaptureFixture[str]) -> None:
    for row in (
        QUIET,
        Row(model="m", recipe="r", same=True),
        Row(model="m", recipe="r", error="no"),
    ):
        say(row, 2)
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ", 2)[2] for line in told] == [
        "0.500 ms, 4.00x, took 0 s",
        "changes nothing, took 0 s",
        "no, took 0 s",
    ]
