"""What a search says would help most."""

from dataclasses import replace

from optim.findings import Interval
from optim.part import Circumstances
from optim.runtimes.base import all_runtimes
from optim.search.answer import answer
from optim.search.news import News, Row
from optim.search.space import installable
from optim.studies.goal import DEFAULT
from optim.studies.picking import Facts


def span(value: float) -> Interval:
    return Interval(value=value, low=0.95 * value, high=1.05 * value)


PICKED = Facts("engine", 1, False, span(2.0), span(2.0), Interval(value=0.0, low=0.0, high=0.0))


def helped(*rows: Row, labelled: bool = False) -> str:
    news = News(rows=rows, doing="", seconds=60.0)
    return answer(PICKED, news, DEFAULT, labelled=labelled, spent=True).help


def test_what_was_faster_and_not_judged_asks_for_time() -> None:
    trained = Row(recipe="pruned", state="timed", expected=span(3.0), gain=span(3.8))
    assert helped(trained).startswith("A larger budget: pruned was timed at 3.80x")
    slower = trained.model_copy(update={"gain": span(2.01)})
    assert helped(slower).startswith("Labels: ")


def test_a_run_that_is_no_longer_than_a_call_asks_for_fewer_calls() -> None:
    short = replace(PICKED, is_original=True, gain=span(1.0), p50_ms=0.014)
    news = News(rows=(), doing="", seconds=60.0, not_reached=("int8",))
    said = answer(short, news, DEFAULT, labelled=True, spent=True).help
    assert said.startswith("Fewer calls: one run takes 14 µs")
    longer = answer(replace(short, p50_ms=3.0), news, DEFAULT, labelled=True, spent=True).help
    assert longer.startswith("A larger budget: int8")


def test_what_loses_too_much_does_not() -> None:
    lossy = Row(
        recipe="int8", state="not chosen", expected=span(3.0), gain=span(3.8), loss=span(0.2)
    )
    assert "int8 is faster" in helped(lossy, labelled=True)


def test_where_all_was_tried_engines_that_are_not_installed_may_help() -> None:
    news = News(rows=(), doing="", seconds=10.0)
    engine = all_runtimes()["litert"]
    said = answer(PICKED, news, DEFAULT, labelled=True, spent=False, absent=[engine]).help
    assert said.startswith("Another engine: LiteRT can be tried once installed.")
    assert "optim install litert" in said
    assert helped(labelled=True).startswith("Another CPU")


def test_engines_that_could_be_installed_take_the_model_and_are_not_here(monkeypatch) -> None:
    assert all_runtimes()["litert"] in installable(Circumstances({"Gemm": 1}))
    trees = installable(Circumstances({"ai.onnx.ml.TreeEnsembleClassifier": 1}))
    assert {kind.name for kind in trees} <= {"treelite"}  # none, where that is here
    monkeypatch.setattr(all_runtimes()["litert"], "missing", classmethod(lambda cls: ()))
    assert all_runtimes()["litert"] not in installable(Circumstances({"Gemm": 1}))
