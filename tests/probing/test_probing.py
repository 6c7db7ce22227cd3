"""A probe of this machine: every runtime, whatever it lacks; kept under what it depends on."""

import time
from collections.abc import Iterator

import pytest
from support.paths import ROOT
from support.probes import made_up, row

from optim import probing
from optim.errors import Cancelled, StepError
from optim.machine.environment import machine_id
from optim.probing import Probe, child, run
from optim.probing.cases import cases
from optim.probing.values import LATE
from optim.runtimes.base import Runtime, all_runtimes

OUTSIDE = ROOT / "tests/support/outside"
PROBED = {name: kind for name, kind in all_runtimes().items() if not kind().child}
LATER = time.monotonic() + 1e6


FEW = [*{case.operation: case for case in reversed(cases())}.values()][::-1]
"""Of each operation one size."""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run a round, two rounds: what is recorded matters here, not how long it takes."""
    monkeypatch.setattr(child, "cases", lambda: FEW)
    monkeypatch.setattr(child, "_ROUNDS", 2)
    monkeypatch.setattr(child, "_BLOCK_NS", 0)
    monkeypatch.setattr(child, "_WARM_NS", 0)


@pytest.mark.deep
@pytest.mark.parametrize("runtime", PROBED)
def test_every_runtime_is_probed_and_what_it_lacks_is_said(runtime, hasty, tmp_path) -> None:
    found = child.timed(runtime=runtime, threads=1, deadline=LATER, folder=str(tmp_path))
    rows = [probing.Row.model_validate(one) for one in found]
    wanted = [(c.operation, c.size, precision) for c in FEW for precision in c.precisions]
    assert [(one.operation, one.size, one.precision) for one in rows] == wanted
    for one in rows:
        assert bool(one.rounds) != bool(one.lacks)
        assert one.quartiles if one.rounds else one.lacks.endswith(".") and one.lacks != LATE
    plain = [one for one in rows if one.precision == "fp32"]
    assert all(one.rounds and one.gain for one in plain), "all runtimes compute in fp32"
    int8 = [one for one in rows if one.precision == "u8s8"]
    assert all(one.rounds for one in int8), "and QDQ models are what they are all given"


@pytest.mark.deep
@pytest.mark.parametrize("runtime", PROBED)
def test_more_threads_are_held_against_one(runtime, hasty, tmp_path) -> None:
    found = child.timed(runtime=runtime, threads=2, deadline=LATER, folder=str(tmp_path))
    rows = [probing.Row.model_validate(one) for one in found]
    assert {one.operation for one in rows} == {"conv 3x3", "conv 1x1", "matmul"}
    assert {one.precision for one in rows} == {"fp32", "u8s8"}
    assert all(one.threads == 2 and one.rounds and one.gain for one in rows)


def test_a_new_runtime_is_probed_by_itself(hasty, tmp_path, monkeypatch) -> None:
    installed = all_runtimes()  # before there is another to be found, and remembered
    monkeypatch.syspath_prepend(OUTSIDE)
    from outside_parts.reference import Reference

    known = installed | {"reference": Reference}
    monkeypatch.setattr(child, "all_runtimes", lambda: known)
    (few,) = (case for case in cases() if case.operation == "empty")
    monkeypatch.setattr(child, "cases", lambda: [few])
    (found,) = child.timed(runtime="reference", threads=1, deadline=LATER, folder=str(tmp_path))
    assert found["runtime"] == "reference" and found["rounds"] and found["reference"]


def test_a_precision_is_reached_by_a_setting_where_there_is_one() -> None:
    known = all_runtimes()
    assert child._engine(known["openvino"], "bf16", 2) == (
        known["openvino"](precision="bf16", threads=2), "fp32",
    )  # fmt: skip
    assert child._engine(known["onnxruntime"], "bf16", 1) == (known["onnxruntime"](), "bf16")


def test_what_time_does_not_suffice_for_is_said(hasty, tmp_path) -> None:
    found = child.timed(runtime="onnxruntime", threads=1, deadline=0.0, folder=str(tmp_path))
    first = FEW[0]
    assert {one["lacks"] for one in found[len(first.precisions) :]} == {LATE}
    assert found[0]["operation"] == first.operation and found[0]["rounds"]


class Crashes(Runtime):
    """A runtime whose child does not come back."""

    name, title, packages = "crashes", "Crashes", ()
    summary = helps = hurts = "It is for tests."


@pytest.fixture
def without_children(home, monkeypatch) -> Iterator[list[tuple[str, int]]]:
    asked = []

    def timed(part, seconds, most, cancelled):
        if cancelled():
            raise Cancelled("Cancelled.", "")
        asked.append((part.runtime.name, part.threads))
        if part.runtime is Crashes:
            raise StepError("It crashed.", "")
        return [row(part.runtime.name, "matmul", "u8s8", 2.0, threads=part.threads)]

    known = {"crashes": Crashes} | all_runtimes()
    monkeypatch.setattr(run, "all_runtimes", lambda: known)
    monkeypatch.setattr(run, "overflows_here", lambda name: frozenset())
    monkeypatch.setattr(run, "usable_cores", lambda: 2)
    monkeypatch.setattr(run, "_timed", timed)
    yield asked


def test_a_crash_costs_only_its_own_rows(without_children) -> None:
    told = []
    found = probing.probe(lambda text, share: told.append((text, share)))
    assert without_children == [(name, n) for n in (1, 2) for name in ("crashes", *PROBED)]
    assert found.failed == {"Crashes, one core": "It crashed.", "Crashes, 2 cores": "It crashed."}
    assert {one.runtime for one in found.rows} == set(PROBED)
    assert found.machine_id == machine_id() and set(found.overflows) == {"crashes", *PROBED}
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert "ONNX Runtime, one core" in {text for text, _ in told}


def test_it_can_be_cancelled_and_keeps_nothing(without_children) -> None:
    with pytest.raises(Cancelled):
        probing.probe(cancelled=lambda: True)
    assert probing.known() is None


def test_it_is_kept_for_this_machine_and_these_engines(without_children, monkeypatch) -> None:
    assert probing.known() is None
    found = probing.probe()
    assert probing.known() == found
    again = probing.probe()
    assert len(without_children) == 2 * 2 * len({"crashes", *PROBED})
    assert probing.known() == again
    monkeypatch.setattr(probing, "engine_versions", lambda: {"onnxruntime": "another"})
    assert probing.known() is None
    monkeypatch.undo()


def test_another_machines_is_not_taken_for_this_ones(without_children, monkeypatch) -> None:
    probing.probe()
    monkeypatch.setattr(probing, "machine_id", lambda: "another")
    assert probing.known() is None


def test_what_is_kept_but_cannot_be_read_is_not_known(without_children, home) -> None:
    probing.probe()
    (kept,) = (home / "probes").glob("*.json")
    kept.write_text("{")
    assert probing.known() is None


@pytest.mark.deep
def test_this_machine_is_probed(home) -> None:
    found = probing.probe()
    assert isinstance(found, Probe) and found.rows and found.cpu
    assert {one.runtime for one in found.rows} | set(found.failed)
    assert found.gain("onnxruntime", "fp32", "conv")
    assert made_up({}).gain("onnxruntime", "fp32", "conv") is None
