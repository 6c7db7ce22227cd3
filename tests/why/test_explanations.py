"""An explanation of a server: asked for, made in a thread, kept, stopped, failed in a sentence."""

import pytest
from support.study_tools import brought, study, wait_for

from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.studies.study import Study
from optim.why import explanation
from optim.why.explanations import Explanations
from optim.why.telling import part
from optim.why.told import told

pytestmark = pytest.mark.slow

__all__ = ["brought", "study"]  # fixtures


@pytest.fixture(autouse=True)
def not_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe takes 15 s, and is tested elsewhere."""
    monkeypatch.setattr(explanation.probing, "probe", lambda tell, cancelled: tell("nothing", 1.0))


@pytest.mark.deep
def test_it_is_made_and_kept(study: Study) -> None:
    number = study.add(Recipe.parse("static_int8 + onnxruntime"))
    with Queue.open() as queue:
        (trial,) = queue.run_all(study, [number])
        server = Explanations(lambda: queue)
        assert server.of(study, trial) is None
        server.start(study, trial)
        assert server.of(study, trial).state == "under way"
        wait_for(lambda: server.of(study, trial).state != "under way")
        found = server.of(study, trial)
        assert found.why, found.error
        assert found.why.recipe == "static_int8 + onnxruntime"
        assert "Where the time went" in told(found.why)
        assert Explanations(lambda: queue).of(study, trial).why == found.why


@pytest.mark.deep
def test_stopped_it_leaves_nothing(study: Study) -> None:
    number = study.add(Recipe.parse("onnxruntime"))
    with Queue.open() as queue:
        (trial,) = queue.run_all(study, [number])
        server = Explanations(lambda: queue)
        server.start(study, trial)
        server.stop(study, trial)
        wait_for(lambda: server.of(study, trial) is None)


def test_an_estimate_is_refused_in_a_sentence(study: Study) -> None:
    number = study.add(Recipe.parse("onnxruntime"), "nvidia_t4")
    with Queue.open() as queue:
        (trial,) = queue.run_all(study, [number])
        server = Explanations(lambda: queue)
        server.start(study, trial)
        wait_for(lambda: server.of(study, trial).state == "failed")
        assert "was not measured on this machine" in server.of(study, trial).error


def test_a_part_moves_within_its_share_of_the_whole() -> None:
    heard: list[tuple[str, float]] = []
    probing = part(part(lambda *news: heard.append(news), 0.0, 0.5), 0.2, 0.6, "probing: ")
    probing("one core", 0.0)
    probing("one core", 0.5)
    assert heard == [("probing: one core", pytest.approx(0.1)), ("probing: one core", 0.2)]
