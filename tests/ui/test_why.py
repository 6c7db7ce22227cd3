"""Whose gain it is and where the quality went, on the Why page."""

import json
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from support.explored import RECIPES, visited
from support.study_tools import wait_for, write_classifier

from optim.evalset import load_evalset
from optim.graph import Analysis, NodeRow
from optim.recipe import Recipe
from optim.studies.study import Study, create_study
from optim.why.layers import TensorError
from optim.why.leaving_out import Rounded
from optim.why.samples import Answer, Sample, Samples, Shown
from ui.state import queue
from ui.why import charts, went, worst
from ui.why.time import on_graph

pytestmark = pytest.mark.slow

WHOLE = "simplify + static_int8 + onnxruntime"


def page_text(page: AppTest) -> str:
    text = "\n".join(element.value for element in (*page.markdown, *page.caption))
    return text.replace("\\", "")


def button(page: AppTest, label: str):
    (found,) = [one for one in page.button if label in one.label.replace("\\", "")]
    return found


@pytest.fixture(scope="module")
def explored(explored: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of its own beside the one that other tests look at: of fewer samples."""
    folder = tmp_path_factory.mktemp("why")
    _, path = write_classifier(folder)
    with np.load(path) as arrays:
        np.savez(path, **{n: a if n == "metric" else a[:70] for n, a in arrays.items()})
    study = create_study(explored.model, load_evalset(path, explored.model))
    numbers = [study.add(Recipe.parse(text)) for text in RECIPES]
    numbers.append(study.add(Recipe.parse("onnxruntime"), "nvidia_t4"))
    trials = queue().run_all(study, numbers)
    assert [trial.state for trial in trials] == ["done"] * 4, [t.error for t in trials]
    return study


@pytest.fixture(scope="module")
def whole(explored: Study) -> int:
    """The trial of a recipe with two toggles, one of which is measured by itself already."""
    number = explored.add(Recipe.parse(WHOLE))
    queue().run_all(explored, [number])
    assert explored.trial(number).state == "done"
    return number


@pytest.mark.deep
def test_what_is_missing_is_told_queued_and_then_drawn(explored: Study, whole: int) -> None:
    page = visited("why", explored, trial=str(whole), view="1")
    assert "1 sub-recipe still to be measured: about" in page_text(page)
    assert not _waterfalls(page)
    button(page, "Measure 1 sub-recipe").click().run()
    assert not page.exception
    wait_for(lambda: all(trial.finished for trial in explored.trials()))
    measured = [t for t in explored.trials() if t.recipe == Recipe.parse("simplify")]
    assert [(t.state, t.origin) for t in measured] == [("done", "why")]
    page = visited("why", explored, trial=str(whole), view="1")
    (chart,) = _waterfalls(page)
    names = chart["data"][0]["y"]
    assert names == ["simplify", "static_int8", "together"]
    assert "from 4 measured recipes" in page_text(page)
    (rows,) = [table.value for table in page.dataframe if "recipe" in table.value.columns]
    assert [*rows["recipe"]] == ["onnxruntime", "simplify + onnxruntime", RECIPES[1], WHOLE]
    assert [*rows["state"]] == ["the original itself", "done", "done", "done"]
    gain = explored.trial(whole).summary.gain.value  # type: ignore[union-attr]
    ends = [a + b for a, b in zip(chart["data"][0]["x"], chart["data"][0]["base"], strict=True)]
    assert ends[-1] == pytest.approx(gain) and ends[-2] == pytest.approx(gain)


def _waterfalls(page: AppTest) -> list:
    specs = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    return [spec for spec in specs if "xaxis2" in spec["layout"]]


@pytest.mark.deep
def test_one_toggle_has_it_all_and_the_original_none(explored: Study) -> None:
    one = visited("why", explored, trial="1", view="1")
    assert "All of it is static_int8's" in page_text(one)
    assert "no gain to share" in page_text(visited("why", explored, trial="0", view="1"))


def test_inside_a_trial_and_one_click_leaves_a_node_out(explored: Study) -> None:
    page = visited("why", explored, trial="1", view="2")
    assert "some seconds" in page_text(page)
    button(page, "Look inside").click().run()
    assert not page.exception and not page.error
    text = page_text(page)
    assert "The error jumps" in text
    assert re.search(r"Of 53 validation samples \w+ became wrong and \w+ right", text)
    assert "Original: **" in text and "Optimized: **" in text and "Label: **" in text
    chooser = page.selectbox[-1]
    assert [*chooser.options][-1].endswith("(MatMul)")
    before = {trial.number for trial in explored.trials()}
    leave = button(page, "in float")
    leave.click().run()
    (new,) = [t for t in explored.trials() if t.number not in before]
    assert new.origin == "why" and "exclude=" in new.recipe.spelling
    assert f"That is trial {new.number}" in page_text(page)
    wait_for(lambda: explored.trial(new.number).finished)
    assert explored.trial(new.number).state == "done"
    assert re.search(rf"trial {new.number}\. #{new.number}: .* as fast as #", page_text(page.run()))
    specs = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    assert any(trace["type"] == "heatmap" for spec in specs for trace in spec["data"])


def error(tensor: str, sqnr: float | None, is_output: bool = False) -> TensorError:
    return TensorError(
        tensor=tensor, node=f"node <{tensor}>", op="Conv", sqnr_db=sqnr, is_output=is_output
    )


def test_the_jump_is_marked_and_told() -> None:
    errors = [error("a", 200.0), error("b", 30.0), error("c", None), error("d", 5.0, True)]
    figure = charts.error_by_layer(errors, errors[3], "b")
    points, ring = figure.data[0], figure.data[1]
    assert [*points.x] == [1, 2, 4] and [*points.y] == [100, 30, 5]
    assert [*points.marker.symbol] == ["circle", "circle", "square"]
    usual, same, jumped = points.marker.color
    assert usual == same != jumped
    assert [*ring.x] == [2]
    assert "jumps at node &lt;d&gt;" in [one.text for one in figure.layout.annotations]


def test_without_a_jump_the_first_shown_is_where_something_can_be_done() -> None:
    errors = (error("free", 20.0), error("rounded", 40.0), error("least", 50.0))
    rounded = Rounded(by={"rounded": ("node",), "least": ("other",)})
    assert went._worst(errors, rounded).tensor == "rounded"
    assert went._worst(errors, Rounded()).tensor == "free"


class _Named:
    """An EvalSet's names alone."""

    classes = ("ant", "<b>bee</b>")
    metric = "top1"
    labelled = True


def test_answers_read_as_classes_or_numbers() -> None:
    sample = Sample(
        number=3,
        lost=1.0,
        sqnr_db=9.5,
        original=Answer(chosen=0, values=(2.5, 1.0)),
        optimized=Answer(chosen=1, values=(2.5, 3.0)),
        label=Answer(chosen=7, values=(7.0,)),
        inputs=(Shown(name="x", kind="row", values=(1.0, 2.0), size=2),),
    )
    rows = worst.answer_rows(sample, _Named())  # type: ignore[arg-type]
    assert rows == [
        ("Original", "ant (score 2.5)"),
        ("Optimized", "<b>bee</b> (score 3)"),
        ("Label", "7"),
    ]
    numbers = Answer(values=tuple(map(float, range(10))))
    assert worst.answered(numbers, _Named()) == "0, 1, 2, 3, 4, 5 …"  # type: ignore[arg-type]
    row = Shown(name="facts", kind="row", values=(20000.0, 6.9712, 274100.0), size=3)
    assert worst.written(row) == "20000, 6.971, 274100"
    assert worst.written(row, ("sum", "rate")) == "sum 20000, rate 6.971, 274100"
    ids = Shown(name="ids", kind="tokens", values=(5.0, 9.0), size=12, about="10 zeros")
    assert worst.written(ids) == "5, 9 (10 zeros)"
    mask = Shown(name="mask", kind="tokens", values=(1.0,) * 9, size=9)
    assert worst.written(mask) == "9 × 1"


def test_the_matrix_colours_what_differs() -> None:
    found = Samples(
        worst=(),
        counted=10,
        total=20,
        lost=1,
        won=0,
        changed=1,
        output="y",
        classes=(0, 1),
        agreement=((6, 1), (0, 3)),
    )
    (map_,) = charts.agreement(found, ["ant", "<b>"]).data
    assert [*map(list, map_.z)] == [[-1 / 7, 1 / 7], [None, -1 / 7]]  # none is drawn without text
    assert [*map(list, map_.text)] == [["6", "1"], ["", "3"]] and map_.x[1] == "&lt;b&gt;"
    assert worst.said_of(found, _Named()).startswith(  # type: ignore[arg-type]
        "Of the first 10 of 20 validation samples 1 became wrong and none right; 1 of another class"
    )


def test_an_input_leads_to_the_nodes_that_read_it() -> None:
    rows = (
        NodeRow(name="embed", op="Gather", reads=("table", "ids"), writes=("h",)),
        NodeRow(name="sum", op="Add", reads=("h", "b"), writes=("y",)),
    )
    graph = Analysis.model_construct(nodes=rows)
    assert on_graph(graph, ("ids", "y", "sum")) == (["embed", "sum"], [])


def test_what_an_engine_added_leads_nowhere() -> None:
    graph = Analysis.model_construct(nodes=(NodeRow(name="sum", op="Add"),))
    assert on_graph(graph, ("reorder_7", "sum")) == (["sum"], ["reorder_7"])
