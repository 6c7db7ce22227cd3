"""What the pages do on a small real study: choose, build recipes, act on trials, show the graph."""

import io
import re
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from support.explored import RECIPES, visited
from support.paths import ROOT

from optim import sandbox, targets
from optim.findings import Caution
from optim.ingest.samples import list_samples
from optim.machine.gpus import Gpu
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.running.items import QueueItem
from optim.running.queue import Queue
from optim.runtimes.base import all_runtimes
from optim.runtimes.support.elsewhere import ELSEWHERE
from optim.settings import settings
from optim.showing.figure import Where
from optim.showing.figures import figures_for
from optim.studies.goal import Goal
from optim.studies.study import Study, create_study, open_study
from optim.targets import all_targets
from ui import protecting, state
from ui.server.stamp import now
from ui.state import queue
from ui.text import key_of

pytestmark = pytest.mark.slow


@pytest.fixture
def explore(explored: Study) -> Iterator[AppTest]:
    yield visited("explore", explored)


def _shown(page: AppTest) -> str:
    kinds = ("markdown", "caption", "code", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


def _trials(page: AppTest) -> pd.DataFrame:
    (table,) = [table.value for table in page.dataframe if "recipe" in table.value]
    return table


def _recipe(page: AppTest) -> str:
    (line,) = [each.proto.body for each in page.sidebar.get("html") if "as-code" in each.proto.body]
    return unescape(re.sub("<[^>]*>", "", line))


def test_start_offers_every_sample_and_the_studies(explored: Study) -> None:
    page = visited("start")
    for sample in list_samples():
        assert page.button(key=f"sample:{sample.name}")
        assert f"**{sample.title}**" in _shown(page)
    assert [link.proto.label for link in page.get("page_link")][0].startswith(
        "**classifier** · 4 trials"
    )


def test_start_without_studies_says_so(home: Path) -> None:
    assert "None yet" in _shown(visited("start"))
    queue.clear()


def test_parts_lists_every_part_and_every_figure_with_its_source() -> None:
    page = visited("parts")
    titles = " ".join(expander.label for expander in page.expander)
    for name in (*all_passes(), *all_runtimes(), *all_targets()):
        assert f"`{name}`" in titles
    assert all(one.title in titles for one in ELSEWHERE)
    sheets = [table.value for table in page.table if "source" in table.value]
    assert len(sheets) == len(all_targets())
    assert all((sheet["source"].str.len() > 3).all() for sheet in sheets)


@pytest.mark.parametrize("name", ["explore", "graph", "compare", "export"])
def test_without_a_study_every_page_leads_to_the_start(name: str) -> None:
    page = visited(name)
    assert "No study is open" in page.info[0].value
    assert page.get("page_link")


def test_an_unknown_study_is_one_sentence(explored: Study) -> None:
    page = visited("explore", study="nothing-like-it")
    assert "There is no study named" in page.error[0].value


def test_explore_shows_every_trial_and_a_decision(explore: AppTest) -> None:
    table = _trials(explore)
    assert list(table["recipe"]) == [*RECIPES, "onnxruntime"]
    assert list(table["state"]) == ["done"] * 4
    assert table["hardware"][3].startswith("estimate: ")
    assert "Speed-up" in [metric.label for metric in explore.metric]
    assert table["quality_difference"][0] == 0 and not table["quality_difference interval"][0]


def test_what_the_verdict_has_said_is_not_said_again(explored: Study) -> None:
    trial = next(t for t in explored.trials() if "few_samples" in {w.code for w in t.warnings})
    page = visited("explore", explored, trial=str(trial.number))
    said = [box.value for box in (*page.info, *page.warning, *page.error)]
    assert any("cannot rule out" in text or "95 % interval" in text for text in said)
    assert not any("tell the difference" in text for text in said)


def test_every_figure_that_says_so_can_be_an_axis(explored: Study, explore: AppTest) -> None:
    known = figures_for(Where.AXIS, explored.evalset.metric)
    assert explore.selectbox(key="x").options == [figure.title for figure in known.values()]
    for name in known:
        explore.selectbox(key="x").select(name).run()
        assert not explore.exception
    explore.toggle(key="log").set_value(True).run()
    assert not explore.exception


def test_toggles_make_the_recipe_and_rivals_switch_off(explore: AppTest) -> None:
    explore.toggle(key="build.simplify").set_value(True)
    explore.toggle(key="build.fp16").set_value(True).run()
    assert _recipe(explore) == "simplify + fp16 + onnxruntime"
    explore.toggle(key="build.static_int8").set_value(True).run()
    assert _recipe(explore) == "simplify + static_int8 + onnxruntime"
    explore.selectbox(key="build:runtime").select("openvino").run()
    explore.selectbox(key="build.openvino.precision").select("bf16").run()
    assert _recipe(explore) == "simplify + static_int8 + openvino:precision=bf16"


def test_toggles_that_are_folded_away_are_drawn_once_they_are_used(explore: AppTest) -> None:
    drawn = {toggle.key for toggle in explore.sidebar.toggle}
    assert "build.simplify" in drawn and "build.fold_batchnorm" not in drawn
    recipe = "fold_batchnorm + remove_dead + onnxruntime"
    explore.text_input(key="build:typed").set_value(recipe).run()
    assert explore.toggle(key="build.fold_batchnorm").value and _recipe(explore) == recipe
    explore.toggle(key="build.share_subexpressions").set_value(True).run()
    assert not explore.exception
    assert _recipe(explore).startswith("fold_batchnorm + share_subexpressions + remove_dead + ")
    opened = [fold.label for fold in explore.sidebar.expander if fold.proto.expanded]
    assert opened == ["Graph, step by step"]


def test_a_typed_recipe_sets_the_toggles(explore: AppTest) -> None:
    text = "simplify + static_int8:samples=7 + onnxruntime:graph=basic"
    explore.text_input(key="build:typed").set_value(text).run()
    assert _recipe(explore) == text
    assert explore.toggle(key="build.static_int8").value
    explore.text_input(key="build:typed").set_value("onnxruntime").run()
    assert _recipe(explore) == "onnxruntime"


@pytest.mark.parametrize(
    ("text", "said"),
    [("nonsense", "no part named"), ("static_int8 + fp16", "both change the precision stage"),
     ("onnxruntime:threads=0", "greater than or equal to 1")],
)  # fmt: skip
def test_typed_nonsense_is_one_sentence(explore: AppTest, text: str, said: str) -> None:
    explore.text_input(key="build:typed").set_value(text).run()
    assert said in explore.error[0].value.replace("\\", "")
    assert _recipe(explore) == "onnxruntime"


def test_what_is_known_to_hurt_is_said_before_it_is_measured(explore: AppTest) -> None:
    explore.toggle(key="build.static_int8").set_value(True).run()
    explore.selectbox(key="build.static_int8.activations").select("s8").run()
    assert any("Signed activations" in warning.value for warning in explore.sidebar.warning)


def test_a_modelled_target_gives_an_estimate_at_once(explore: AppTest) -> None:
    explore.multiselect(key="build:target").set_value(["nvidia_l4"]).run()
    assert any("estimate: **" in caption.value for caption in explore.sidebar.caption)
    explore.selectbox(key="build:runtime").select("openvino").run()
    assert not explore.exception


def test_a_gpu_of_this_machine_is_a_target_and_takes_its_own_engines(
    explore: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "gpus", lambda: (Gpu("NVIDIA H100", 81559, "580"),))
    all_targets.cache_clear()
    try:
        explore.run()
        explore.multiselect(key="build:target").set_value(["cuda"]).run()
        assert any("runs as `cuda`" in caption.value for caption in explore.sidebar.caption)
        explore.selectbox(key="build:runtime").select("openvino").run()
        assert "computes on the CPU" in explore.error[0].value and not explore.exception
    finally:
        all_targets.cache_clear()


def test_a_trial_can_be_looked_at_pinned_noted_and_edited(
    explored: Study, explore: AppTest
) -> None:
    explore.session_state[key_of("trial", explored.name)] = 1
    explore.run()
    assert "**Trial 1**" in _shown(explore)
    explore.button(key="pin").click().run()
    explore.text_input(key=key_of("note", explored.name, 1)).set_value("keep this").run()
    trial = open_study(explored.name).trial(1)
    assert trial.pinned and trial.note == "keep this"
    explore.text_input(key="filter").set_value("keep").run()
    assert list(_trials(explore)["#"]) == [1]
    explore.button(key="copy").click().run()
    assert _recipe(explore) == "static_int8 + onnxruntime"
    explore.button(key="pin").click().run()
    assert not open_study(explored.name).trial(1).pinned


def test_what_is_deleted_can_be_brought_back_and_the_original_stays(
    explored: Study, explore: AppTest
) -> None:
    explore.session_state[key_of("trial", explored.name)] = 2
    explore.run()
    explore.button(key="delete").click().run()
    assert 2 not in list(_trials(explore)["#"]) and "Deleted #2." in _shown(explore)
    explore.button(key="undelete").click().run()
    assert 2 in list(_trials(explore)["#"]) and "Deleted" not in _shown(explore)
    explore.session_state[key_of("trial", explored.name)] = 0
    explore.run()
    assert explore.button(key="delete").disabled


def goal_of_page(page: AppTest, study: Study) -> Goal:
    found: Goal = page.session_state[key_of("goal", study.name)]
    return found


def test_axes_filters_and_trial_are_in_the_address(explored: Study) -> None:
    address = {"trial": "1", "x": "Model size", "filter": "openvino", "log": "true", "loss": "2.5"}
    page = visited("explore", explored, **address)
    assert goal_of_page(page, explored).max_loss == pytest.approx(0.025)
    assert "**Trial 1**" in _shown(page)
    assert page.selectbox(key="x").value == "size" and page.toggle(key="log").value
    assert list(_trials(page)["recipe"]) == ["openvino"]
    assert "1 of 4 trials pass the filter" in _shown(page)


def test_a_link_from_another_page_leads_to_its_trial(explored: Study) -> None:
    """Whatever was looked at before in the same session."""
    page = visited("explore", explored, trial="2")
    for name, number in (("why", "2"), ("explore", "1")):
        page.switch_page(f"../pages/{name}.py")
        page.query_params["trial"] = number
        page.run()
        assert not page.exception
    assert any(text.value.startswith("**Trial 1**") for text in page.markdown)


def test_several_targets_are_added_at_once_and_estimates_are_no_work(
    explored: Study, explore: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "_send", lambda self, item: pytest.fail("it was queued"))
    sidebar = [element.key for element in explore.sidebar if hasattr(element, "key")]
    # The field of targets is a line lower once it is left: a button below it was not pressed.
    assert sidebar.index("add") < sidebar.index("build:target")
    explore.multiselect(key="build:target").set_value(["nvidia_l4", "graviton4"])
    explore.run()
    explore.button(key="add").click().run()
    added = [t for t in explored.trials() if t.target in ("nvidia_l4", "graviton4")]
    assert [(t.state, bool(t.estimate), bool(t.quality)) for t in added] == [
        ("done", True, True)
    ] * 2
    assert "estimate" in _shown(explore) and "measured, interval" not in _shown(explore)
    for trial in added:
        explored.delete(trial.number)


def test_advice_is_silent_where_the_recipe_was_measured_to_be_faster(
    explored: Study, explore: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.explore.builder.advise", lambda *_: [Caution(code="c", text="Slow.")])
    explore.run()
    assert [warning.value for warning in explore.sidebar.warning] == ["Slow\\."]
    original = explored.trials()[0]
    assert original.summary
    faster = original.summary.speedup.model_copy(update={"value": 2.0, "low": 1.5, "high": 2.5})
    fast = original.summary.model_copy(update={"speedup": faster})
    shown = [original.model_copy(update={"summary": fast})]
    monkeypatch.setattr(Study, "trials", lambda self: shown)
    explore.run()
    assert not explore.sidebar.warning


def test_all_that_was_interrupted_is_retried_at_once(explored: Study) -> None:
    numbers = [explored.add(Recipe.parse(f"onnxruntime:threads={n}")) for n in (3, 4)]
    for number in numbers:
        explored.interrupt(number, "The program was stopped.")
    page = visited("explore", explored)
    page.button(key="retry_interrupted").click().run()
    again = [trial for trial in explored.trials() if trial.recipe.runtime.threads in (3, 4)]
    assert [trial.state for trial in again] != ["interrupted"] * 2
    assert not {trial.number for trial in again} & set(numbers)
    for trial in again:
        queue().cancel(explored, trial.number)
        explored.delete(trial.number)


def test_a_running_trial_leads_to_the_line_that_says_what_a_long_pass_does(explored: Study) -> None:
    number = explored.add(Recipe.parse("recover:seconds=60 + onnxruntime"))
    explored.begin(number)
    said = "recover: training, 40 %, held-back loss 0.0123, was 0.4: █▅▂"
    progress = explored.trial(number).progress.model_copy(update={"phase": f"building, {said}"})
    explored.save(number, progress)
    assert "tells what is done" in _shown(visited("explore", explored, trial=str(number)))
    assert now(explored.name).endswith(said)
    explored.delete(number)


def test_an_interrupted_trial_keeps_its_figures_without_an_alarm(explored: Study) -> None:
    known, openvino = explored.trial(2), Recipe.parse("openvino:streams=2")
    number = explored.adopt(
        openvino,
        "local",
        known.progress,
        state="interrupted",
        error="The program was stopped.",
        origin="user",
        created=known.created,
    )
    page = visited("explore", explored, trial=str(number))
    assert not page.error
    assert "What is known of it stands: *Go on* measures the rest." in _shown(page)
    row = _trials(page).set_index("#").loc[number]
    assert row["verdict"] == known.quality.verdict if known.quality else False
    page.button(key="retry").click().run()
    (new,) = [trial for trial in explored.trials() if trial.recipe == openvino]
    assert new.number != number and new.slices[: len(known.slices)] == known.slices
    queue().cancel(explored, new.number)
    explored.delete(new.number)


def test_the_graph_page_shows_totals_nodes_and_measured_times(explored: Study) -> None:
    page = visited("graph", explored)
    facts = {metric.label: metric.value for metric in page.metric}
    assert facts["Nodes"] == "3" and facts["Parameters"] == "1.28 k"
    frame = page.get("iframe")[0].proto
    assert f"models/{explored.model.digest}/model.onnx" in frame.src
    page.button_group[0].set_value("Nodes and where the time goes").run()
    assert list(page.dataframe[0].value["op"]) == ["MatMul", "Relu", "MatMul"]
    next(b for b in page.button if b.label == "Measure time per node").click().run()
    assert not page.exception
    table = page.dataframe[0].value
    assert table["share"].sum() == pytest.approx(100)
    assert (table["µs"].dropna() >= 0).all()


def test_the_graph_of_an_optimized_model_can_be_chosen(explored: Study) -> None:
    page = visited("graph", explored, trial="1")
    assert any("QuantizeLinear" in caption.value for caption in page.caption)


@pytest.fixture
def own_model(explored: Study) -> AppTest:
    page = visited("start")
    return page.toggle(key="by_path").set_value(True).run()


def _model_path(name: str) -> str:
    return str(next(sample.model_path for sample in list_samples() if sample.name == name))


def test_open_sizes_are_asked_for_with_a_default(own_model: AppTest) -> None:
    own_model.text_input(key="model.path").set_value(_model_path("fashion")).run()
    assert own_model.number_input(key=key_of("dim", "batch")).value == 1
    assert "fidelity to the original" in _shown(own_model)
    assert own_model.button(key="open_model")


def test_a_table_may_be_given_with_the_name_of_its_column_of_labels(
    own_model: AppTest, tmp_path: Path
) -> None:
    rows = pd.DataFrame({f"pixel{place}": [0.5, 0.25] for place in range(28 * 28)})
    rows.assign(first=[1, 0], second=[0, 1]).to_csv(tmp_path / "data.csv", index=False)
    own_model.text_input(key="model.path").set_value(_model_path("fashion"))
    own_model.text_input(key="evalset.path").set_value(str(tmp_path / "data.csv")).run()
    own_model.button(key="open_model").click().run()
    assert "786 columns" in own_model.error[0].value
    own_model.text_input(key="label_column").set_value("third").run()
    own_model.button(key="open_model").click().run()
    assert "no column 'third'" in own_model.error[0].value


def _images(folder: Path, classes: int) -> Path:
    """A zip with one grey picture in each of some folders."""
    images = folder / "images.zip"
    with zipfile.ZipFile(images, "w") as archive:
        for number in range(classes):
            picture = io.BytesIO()
            Image.new("L", (40, 30), 20 * number).save(picture, "png")
            archive.writestr(f"kind {number}/1.png", picture.getvalue())
    return images


def test_images_come_with_a_preprocessing_to_adjust(own_model: AppTest, tmp_path: Path) -> None:
    own_model.text_input(key="model.path").set_value(_model_path("fashion"))
    own_model.text_input(key="evalset.path").set_value(str(_images(tmp_path, 10))).run()
    own_model.button(key="open_model").click().run()
    assert not own_model.exception and not own_model.error
    assert own_model.selectbox(key="preprocessing.channels").value == "gray"
    assert own_model.number_input(key="preprocessing.crop_share").value == 1.0
    assert "10 images in 10 folders" in _shown(own_model)
    assert "Top-1 accuracy of the original" in _shown(own_model).replace("\\", "")
    own_model.text_input(key="preprocessing.mean").set_value("a, b, c").run()
    assert "no list of numbers" in own_model.error[0].value
    assert own_model.text_input(key="model.path").value


def test_images_are_checked_before_settings_are_asked(own_model: AppTest, tmp_path: Path) -> None:
    own_model.text_input(key="model.path").set_value(_model_path("fashion"))
    own_model.text_input(key="evalset.path").set_value(str(_images(tmp_path, 2))).run()
    own_model.button(key="open_model").click().run()
    assert "2 class folders" in own_model.error[0].value
    assert not [box for box in own_model.selectbox if box.key == "preprocessing.channels"]


@pytest.mark.parametrize(
    ("path", "said"), [("/no/such/model.onnx", "no file"), (__file__, "not a model")]
)
def test_a_bad_path_is_one_sentence(own_model: AppTest, path: str, said: str) -> None:
    own_model.text_input(key="model.path").set_value(path).run()
    assert not own_model.exception
    (error,) = own_model.error
    assert said in error.value.replace("\\", "")


def test_start_says_what_protects_the_machine(explored: Study) -> None:
    page = visited("start")
    missing = [name for name, why in sandbox.protections().items() if why]
    assert missing or "without network" in _shown(page)
    page.session_state["walls"] = True
    table = str(page.run().table[0].value)
    assert all(one.name in table for one in sandbox.PROTECTIONS)


def test_start_names_what_does_not_protect_it(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    walls = {one.name: "" for one in sandbox.PROTECTIONS} | {"no network": "refused by the kernel"}
    monkeypatch.setattr(protecting, "protections", lambda: walls)
    said = "\n".join(str(one.value) for one in visited("start").warning).replace("\\", "")
    assert "no network (refused by the kernel)" in said and "read-only" not in said


def test_a_session_may_not_queue_without_end(
    explored: Study, explore: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = QueueItem(
        study=explored.name, number=99, recipe="", position=0, phase="", seconds_left=None
    )
    monkeypatch.setattr(Queue, "pending", lambda self: [waiting])
    monkeypatch.setenv("OPTIM_SESSION_TRIALS", "1")
    settings.cache_clear()
    explore.session_state["asked_for"] = {(explored.name, 99)}
    before = len(explored.trials())
    explore.button(key="add").click().run()
    settings.cache_clear()
    assert any("may have 1" in str(error.value) for error in explore.error)
    assert len(explored.trials()) == before


def test_a_starting_set_is_no_larger_than_a_session_may_have(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Recipe] = []
    monkeypatch.setattr(Queue, "pending", lambda self: [])
    monkeypatch.setattr(state, "submit", lambda study, recipes, *_: asked.extend(recipes))
    monkeypatch.setattr(state.st, "switch_page", lambda *_, **__: None)
    monkeypatch.setenv("OPTIM_SESSION_TRIALS", "2")
    settings.cache_clear()
    fresh = explored.model.model_copy(update={"name": "fresh"})
    state.begin(create_study(fresh, explored.evalset))
    settings.cache_clear()
    assert len(asked) == 2


def test_a_name_with_underscores_opens(explored: Study) -> None:
    """Streamlit's components refuse keys with `__` in them."""
    named = explored.model.model_copy(update={"name": "my__model__v2"})
    study = create_study(named, explored.evalset)
    assert "__" in study.name
    for name in ("explore", "graph", "compare", "export"):
        page = visited(name, study)
        assert not page.error, page.error


def test_with_accounts_pages_ask_to_log_in(home: Path) -> None:
    page = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
    page.secrets["auth"] = {"cookie_secret": "secret", "redirect_uri": "http://localhost/x"}
    page.run()
    assert not page.exception and not page.get("page_link")
    assert [button.label for button in page.button] == ["Log in"]
