"""Run times and the front's work, measured in a real child; the command and the page."""

import json

import numpy as np
import pytest
from support.explored import explored, opened

from optim.cli import main
from optim.recipe import Recipe
from optim.settings import settings
from optim.twin.service import measured

__all__ = ["explored"]
pytestmark = pytest.mark.deep


def test_batches_and_the_front_are_measured(explored):
    found = measured(explored.model, Recipe.baseline(), explored.evalset, 4)
    assert sorted(found.runs) == [1, 2, 4]
    assert all((times > 0).all() and len(times) >= 30 for times in found.runs.values())
    assert 1e-5 < found.front_s < 0.1 and found.front_spread >= 1
    draw = found.draw(np.random.default_rng(0))
    assert set(draw(3, 50)) <= set(found.runs[4]), "filled up to the next size"


@pytest.fixture
def deep(home, monkeypatch):
    """A home folder with a long name: a socket's may have some hundred letters only."""
    monkeypatch.setenv("OPTIM_HOME", str(home / ("d" * 120)))
    settings.cache_clear()


def test_the_command_answers(deep, capsys):
    code = main(["twin", "sample:credit", "--rate", "500", "--p99", "200ms", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert code == 0 and {"local", "genoa"} <= {row["target"] for row in rows}
    (here,) = (row for row in rows if row["target"] == "local")
    assert here["measured"] and here["sized"]["replicas"]["value"] >= 1
    (genoa,) = (row for row in rows if row["target"] == "genoa")
    assert not genoa["measured"] and genoa["usd_hour"]["value"] > 0


def test_the_page_answers(explored):
    page = opened("pages/hardware.py", explored, trial="1")
    _asked(page, "Requests a second").set_value(200.0)
    _asked(page, "Of 100 answers, 99 have to come within, ms (p99)").set_value(500.0)
    (ask,) = (one for one in page.button if one.label == "Ask the twin")
    ask.click().run(timeout=120)
    assert not page.exception and not page.error
    said = [one.value.replace("\\", "") for one in page.markdown]
    assert any("200 requests a second at p99 500 ms" in one for one in said)
    assert any("simulation" in one.value for one in page.caption)


def test_the_rate_that_is_asked_for_follows_the_trial(explored):
    rates = {
        number: _asked(opened("pages/hardware.py", explored, trial=number), "Requests a second").key
        for number in ("1", "2")
    }
    assert rates["1"] != rates["2"], "one field for both would keep the first trial's rate"


def _asked(page, label):
    (found,) = (one for one in page.number_input if one.label == label)
    return found
