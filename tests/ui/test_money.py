"""The decision in money on the Export page, of the sample that ships with costs."""

import pytest
from support.explored import opened

from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.ingest.samples import find_sample
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.settings import settings
from optim.studies.study import create_study

pytestmark = pytest.mark.slow


@pytest.fixture
def loans(home, monkeypatch):
    """A study of the loans whose original is measured."""
    settings.cache_clear()
    sample = find_sample("credit")
    model = ingest(sample.model_path, evalset=sample.evalset_path)
    study = create_study(model, load_evalset(sample.evalset_path, model), sample.title)
    with Queue.open() as running:
        running.run_all(study, [study.add(Recipe.baseline())])
    return study


@pytest.mark.deep
def test_the_answer_stays_and_says_what_speed_would_earn(loans):
    page = opened("pages/export.py", loans, trial="0")
    (ask,) = (one for one in page.button if "each setting earn" in one.label)
    ask.click().run(timeout=120)
    for _ in range(2):  # an answer outlives a click elsewhere
        assert not page.exception and not page.error
        assert any("speed earns nothing" in one.value for one in page.markdown)
        assert len(page.dataframe) == 1
        page.selectbox(key="money late").set_value("accept").run()
