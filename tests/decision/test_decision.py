"""Money by what was decided: the table of costs, the threshold, lateness, paired intervals."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.cli import main
from optim.decision import telling
from optim.decision.costs import Costs, costs_of, example_for
from optim.decision.expected import PER, judged, late_shares, rounds_of
from optim.errors import InputError
from optim.settings import settings

pytestmark = pytest.mark.slow

COSTS = Costs(false_alarm=2.0, miss=10.0, value=3.0, late="refuse", deadline_ms=5.0)
BAD = np.array([True, True, False, False])


def test_each_outcome_has_its_money():
    refused = np.array([True, False, True, False])
    assert COSTS.money(refused, BAD).tolist() == [0, -10, -2, 3]
    assert COSTS.fallen_back(BAD).tolist() == [0, 0, -2, -2]
    accepting = COSTS.model_copy(update={"late": "accept"})
    assert accepting.fallen_back(BAD).tolist() == [-10, -10, 3, 3]


@given(alarm=st.floats(0, 100), miss=st.floats(0.1, 100), value=st.floats(0, 100))
def test_at_the_threshold_both_decisions_bring_the_same(alarm, miss, value):
    costs = Costs(false_alarm=alarm, miss=miss, value=value)
    p = costs.threshold
    accepted = p * -miss + (1 - p) * value
    refused = (1 - p) * -alarm
    assert accepted == pytest.approx(refused, abs=1e-9)


def trial(number):
    return SimpleNamespace(number=number, recipe=SimpleNamespace(spelling=f"r{number}"))


def played(scores, lates, bad=BAD, costs=COSTS):
    beside = [(late, lates[0]) for late in lates]
    return judged([trial(n) for n in range(len(scores))], scores, beside, bad, costs)


def test_amounts_are_those_of_the_decisions_and_of_the_late():
    right = np.array([0.9, 0.9, 0.1, 0.1])
    (found,) = played([right], [np.zeros(3)])
    assert found.money.value == PER * (0 + 0 + 3 + 3) / 4
    assert (found.missed, found.alarmed, found.refused) == (0, 0, 0.5)
    (late,) = played([right], [np.ones(3)])
    assert late.money.value == PER * (0 + 0 - 2 - 2) / 4
    (half,) = played([right], [np.array([0.0, 1.0])])
    assert half.money.value == pytest.approx((found.money.value + late.money.value) / 2)


def test_the_difference_is_paired():
    """Two models that decide alike differ by nothing, however wide their amounts are."""
    rng = np.random.default_rng(0)
    bad, scores = rng.random(400) < 0.2, rng.random(400)
    first, same = played([scores, scores.copy()], [np.zeros(5)] * 2, bad)
    assert first.money.high - first.money.low > 100
    assert (same.more.value, same.more.low, same.more.high) == (0, 0, 0)
    one_less = scores.copy()
    one_less[np.argmax(~bad & (scores > COSTS.threshold))] = 0.0
    _, other = played([scores, one_less], [np.zeros(5)] * 2, bad)
    assert 0 <= other.more.low <= other.more.value == pytest.approx(PER * 5 / 400)
    assert other.more.high - other.more.low < 0.2 * (first.money.high - first.money.low)


def test_scores_that_are_no_probabilities_are_told_as_such():
    rng = np.random.default_rng(1)
    true = rng.beta(1, 9, 4_000)
    bad, nothing = rng.random(len(true)) < true, [np.zeros(5)]
    assert not telling.calibration(played([true], nothing, bad), COSTS)
    low = telling.calibration(played([true / 4], nothing, bad), COSTS)
    assert "not calibrated" in low and "refuses too few" in low
    assert "too many" in telling.calibration(played([true**0.3], nothing, bad), COSTS)


def test_what_a_request_brings_keeps_its_cents():
    assert "brings 0.30 $" in telling.terms(COSTS.model_copy(update={"value": 0.3}))
    assert "brings 3 $" in telling.terms(COSTS)


def test_a_drift_of_the_machine_is_no_difference():
    """A setting that was timed on a bad day, beside an original that was as slow then."""
    scores = np.array([0.9, 0.9, 0.1, 0.1])
    good, bad_day = np.zeros(4), np.ones(4)
    lates = [(good, good), (bad_day, bad_day)]
    first, other = judged([trial(0), trial(1)], [scores, scores], lates, BAD, COSTS)
    assert other.late == 1.0 and other.more.value == 0 and other.money == first.money


def test_run_times_are_where_the_study_has_them():
    """Timed while the machine was three times as busy: late is what would be late by itself."""
    piece = SimpleNamespace(arms={"candidate": [[6e6, 9e6]], "baseline": [[12e6]]})
    study = SimpleNamespace(measurement=lambda _: SimpleNamespace(slices=[piece]))
    busy = SimpleNamespace(number=1, summary=SimpleNamespace(slowed=3.0))
    (own,), (beside,) = rounds_of(study, busy)
    assert own.tolist() == [2, 3] and beside.tolist() == [4]
    assert late_shares([own], COSTS, 0.0).tolist() == [0]


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng, held = np.random.default_rng(1), 0
    truth = PER * (0.2 * 0.5 * -10 + 0.8 * (0.5 * 3 + 0.5 * -2))
    for _ in range(100):
        bad, scores = rng.random(300) < 0.2, rng.choice([0.0, 1.0], 300)
        (found,) = played([scores], [np.zeros(4)], bad)
        held += found.money.low <= truth <= found.money.high
    assert 85 <= held <= 100


def test_late_by_run_times_and_by_waiting():
    rounds = [np.array([1.0, 9.0]), np.array([1.0, 1.0])]
    assert late_shares(rounds, COSTS, 0.0).tolist() == [0.5, 0.0]
    assert late_shares(rounds, COSTS, 0.0, front_ms=4.5).tolist() == [1.0, 1.0]
    quick = [np.full(50, 1.0)]
    calm, busy = (late_shares(quick, COSTS, rate).mean() for rate in (100.0, 950.0))
    assert calm < 0.01 < 0.2 < busy, "a server that is nearly full answers late"


def test_the_credit_sample_has_an_example_that_says_where_it_is_from():
    for title in ("Loan risk", "Loan risk, by trees"):
        costs = example_for(title)
        assert costs and 0.05 < costs.threshold < 0.3 and "assumption" in costs.source
    assert example_for("Mail filter") is None


@pytest.mark.deep
def test_the_credit_sample_in_money(home, capsys, monkeypatch):
    monkeypatch.setenv("OPTIM_TRIAL_SECONDS", "0.2")
    settings.cache_clear()
    assert main(["measure", "sample:credit_trees"]) == 0
    capsys.readouterr()
    assert main(["decide", "Loan risk, by trees", "--json"]) == 0
    (first,) = json.loads(capsys.readouterr().out)
    assert first["more"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert 0.01 < first["refused"] < 0.2 and 0.5 < first["missed"] < 1
    assert first["money"]["low"] < first["money"]["value"] < first["money"]["high"]


def test_costs_of_ones_own_are_read_and_checked(tmp_path):
    (tmp_path / "c.yaml").write_text("miss: 10\nfalse_alarm: 2\n")
    assert costs_of(tmp_path / "c.yaml").miss == 10
    (tmp_path / "c.yaml").write_text("miss: -1\nfalse_alarm: 2\n")
    with pytest.raises(InputError, match=r"holds no costs.*It has: false_alarm, miss"):
        costs_of(tmp_path / "c.yaml")
    with pytest.raises(InputError, match="no file of costs"):
        costs_of(tmp_path / "none.yaml")
