"""A real bundle of a small model, and a copy of it to change."""

import shutil

import numpy as np
import pytest
from support import evalset_models as models
from support.bundles import HOSTILE, RECIPE, study_trials

from optim.build import built
from optim.bundles import replay as replaying
from optim.bundles.bundle import write_bundle
from optim.bundles.report import Findings, Points
from optim.evalset import load_evalset
from optim.findings import Caution
from optim.home.files import hash_files
from optim.judging.quality import quality_of
from optim.settings import settings
from optim.timing.measure import slice_of
from optim.timing.measurement import Measurement
from optim.timing.stopping import StoppingRule

CAUTION = Caution(code="content", text="Its times <depend> on made-up inputs.", severity="info")


@pytest.fixture(scope="module")
def monkeymodule():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def findings(tmp_path_factory, monkeymodule):
    """A small model optimized, timed in two short slices and judged: everything is real."""
    folder = tmp_path_factory.mktemp("bundles")
    monkeymodule.setenv("OPTIM_HOME", str(folder / "home"))
    settings.cache_clear()
    model = models.classifier(folder).model_copy(update={"name": HOSTILE})
    x = np.random.default_rng(0).standard_normal((200, models.FEATURES)).astype(np.float32)
    np.savez(folder / "e.npz", x=x, labels=np.arange(200) % models.CLASSES)
    evalset = load_evalset(folder / "e.npz", model)
    made = built(model, RECIPE, evalset)
    measured = Measurement()
    for seed in range(2):
        part = slice_of(made.model, model, RECIPE, evalset, seconds=0.1, seed=seed)
        measured = measured.plus(part)
    quality = quality_of(made.model, model, RECIPE, evalset)
    points = Points.of(study_trials(), quality.metric, 1)
    known = (model, evalset, RECIPE, made.model, made.reports, measured, quality, points)
    yield Findings(*known, cautions=(CAUTION,))
    settings.cache_clear()


@pytest.fixture(scope="module")
def exported(findings, tmp_path_factory):
    return write_bundle(findings, tmp_path_factory.mktemp("exported") / "bundle")


@pytest.fixture
def bundle(exported, tmp_path, monkeypatch):
    """A copy to change, and replays that time little."""
    once = StoppingRule(budget_seconds=0.05)
    monkeypatch.setattr(StoppingRule, "of_settings", lambda: once)
    return shutil.copytree(exported, tmp_path / "bundle")


@pytest.fixture(scope="module")
def done():
    """The steps of replays by what goes into them: the same of two bundles is done once."""
    return {}


@pytest.fixture
def quick(done, monkeypatch):
    """Replays whose steps are real, but not done again for files that another test left alone."""

    def kept(step, key):
        def do(*given, **named):
            asked = (step.__name__, key(*given, **named))
            if asked not in done:
                done[asked] = step(*given, **named)
            return done[asked]

        monkeypatch.setattr(replaying, step.__name__, do)

    def of_values(*given, **named):
        return repr(given), repr(named)

    def of_file(path, *given, **named):
        return hash_files(path), of_values(*given, **named)

    for step in (replaying.ingest, replaying.adopt_evalset):
        kept(step, of_file)
    for step in (replaying.built, replaying.slice_of, replaying.quality_of):
        kept(step, of_values)
