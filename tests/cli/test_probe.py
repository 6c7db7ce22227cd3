"""`optim probe`: probed once, printed for people and for machines, and named by the doctor."""

import json

import pytest
from support.probes import made_up, row

from optim import probing
from optim.cli import main
from optim.cli.machine import NOT_PROBED

PROBE = made_up({("onnxruntime", "conv 3x3", "u8s8"): 4.0, ("openvino", "conv 3x3", "bf16"): 0.5})


@pytest.fixture
def asked(home, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine that is probed in no time, and how often it was."""
    times: list[str] = []

    def probed(on_progress, cancelled):
        times.append("probed")
        on_progress("done", 1.0)
        return PROBE

    monkeypatch.setattr("optim.probing.run.probed", probed)
    return times


def test_it_is_probed_once_and_again_when_asked(asked: list[str], capfd) -> None:
    assert main(["probe"]) == 0 and main(["probe"]) == 0
    assert asked == ["probed"]
    text = capfd.readouterr().out
    assert text.startswith("A CPU, 2 cores, probed on 2026-11-25T12:00:00+00:00")
    assert "4.00×" in text and "0.50×" in text
    assert main(["probe", "--again"]) == 0
    assert asked == ["probed"] * 2


def test_the_json_holds_what_is_stored_and_what_follows(asked: list[str], capfd) -> None:
    assert main(["probe", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["cpu"], told["cores"], told["machine_id"]) == ("A CPU", 2, "0" * 12)
    first = told["rows"][0]
    low, high = first["quartiles"]
    assert low < first["median"] < high and first["unit"] == "GFLOP/s"
    assert first["gain_ci"][0] < first["gain"] < first["gain_ci"][1]
    assert first["rounds"] == list(PROBE.rows[0].rounds)


def test_where_nothing_could_be_probed_the_exit_code_says_so(asked, monkeypatch, capfd) -> None:
    lacking = row("openvino", "matmul", "bf16", 1.0, rounds=(), lacks="It has no such kernel.")
    nothing = PROBE.model_copy(update={"failed": {"OpenVINO, one core": "It crashed."}, "rows": ()})
    for given, code in ((PROBE, 0), (nothing, 1)):
        found = given.model_copy(update={"rows": (*given.rows, lacking)})
        monkeypatch.setattr(probing, "known", lambda found=found: found)
        assert main(["probe"]) == code
        assert "It has no such kernel." in capfd.readouterr().out


def test_the_doctor_names_it(asked: list[str], capfd) -> None:
    main(["doctor"])
    assert NOT_PROBED in capfd.readouterr().out
    main(["probe"])
    main(["doctor"])
    assert "A CPU, 2 cores, probed on 2026-11-25" in capfd.readouterr().out
