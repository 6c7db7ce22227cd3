"""The JSON of a trial: its keys and values are a promise to programs."""

import json
from typing import Any

import pytest
from support.trials import METRIC, estimated, measured, quality, summary, trial

from optim.build.child import PassReport
from optim.cli.show import remarks, some, verdict_text, work_of
from optim.findings import Caution
from optim.recipe import Recipe
from optim.showing.records import record
from optim.showing.verdict import verdict
from optim.studies.goal import DEFAULT
from optim.studies.trial import Trial

NOTHING: dict[str, Any] = {
    "recipe": "onnxruntime",
    "target": "local",
    "kind": "measured",
    "status": "done",
    **dict.fromkeys(("p50_ms", "p50_ci", "speedup", "speedup_ci", "quality", "quality_baseline")),
    "quality_verdict": None,
    "size_bytes": 4_366_655,
    "warnings": [],
    "error": None,
}
TIMED = {
    "p50_ms": 2.0,
    "p50_ci": [1.98, 2.02],
    "speedup": 4.0,
    "speedup_ci": [3.96, 4.04],
    "thread_gain": {"value": 1.5, "low": 1.485, "high": 1.515},
    "percentiles_ms": {"p50": 2.0, "p90": 2.0, "p95": 2.0, "p99": 2.0},
    "throughput_per_s": 500.0,
    "load_ms": 12.5,
    "first_run_ms": 3.25,
    "peak_memory_mb": 40.5,
    "runs": 4321,
    "processes": 5,
    "compile_s": None,
    "pays_after_runs": None,
    "pays_after_runs_ci": None,
}
JUDGED = {
    "quality": 0.65,
    "quality_baseline": 0.9,
    "quality_verdict": "No loss is seen.",
    "quality_metric": "top1",
    "quality_difference": -0.25,
    "quality_difference_ci": [-0.25, -0.25],
    "quality_samples": 1000,
    "fidelity": {"top1_agreement": 0.99, "cosine": 0.999, "sqnr_db": 30.0, "max_error": 0.5},
}
GUESSED = {"kind": "estimated", "target": "nvidia_t4", "p50_ms": 2.0, "p50_ci": [1.4, 2.8]}
UNKNOWN = {"load_ms": None, "thread_gain": None}


def near(value: Any) -> str:
    """A value as JSON, the last digits of floats rounded away."""
    return json.dumps(json.loads(json.dumps(value), parse_float=lambda text: f"{float(text):.9g}"))


@pytest.mark.parametrize(
    ("shown", "more"),
    [
        (trial(1), {}),
        (trial(1, summary(2.0, 4.0)), TIMED),
        (trial(1, summary(2.0, 4.0), quality(0.65, reach=0)), TIMED | JUDGED),
        (trial(1, summary(2.0, 4.0, **UNKNOWN)), TIMED | UNKNOWN),
        (estimated(1, 2.0, score=0.65, reach=0), GUESSED | JUDGED),
    ],
)
def test_a_record_has_these_keys_and_values(shown: Trial, more: dict[str, Any]) -> None:
    found, expected = record(shown, METRIC), NOTHING | more
    assert found.keys() == expected.keys()
    assert {key: near(value) for key, value in found.items()} == {
        key: near(value) for key, value in expected.items()
    }
    whole = ("size_bytes", "runs", "processes", "quality_samples")
    assert all(isinstance(found[key], int) for key in whole if key in found)


def test_what_matters_most_is_said_first_and_the_rest_is_counted() -> None:
    shown = trial(1, summary(2.0, 4.0), quality(0.65))
    cautions = (
        Caution(code="t", text="timing"),
        Caution(code="i", text="remark", severity="info"),
        Caution(code="e", text="broken", severity="error"),
        Caution(code="s", text="overflow"),
        Caution(code="v", text="No loss is seen."),
    )
    said = shown.model_copy(update={"warnings": cautions, "cautions": (cautions[3],)})
    lines = remarks(said, [Caution(code="a", text="advice")])
    assert lines == ["broken", "overflow", "timing", "advice", "remark"]
    assert some(lines, verbose=True) == lines and some(lines[:3], verbose=False) == lines[:3]
    assert some(lines, verbose=False) == [
        *("broken", "overflow"),
        "and 3 more remarks; --verbose prints them.",
    ]
    assert some(lines, verbose=False, always={"advice"}) == [
        *("broken", "overflow", "advice"),
        "and 2 more remarks; --verbose prints them.",
    ]
    assert some(lines[:4], verbose=False, always={"timing"})[-1].startswith("and 1 more remark;")


def test_what_each_pass_did_is_always_said() -> None:
    made = trial(1, summary(2.0, 4.0), quality(0.65))
    steps = [
        PassReport(
            name="simplify", modified=True, seconds=1.0, notes=("9 nodes became 4.", "more")
        ),
        PassReport(name="fp16", modified=False, notes=(), seconds=1.0),
    ]
    assert work_of(made.model_copy(update={"reports": steps})) == ["simplify: 9 nodes became 4."]


def test_the_verdict_is_the_pages() -> None:
    original = measured(0, 2.0, 1.0).model_copy(update={"recipe": Recipe.baseline()})
    fast = measured(1, 1.0, 2.0).model_copy(update={"recipe": Recipe.parse("openvino")})
    found = verdict([original, fast], DEFAULT)
    assert found and found.number == 1 and found.figures in verdict_text([original, fast])
    assert verdict_text([original]).startswith("Nothing is clearly faster yet. ")
    assert not verdict_text([])
