import re
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml
from support import trials as made_up
from support.explored import RECIPES, opened

from optim.build import as_run
from optim.bundles import manifest
from optim.bundles.bundle import ZIP_SUFFIX
from optim.bundles.replay import replay
from optim.findings import Interval
from optim.home.files import file_path
from optim.recipe import Recipe
from optim.studies.picking import picked
from optim.studies.study import Study
from ui.export import bundle_name, contents, default, exportable, recipe_name
from ui.server.routes import bundle_url

_LINK = re.compile(r'href="(/bundles/([0-9a-f]{64})/([^"/]+\.zip))"')


def test_the_default_is_the_pick_of_all_trials_also_of_those_that_no_bundle_is_made_of() -> None:
    """The more are compared, the clearer the best must be: a few of them would pick by chance."""
    near = Interval(value=1.2, low=1.03, high=1.4)
    fast = made_up.summary(1, 1.2).model_copy(update={"speedup": near, "gain": near})
    timed = [made_up.summary(2, 1, thread_gain=None), fast, *[made_up.summary(3, 0.5)] * 30]
    recipes = ["onnxruntime", "openvino", *["fp16 + openvino"] * 30]
    judged = made_up.quality(made_up.ORIGINAL)
    trials = [
        made_up.trial(number, one, judged, recipe)
        for number, (one, recipe) in enumerate(zip(timed, recipes, strict=True))
    ]
    made = {"slices": ("a" * 64,), "model_digest": "b" * 64}
    trials[:2] = [trial.model_copy(update=made) for trial in trials[:2]]
    assert picked(exportable(trials)) == trials[1]  # what a bundle can be made of, alone
    assert default(trials, []) == picked(trials) == trials[0]


def test_the_default_is_the_trial_looked_at_else_the_fastest_within_the_loss(
    explored: Study,
) -> None:
    trials = explored.trials()
    offered = exportable(trials)
    assert [trial.number for trial in offered] == [0, 1, 2]  # an estimate cannot be exported
    assert default(trials, [trials[1]]) == trials[1]
    assert default(trials, [trials[3]]) == default(trials, []) == picked(trials)
    assert default([], []) is None
    page = opened("pages/export.py", explored, trial="1")
    assert page.selectbox[0].value == 1
    assert page.selectbox[0].options == [f"#{i} {text}" for i, text in enumerate(RECIPES)]
    page.selectbox[0].set_value(2).run()
    assert page.query_params["trial"] == "2" and page.code[0].value == RECIPES[2]


def test_before_it_is_made_the_page_says_what_a_bundle_holds(explored: Study) -> None:
    page = opened("pages/export.py", explored, trial="1")
    table = page.table[0].value
    assert {"model.onnx", "run.py", "report.html", "MANIFEST"} <= set(table["file"])
    commands = [block.value for block in page.code]
    assert any(command.startswith("python -m optim replay ") for command in commands)
    assert f'python -m optim measure MODEL.onnx --recipe "{RECIPES[1]}"' in commands
    assert not page.get("html")


def test_where_it_is_deployed_is_chosen_and_told_how_to_begin(explored: Study) -> None:
    page = opened("pages/export.py", explored, trial="1")
    (where,) = [one for one in page.get("button_group") if "Deploy" in one.label]
    assert {"Docker", "KServe", "Triton Inference Server"} <= set(where.options)
    assert any("OpenVINO Model Server does not run" in one.value for one in page.caption)
    where.set_value(["kserve"]).run()
    commands = [block.value for block in page.code]
    assert any(one.startswith("docker build ") for one in commands), "which KServe rests on"
    assert any(one.startswith("kubectl apply ") for one in commands)


def test_money_is_for_two_classes_and_others_get_a_sentence(explored: Study) -> None:
    page = opened("pages/export.py", explored, trial="1")
    (said,) = (one.value for one in page.info if "between two classes" in one.value)
    assert said.startswith("Costs are") and "sample *Loan risk*" in said
    assert not any("each setting earn" in one.label for one in page.button), "no dead end"


@pytest.mark.deep
def test_a_bundle_made_in_the_page_downloads_and_replays(explored: Study, tmp_path: Path) -> None:
    page = opened("pages/export.py", explored, trial="1")
    page.button(key="make").click().run()
    assert not page.exception and not page.error
    link = _LINK.search(page.get("html")[0].proto.body)
    assert link
    url, digest, name = link.groups()
    assert name == f"{explored.name}-{digest[:12]}.zip"
    assert f"python -m optim replay {name}" in [block.value for block in page.code]
    assert url == bundle_url(digest, name.removesuffix(".zip"))
    bundle = shutil.copy(file_path(digest, ZIP_SUFFIX), tmp_path / name)
    with zipfile.ZipFile(bundle) as archive:
        files = archive.namelist()
        recipe = Recipe.from_yaml(archive.read(manifest.RECIPE).decode())
    trial = explored.trial(1)
    assert recipe == as_run(trial.recipe, trial.reports)
    assert set(manifest.REQUIRED) < set(files)
    assert not [file for file in files if file.startswith("/") or ".." in file]
    listed = page.table[0].value
    assert sorted({file.partition("/")[0] for file in files}) == sorted(
        {file.rstrip("/") for file in listed["file"]}
    )
    assert all(listed["what it is"]) and all(listed["size"])
    result = replay(bundle)
    assert result.recipe == recipe.spelling
    assert [c.text for c in result.checks if c.ok is False and c.name != "speed-up"] == []


def test_the_recipe_alone_can_be_taken(explored: Study) -> None:
    page = opened("pages/export.py", explored, trial="1")
    (button,) = [b for b in page.get("download_button") if b.proto.label.startswith("Download rec")]
    assert button.proto.id
    recipe = explored.trial(1).recipe
    assert recipe_name(recipe) == f"recipe-{recipe.digest[:12]}.yaml"
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert yaml.safe_load(recipe.to_yaml())["recipe"] == RECIPES[1]


def test_file_names_stay_file_names(explored: Study) -> None:
    name = bundle_name(explored, "ab" * 32)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+-abababababab", name)


def test_sizes_are_those_in_the_zip(explored: Study) -> None:
    digest = "cd" * 32
    path = file_path(digest, ZIP_SUFFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.onnx", b"x" * 2000)
        archive.writestr("evidence/a.json", b"y" * 300)
        archive.writestr("evidence/b.json", b"y" * 300)
    found = contents(explored.trials()[0], [], digest)
    assert dict(zip(found["file"], found["size"], strict=True)) == {
        "model.onnx": "2 kB",
        "evidence/": "600 B",
    }


def test_before_it_is_made_only_what_it_will_hold_is_listed(explored: Study) -> None:
    trial = explored.trials()[0]
    listed = contents(trial, [], None)["file"]
    assert "model.onnx" in listed and not {"model.data", "compiled/", "deploy/"} & {*listed}
    assert "deploy/" in contents(trial, ["docker"], None)["file"]
    compiling = trial.model_copy(update={"recipe": Recipe.parse("inductor")})
    assert "compiled/" in contents(compiling, [], None)["file"]
