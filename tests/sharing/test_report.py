"""A study's report: all of it in one file, nothing computed for it; PDF and slide by a browser."""

import io
import re
import time
from pathlib import Path

import pytest
from PIL import Image
from support.browsers import needs_chromium
from support.trials import around

from optim.errors import InputError
from optim.findings import Caution
from optim.settings import settings
from optim.sharing import browser as browsers
from optim.sharing.browser import browser, pdf_of, picture_of
from optim.sharing.reasons import _shares
from optim.sharing.report import _warned, _with_units, open_ends, study_report
from optim.sharing.slide import study_slide
from optim.studies.goal import DEFAULT
from optim.studies.picking import picked
from optim.studies.study import Study
from optim.why.explanation import Why
from optim.why.shares import Interaction, Share, Shares

pytestmark = pytest.mark.slow


@pytest.fixture(scope="package")
def html(explored: Study) -> str:
    return study_report(explored, date="2026-11-26")


def visible(html: str) -> str:
    """What a reader sees of it."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", body)


def test_it_has_all_that_it_is_made_of(explored: Study, html: str) -> None:
    said = visible(html)
    best = picked(explored.trials(), DEFAULT)
    assert best
    for part in (
        "2026-11-26",
        "Latency against quality",
        "The best",
        f"#{best.number}",
        "to keep in mind",
        "Hardware and versions",
        "Instruction sets that matter here",
        "95 % intervals",
    ):
        assert part in said
    assert 'id="trade-off"' in html
    measured = [trial for trial in explored.trials() if trial.summary]
    for trial in measured:
        assert trial.summary
        assert f"{trial.summary.speedup.value:.2f}×" in said


def test_it_loads_nothing_and_is_made_to_be_printed(html: str) -> None:
    assert "default-src 'none'" in html
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", html.partition("<body>")[2])
    assert "@page" in html and "@media print" in html


def test_a_warning_of_many_trials_is_said_once(explored: Study) -> None:
    short = Caution(code="short", text="A run is short.", severity="warning")
    of_some = [t.model_copy(update={"warnings": (short,)}) for t in explored.trials()[:2]]
    said = f"#{of_some[0].number}, #{of_some[1].number}: A run is short."
    assert _warned(of_some) == [said]


def test_no_line_of_the_verdict_ends_between_a_number_and_its_unit() -> None:
    said = _with_units("#3 static int8, 2.9 ms to 0.678 ms: 1 point lost, 95 % sure, 4 samples")
    held = "#3 static int8, 2.9~ms to 0.678~ms: 1~point lost, 95~% sure, 4 samples"
    assert said == held.replace("~", "\N{NO-BREAK SPACE}")


def test_names_from_files_stay_text(explored: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    monkeypatch.setattr(Study, "title", hostile)
    html = study_report(explored)
    assert "<img" not in html and "&lt;img src=x" in html


def test_why_is_told_only_where_it_is_known(
    explored: Study, html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Nobody has asked why yet" in html
    found = Why.model_validate(
        {
            **{"recipe": "openvino", "is_original": False, "changes": []},
            "speedup": {"value": 2, "low": 1.9, "high": 2.1},
            "waterfall": {
                **{"before_ms": 2, "after_ms": 1, "change_ms": -1},
                "bars": [
                    {
                        **{"op": "Gemm", "before_ms": 2, "after_ms": 1},
                        "change_ms": {"value": -1, "low": -1.1, "high": -0.9},
                    }
                ],
            },
            "findings": [{"text": "Its <Gemm> waits.", "cost_ms": 0.2}],
            "profiled_ms": [2, 1],
        }
    )
    monkeypatch.setattr("optim.sharing.reasons.explained", lambda study, trial: found)
    told = study_report(explored)
    assert "Its &lt;Gemm&gt; waits." in told and 'id="waterfall"' in told


def test_what_is_open_is_said(explored: Study) -> None:
    trials = explored.trials()
    assert open_ends([t for t in trials if t.summary and not t.summary.provisional]) == []
    waiting = trials[0].model_copy(update={"state": "waiting", "summary": None})
    failed = trials[0].model_copy(update={"state": "failed", "summary": None})
    said = open_ends([waiting, waiting, failed])
    assert said == [
        "2 of 3 trials under way or waiting; what is known of them by now counts.",
        "1 of 3 trials failed, without a point.",
    ]


@pytest.mark.deep
@needs_chromium
def test_the_pdf_has_pages(html: str, home: Path) -> None:
    data = pdf_of(html)
    assert data.startswith(b"%PDF-") and len(data) > 20_000
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") >= 1


@pytest.mark.deep
@needs_chromium
def test_the_slide_is_opaque_light_and_16_to_9(explored: Study) -> None:
    picture = Image.open(io.BytesIO(study_slide(explored, date="2026-11-26")))
    assert picture.size == (2560, 1440) and picture.mode == "RGB"
    colours = picture.getcolors(1 << 24)
    assert colours
    corners = [picture.getpixel((x, y)) for x in (3, 2556) for y in (3, 1436)]
    assert corners == [(255, 255, 255)] * 4
    assert max(colours)[0] < 0.99 * 2560 * 1440, "it is not empty"


@pytest.mark.deep
@needs_chromium
def test_a_page_on_the_server_reaches_nothing(home: Path) -> None:
    """Neither another address nor a file: what it would load stays out, and it ends in time."""
    began = time.monotonic()
    html = '<body style="background:#fff"><img src="http://127.0.0.1:1/x.png">'
    assert picture_of(html, 64, 36, 1).startswith(b"\x89PNG")
    assert time.monotonic() - began < 90


def test_without_a_browser_it_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIM_BROWSER", "no-such-browser")
    settings.cache_clear()
    assert browser() is None
    with pytest.raises(InputError, match="print it to a PDF"):
        pdf_of("<p>")


def test_a_browser_that_fails_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIM_BROWSER", "false")
    settings.cache_clear()
    monkeypatch.setattr(browsers, "_alone", lambda: ())
    with pytest.raises(Exception, match="false made no PDF"):
        pdf_of("<p>")


def test_shares_say_what_brings_more_together_and_what_was_joined() -> None:
    loss = around(0.01)
    together = Interaction(
        toggle="static_int8", other="simplify", of="gain", with_it=around(1.9), without=around(1.0)
    )
    shares = Shares(
        recipe="simplify + static_int8",
        gain=around(3.0),
        loss=loss,
        shares=tuple(
            Share(toggles=(name,), gain=around(1.7), loss=loss)
            for name in ("simplify", "static_int8")
        ),
        interactions=(together,),
        measured=4,
        notes=("Two <toggles> share one share.",),
    )
    html = _shares("Whose gain it is", shares, "top1").html
    assert "static_int8 brings 1.90× (1.88 to 1.92) only with simplify" in html
    assert "Two &lt;toggles&gt; share one share." in html and "(Shapley value)" in html
