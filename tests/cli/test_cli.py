"""The command line on small real models: exit codes, what is on which stream, the JSON's keys."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.study_tools import ROOT, use_home, write_classifier

from optim.bundles import manifest
from optim.cli import main
from optim.cli.values import megabytes, milliseconds, score, seconds, share
from optim.metrics.base import all_metrics
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes
from optim.sandbox import PROTECTIONS
from optim.settings import settings
from optim.targets import all_targets

NUMBERS = ("p50_ms", "speedup", "quality", "quality_baseline", "size_bytes")
KEYS = {*NUMBERS, "recipe", "status", "speedup_ci", "warnings", "error"}


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("cli")
        use_home(path / "home", patch)
        yield path
    settings.cache_clear()


@pytest.fixture(scope="module")
def classifier(home: Path) -> tuple[str, str]:
    """Paths of a small model and its EvalSet."""
    model, evalset = write_classifier(home)
    return str(model), str(evalset)


@pytest.fixture(scope="module")
def determinants(home: Path) -> str:
    """Path of a model with an operator that OpenVINO cannot run."""
    weights = np.random.default_rng(0).standard_normal((16, 64)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["m"]),
            helper.make_node("Reshape", ["m", "shape"], ["matrices"]),
            helper.make_node("Det", ["matrices"], ["d"]),
            helper.make_node("Unsqueeze", ["d", "first"], ["y"]),
        ],
        "determinants",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array([4, 4, 4]), "shape"),
            numpy_helper.from_array(np.array([0]), "first"),
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), home / "det.onnx")
    return str(home / "det.onnx")


def strict(text: str) -> Any:
    """JSON as the standard has it: NaN and Infinity are not."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def run(*argv: str) -> "subprocess.CompletedProcess[str]":
    """The program in a process of its own, from the outside."""
    return subprocess.run(
        [sys.executable, "-m", "optim", *argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_parts_lists_everything(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "--json"]) == 0
    listed = strict(capfd.readouterr().out)
    assert listed["passes"].keys() == all_passes().keys()
    assert listed["runtimes"].keys() == all_runtimes().keys()
    assert listed["metrics"].keys() == all_metrics().keys()
    assert listed["broken"] == []
    assert listed["targets"].keys() == all_targets().keys()
    part = listed["passes"]["static_int8"]
    known = {"title", "summary", "helps", "hurts", "origin", "missing", "requirements", "settings"}
    assert known == part.keys()
    assert part["origin"] == "built-in"
    assert part["settings"]["per_channel"]["description"]
    assert main(["parts"]) == 0
    text = capfd.readouterr().out
    assert all(name in text for name in (*all_passes(), *all_runtimes(), *all_targets()))


def test_inspect_shows_totals(
    classifier: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", classifier[0], "--json"]) == 0
    found = strict(capfd.readouterr().out)
    assert found["parameters"] == 16 * 64 + 64 * 4
    assert found["op_histogram"] == {"MatMul": 2, "Relu": 1}
    assert main(["inspect", classifier[0]]) == 0
    text = capfd.readouterr().out
    assert "1,280 parameters" in text and "MatMul 2" in text and "FLOP/byte" in text


def test_whoever_stops_reading_gets_no_traceback(classifier: tuple[str, str]) -> None:
    command = f"{sys.executable} -m optim inspect {classifier[0]} | head -1"
    found = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=ROOT, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert len(found.stdout.splitlines()) == 1
    assert found.returncode == 0 and found.stderr == ""


@pytest.mark.slow
def test_measure_prints_one_json_list_and_nothing_else(classifier: tuple[str, str]) -> None:
    recipes = ["onnxruntime", "static_int8 + onnxruntime:threads=2"]
    model, evalset = classifier
    given = [item for recipe in recipes for item in ("--recipe", recipe)]
    done = run("measure", model, "--evalset", evalset, *given, "--json")
    assert done.returncode == 0, done.stderr
    records = strict(done.stdout)
    assert [record["recipe"] for record in records] == recipes
    for record in records:
        assert record.keys() >= KEYS
        assert all(isinstance(record[key], int | float) for key in NUMBERS)
        assert all(math.isfinite(record[key]) for key in NUMBERS)
        low, high = record["speedup_ci"]
        assert low <= record["speedup"] <= high
        assert record["status"] == "done" and record["error"] is None
        assert record["kind"] == "measured" and record["quality_metric"] == "top1"
        assert all(warning["text"] for warning in record["warnings"])
    assert records[0]["thread_gain"] is None
    assert records[1]["thread_gain"]["value"] > 0  # what threads give is a figure of its own
    assert records[0]["quality"] == records[0]["quality_baseline"]
    assert recipes[1] in done.stderr  # progress


@pytest.mark.deep
def test_one_failure_is_told_and_exits_with_1(
    determinants: str, capfd: pytest.CaptureFixture[str]
) -> None:
    argv = ["measure", determinants, "--recipe", "openvino", "--recipe", "onnxruntime"]
    assert main([*argv, "--json"]) == 1
    failed, fine = strict(capfd.readouterr().out)
    assert failed["status"] == "failed" and "Det" in failed["error"]
    assert failed.keys() >= KEYS and failed["p50_ms"] is None
    assert fine["status"] == "done" and fine["error"] is None
    assert fine["quality_metric"] == "fidelity"


def test_an_estimate_is_named_one(
    classifier: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    argv = ["measure", classifier[0], "--evalset", classifier[1], "--target", "nvidia_t4"]
    assert main([*argv, "--json"]) == 0
    (record,) = strict(capfd.readouterr().out)
    assert record["kind"] == "estimated" and record["speedup"] is None
    low, high = record["p50_ci"]
    assert 0 < low < record["p50_ms"] < high
    assert main(argv) == 0
    assert "estimate" in capfd.readouterr().out


@pytest.mark.deep
def test_a_bundle_written_by_measure_replays(
    classifier: tuple[str, str],
    home: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    out = home / "bundle"
    recipe = "static_int8:reduce_range=off + onnxruntime"
    argv = ["measure", *_with_evalset(classifier), "--recipe", recipe, "--out", str(out)]
    assert main(argv) == 0
    text = capfd.readouterr().out
    assert recipe in text and "speed-up" in text and "verdict" in text
    assert Recipe.from_yaml((out / manifest.RECIPE).read_text()).spelling == recipe
    code = main(["replay", str(out), "--json"])
    result = strict(capfd.readouterr().out)
    assert result["recipe"] == recipe and code == (0 if result["ok"] else 1)
    failed = [check["name"] for check in result["checks"] if check["ok"] is False]
    assert not [name for name in failed if "speed" not in name]
    (out / "model.onnx").write_bytes(b"another model")
    assert main(["replay", str(out)]) == 1
    assert "NOT replayed" in capfd.readouterr().out


@pytest.mark.slow
def test_explore_answers_and_writes_the_bundle_of_what_it_chose(
    classifier: tuple[str, str], home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = home / "best"
    argv = ["explore", *_with_evalset(classifier), "--budget", "15s", "--max-loss", "50%"]
    assert main([*argv, "--json", "--out", str(out)]) == 0
    found = strict(capfd.readouterr().out)
    assert Recipe.baseline().spelling in {trial["recipe"] for trial in found["trials"]}
    assert any(trial["on_front"] for trial in found["trials"])
    assert all(trial.keys() >= KEYS for trial in found["trials"])
    done = {trial["recipe"] for trial in found["trials"] if trial["status"] == "done"}
    assert found["chosen"] in done
    answer = found["answer"]
    assert answer["recipe"] == found["chosen"] and len(answer["sentences"]) == 3 and answer["help"]
    assert {row["state"] for row in answer["news"]["rows"]} - {"failed"}
    assert Recipe.from_yaml((out / manifest.RECIPE).read_text()).spelling == found["chosen"]


def _with_evalset(classifier: tuple[str, str]) -> list[str]:
    return [classifier[0], "--evalset", classifier[1]]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["measure", "nowhere.onnx"], "nowhere.onnx"),
        (["measure", "sample:nothing"], "sample:fashion"),
        (["measure", "MODEL", "--recipe", "warp_drive"], "no part named 'warp_drive'"),
        (["measure", "MODEL", "--recipe", "static_int8:speed=9"], "no setting 'speed'"),
        (["measure", "MODEL", "--recipe", "static_int8 + dynamic_int8"], "static_int8"),
        (["measure", "MODEL", "--recipe", "onnxruntime + simplify"], "comes last"),
        (["measure", "MODEL", "--recipe", "onnxruntime:threads=0"], "greater than or equal to 1"),
        (["measure", "MODEL", "--target", "abacus"], "nvidia_t4"),
        (["measure", "MODEL", "--evalset", "nowhere.npz"], "nowhere.npz"),
        (
            ["measure", "MODEL", "--out", "new", "--recipe", "openvino", "--recipe", "simplify"],
            "one recipe; 2 were given",
        ),
        (["measure", "MODEL", "--out", "new", "--target", "nvidia_t4"], "not an estimate"),
        (["measure", "MODEL", "--out", "FULL"], "is not empty"),
        (["explore", "MODEL", "--out", "FULL"], "is not empty"),
        (["replay", "FULL"], "is not a bundle"),
    ],
)
def test_bad_input_is_one_sentence_and_exits_with_2(
    argv: list[str],
    says: str,
    classifier: tuple[str, str],
    home: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    full = Path(classifier[0]).parent
    places = {"MODEL": classifier[0], "FULL": str(full)}
    assert main([places.get(item, item) for item in argv]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    line = captured.err.splitlines()[-1]
    assert line.startswith("error: ") and says in line and "Traceback" not in line


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "required"),
        (["fly"], "invalid choice"),
        (["explore", "m.onnx", "--budget", "soon"], "no duration"),
        (["explore", "m.onnx", "--max-loss", "little"], "no share"),
        (["explore", "m.onnx", "--max-loss", "1"], "write 1% or 100%"),
        (["explore", "m.onnx", "--max-size", "nan"], "no size; write 5MB"),
        (["explore", "m.onnx", "--max-latency", "0ms"], "not above 0"),
        (["explore", "m.onnx", "--max-latency", "5 MB"], "no duration; write 2ms"),
        (["explore", "m.onnx", "--cores", "0"], "no whole number above 0"),
        (["measure", "m.onnx", "--dim", "batch=-1"], "no dimension"),
        (["measure"], "model"),
    ],
)
def test_bad_usage_exits_with_2(
    argv: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    captured = capfd.readouterr()
    assert caught.value.code == 2 and captured.out == "" and says in captured.err


def test_a_budget_too_short_is_a_failure(
    classifier: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    use_home(tmp_path, monkeypatch)  # where nothing was measured before
    assert main(["explore", *_with_evalset(classifier), "--budget", "0s", "--json"]) == 1
    captured = capfd.readouterr()
    assert captured.out == "" and "larger --budget" in captured.err


def test_numbers_are_read_with_the_units_that_people_write() -> None:
    assert [seconds(text) for text in ("60", "60s", "1.5m")] == [60, 60, 90]
    assert [share(text) for text in ("1%", "0.01", "100%")] == [0.01, 0.01, 1]
    assert [milliseconds(text) for text in ("5", "5ms", ".5 ms", "1s")] == [5, 5, 0.5, 1000]
    assert [megabytes(text) for text in ("5", "5MB", "0.5gb")] == [5, 5, 500]
    assert [score(text) for text in ("90%", "0.9", "-2")] == [0.9, 0.9, -2]


def test_doctor_says_what_protects_and_what_does_not(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPTIM_ISOLATION", "false")
    settings.cache_clear()
    assert main(["doctor"]) == 0
    text = capfd.readouterr().out
    assert text.count("no: OPTIM_ISOLATION is off") == len(PROTECTIONS)
    assert "it reaches no other machine" in text
    assert main(["doctor", "--json"]) == 0
    assert set(strict(capfd.readouterr().out)["protections"]) == {one.name for one in PROTECTIONS}
