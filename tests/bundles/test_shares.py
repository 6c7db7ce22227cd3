"""A bundle that says whose gain it is: in the evidence, in the report, and checked on replay."""

import json
from dataclasses import replace

import pytest
from support.bundles import HOSTILE, check_of, rehash
from support.trials import around

from optim.bundles import manifest
from optim.bundles.bundle import write_bundle
from optim.bundles.replay import replay
from optim.bundles.report import report_html
from optim.findings import Interval
from optim.why.shares import Interaction, Share, Shares

pytestmark = [pytest.mark.deep, pytest.mark.usefixtures("quick")]
LOSS = Interval(value=0.01, low=0.0, high=0.02)
SHARES = Shares(
    recipe="simplify + static_int8",
    gain=around(3.0),
    loss=LOSS,
    shares=(
        Share(toggles=("simplify",), gain=around(1.5), loss=LOSS),
        Share(toggles=("static_int8", HOSTILE), gain=around(2.0), loss=LOSS),
    ),
    interactions=(
        Interaction(
            toggle="static_int8",
            other="simplify",
            of="gain",
            with_it=around(1.9),
            without=around(1.0),
        ),
    ),
    measured=4,
)


@pytest.fixture
def shared(findings, tmp_path):
    return write_bundle(replace(findings, shares=SHARES), tmp_path / "shared")


def test_it_is_in_the_report_and_the_replay_agrees(shared, bundle, findings):
    assert json.loads((shared / manifest.SHARES).read_text())["measured"] == 4
    report = (shared / manifest.REPORT).read_text()
    assert "Whose gain is it" in report and "2.00\\u00d7 (1.98 to 2.02)" in report
    assert "static_int8 brings 1.90× (1.88 to 1.92) only with simplify" in report
    assert HOSTILE not in report
    assert "Whose gain is it" not in report_html(findings)
    assert not (bundle / manifest.SHARES).exists()
    result = replay(shared)
    assert [check_of(result, name).ok for name in ("script", "evidence", "report")] == [True] * 3


def test_other_shares_than_the_report_shows_are_noticed(shared, bundle):
    text = (shared / manifest.SHARES).read_text()
    (shared / manifest.SHARES).write_text(text.replace('"value": 2.0', '"value": 9.0'))
    rehash(shared)
    assert check_of(replay(shared), "report").ok is False
